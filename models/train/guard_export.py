"""Last stage: the trained checkpoint becomes models/guard, with its measurements, goldens and card.

    python guard_export.py --data FOLDER --tokenizer FILE --run FOLDER --out FOLDER [--judged N]

`--run` holds what guard_train.py left. P(unsafe) is the soft-max over ` safe` and ` unsafe` at the last
token of the prompt; the calibrated score is sigmoid(a * (logit unsafe - logit safe) + b).
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import onnxruntime_genai as genai
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

import guard_prompt as prompt
from guard_model import Guard, Shape
from guard_rows import material
from guard_train import Course, Prompts, judged, neighbourhood
from llama_export import export, smaller_embedding, unpacked_products

SETTINGS = ("none", "nearest", "shuffled")
# Held-out rows the calibration is fitted on; the figures are of the others.
CALIBRATED = 300
# Held-out rows the exported graph is compared with the checkpoint on.
COMPARED = 200
BLOCK = 64
EXAMPLES = [
    ("Thank you so much for the lovely evening, see you on Friday!", [], []),
    ("You are a worthless idiot and nobody here wants you.", [], []),
    (
        "Shut up, you pathetic clown.",
        [
            prompt.Precedent("block", ["harassment"], 0.8, "You pathetic loser, shut your mouth."),
            prompt.Precedent("allow", [], 0.5, "The clown at the party was funny and the children loved him."),
        ],
        [prompt.Clause("harassment", "Do not insult or humiliate another person; criticize what they say or do instead.")],
    ),
    ("Wer hat morgen Zeit, mit mir den Garten umzugraben?", [prompt.Precedent("allow", [], 0.7, "Wer hilft mir am Samstag im Garten?")], []),
]


def logits_by_graph(session: ort.InferenceSession, config: LlamaConfig, ids: list[int]) -> np.ndarray:
    """Last-position logits of the exported graph."""
    feeds = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), dtype=np.int64)}
    head = config.hidden_size // config.num_attention_heads
    for n in range(config.num_hidden_layers):
        for part in ("key", "value"):
            feeds[f"past_key_values.{n}.{part}"] = np.zeros((1, config.num_key_value_heads, 0, head), dtype=np.float32)
    return session.run(["logits"], feeds)[0][0, -1]


def likeness(session: ort.InferenceSession, config: LlamaConfig, course: Course, margins: np.ndarray, truth: np.ndarray) -> str:
    """How far the 8-bit graph is from the checkpoint, on the first held-out rows without precedents."""
    prompts, everything = course.prompts, course.everything
    found = []
    for place in everything.trained + np.arange(COMPARED):
        text = everything.rows[course.near["which"][place]].text
        logits = logits_by_graph(session, config, prompts.prefix + prompts.suffix(prompts.shortened(text)))
        found.append(logits[prompts.unsafe] - logits[prompts.safe])
    drift = np.abs(np.array(found) - margins[:COMPARED])
    areas = [average_precision_score(truth[:COMPARED], x) for x in (found, margins[:COMPARED])]
    return f"exported on {COMPARED} rows: margins differ by {drift.mean():.4f}, at most {drift.max():.4f}; AUPRC {areas[0]:.4f}, checkpoint {areas[1]:.4f}"


def measures(margins: np.ndarray, truth: np.ndarray) -> dict:
    return {"auprc": round(average_precision_score(truth, margins), 4), "auroc": round(roc_auc_score(truth, margins), 4)}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "tokenizer", "run", "out"):
        arguments.add_argument(f"--{name}", type=Path, required=True)
    arguments.add_argument("--judged", type=int, default=1200)
    options = arguments.parse_args()
    torch.set_num_threads(2)
    state = torch.load(options.run / "checkpoint.pt", weights_only=True)
    guard = Guard(Shape())
    guard.load_state_dict(state["guard"])
    guard.eval()
    model = LlamaForCausalLM(LlamaConfig(**guard.shape.hugging_face())).eval()
    print(model.load_state_dict(guard.state_dict()), "at step", state["at"][0], flush=True)
    rules = options.tokenizer.read_text(encoding="utf-8")
    prompts = Prompts(Tokenizer.from_str(rules))
    export(model, rules, options.out, "int8", block_size=BLOCK, accuracy_level=1)
    smaller_embedding(options.out)
    unpacked_products(options.out)

    session = ort.InferenceSession(str(options.out / "model.onnx"), providers=["CPUExecutionProvider"])
    golden = {"prefix_tokens": len(prompts.prefix), "safe": prompts.safe, "unsafe": prompts.unsafe, "examples": []}
    for text, precedents, clauses in EXAMPLES:
        whole = prompt.prefix() + prompt.suffix(text, precedents, clauses)
        ids = prompts.ids(whole)
        with torch.no_grad():
            reference = model(torch.tensor([ids])).logits[0, -1].numpy()
        exported = logits_by_graph(session, model.config, ids)
        margin = [float(x[prompts.unsafe] - x[prompts.safe]) for x in (reference, exported)]
        golden["examples"].append(
            {
                "prompt": whole, "ids": ids, "margin_float32": round(margin[0], 5), "margin_exported": round(margin[1], 5),
                "p_unsafe_float32": round(1 / (1 + np.exp(-margin[0])), 5), "p_unsafe_exported": round(1 / (1 + np.exp(-margin[1])), 5),
                "logits_drift": round(float(np.abs(reference - exported).max()), 5),
            }
        )
    (options.out / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")
    (options.out / "prompt.example.txt").write_text(golden["examples"][2]["prompt"], encoding="utf-8")

    loaded = genai.Model(str(options.out))
    generator = genai.Generator(loaded, genai.GeneratorParams(loaded))
    generator.append_tokens(golden["examples"][2]["ids"])
    said = []
    while not generator.is_done() and len(said) < 12:
        generator.generate_next_token()
        said.append(int(generator.get_next_tokens()[0]))
    print("onnxruntime-genai answers", repr(prompts.tokenizer.decode(said)), [e["p_unsafe_exported"] for e in golden["examples"]], flush=True)

    everything = material(options.data)
    course = Course(everything, prompts, neighbourhood(everything, options.run / "neighbours.npz"))
    figures, margins = {}, {}
    for setting in SETTINGS:
        margins[setting], truth = judged(guard, course, setting, options.judged)
        figures[setting] = measures(margins[setting][CALIBRATED:], truth[CALIBRATED:])
        print(setting, figures[setting], flush=True)
    print(likeness(session, model.config, course, margins["none"], truth), flush=True)
    langs = np.array([everything.rows[n].lang for n in course.near["which"][everything.trained :][: options.judged]])[CALIBRATED:]
    for lang in ("en", "de"):
        for setting in SETTINGS:
            here = langs == lang
            print(lang, setting, measures(margins[setting][CALIBRATED:][here], truth[CALIBRATED:][here]), int(here.sum()), "rows", flush=True)
    near = course.near["near"][everything.trained :][: options.judged, :4]
    weights = course.near["cosines"][everything.trained :][: options.judged, :4]
    rulings = np.array([[everything.rows[n].unsafe for n in line] for line in near])
    figures["neighbours_alone"] = measures(((2 * rulings - 1) * weights).sum(1)[CALIBRATED:], truth[CALIBRATED:])
    both = np.concatenate((margins["none"][:CALIBRATED], margins["nearest"][:CALIBRATED]))
    fitted = LogisticRegression(C=100.0).fit(both[:, None], np.tile(truth[:CALIBRATED], 2))
    calibration = {"a": round(float(fitted.coef_[0, 0]), 4), "b": round(float(fitted.intercept_[0]), 4)}
    for setting in SETTINGS:
        said = 1 / (1 + np.exp(-(calibration["a"] * margins[setting][CALIBRATED:] + calibration["b"])))
        for cut in (0.3, 0.5, 0.7):
            passed, wanted = said > cut, truth[CALIBRATED:]
            print(f"{setting}: calibrated above {cut}: recall {passed[wanted].mean():.3f}, false positives {passed[~wanted].mean():.3f}", flush=True)
        edges = np.clip((said * 5).astype(int), 0, 4)
        print(setting, "said and found by fifths", [(int((edges == k).sum()), round(float(said[edges == k].mean()), 2), round(float(truth[CALIBRATED:][edges == k].mean()), 2)) for k in range(5) if (edges == k).any()])
    figures |= {"rows": int(options.judged - CALIBRATED), "unsafe_share": round(float(truth[CALIBRATED:].mean()), 4), "steps": state["at"][0]}
    card = {
        "template": "llama-guard-1", "abilities": ["judge"], "categories": [{"name": name, "text": line} for name, line in prompt.CATEGORIES.items()],
        "calibration": calibration, "precedents_block": True, "clauses_block": True, "precedent_characters": prompt.PRECEDENT_CHARACTERS,
        "clause_characters": prompt.CLAUSE_CHARACTERS, "window_tokens": 128, "measured": figures,
    }
    (options.out / "lamassu.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    for path in sorted(options.out.iterdir()):
        print(path.name, path.stat().st_size, sha256(path), flush=True)


if __name__ == "__main__":
    main()
