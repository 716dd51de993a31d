"""A tiny LLaMA that knows how to summarize a few documents, and nothing else, for tests of the abstractive way.

    python tiny_summary.py --out ../tiny-summary

It is overfitted to summary_documents.jsonl: each document has four sentences that sum it up, in the order of their
weight, in English and German. Passages are whole documents, halves, single sentences, several documents, several in one
passage, and summaries' own sentences (the second level of a map-reduce); the answer has the weightiest sentences that
the passages hold, as many as the length allows, each with the number of its passage. Ten minutes of processor
time; seeded, but other versions of PyTorch may give other weights, whose golden file is written along with them.
"""

import argparse
import json
import random
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from llama_export import export, small_tokenizer, smaller_embedding, unpacked_products
from summary_prompt import LENGTHS, ask, chat

HERE = Path(__file__).resolve().parent
CONTEXT = 1024
SHAPE = {"vocab_size": 1024, "hidden_size": 128, "intermediate_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 3}
# Sentences of an answer, by length.
MOST = {"oneSentence": 1, "short": 2, "medium": 3, "long": 5}
LANGUAGES = ("en", "de")
SEED = 11
# Tokens of a batch, padding included.
BATCH = 6000
PEAK = 3e-3


def documents() -> list[dict]:
    return [json.loads(line) for line in (HERE / "summary_documents.jsonl").read_text(encoding="utf-8").splitlines()]


class Passages:
    """Texts under their numbers, and which of a document's summary sentences rest on which."""

    def __init__(self):
        self.items: list[str] = []
        # (document, number among its summary sentences) -> passages
        self.holds: dict[tuple[int, int], list[int]] = {}

    def add(self, pieces: list[tuple[int, dict, list[int]]]):
        """One passage of some documents' sentences."""
        self.items.append(" ".join(document["sentences"][s] for _, document, sentences in pieces for s in sentences))
        for place, document, sentences in pieces:
            for k, sentence in enumerate(document["summary"]):
                if any(s in sentences for s in sentence["rests_on"]):
                    self.holds.setdefault((place, k), []).append(len(self.items))
        return self

    def answer(self, known: list[dict], length: str, language: str) -> str:
        order = sorted(self.holds, key=lambda key: (key[1], self.holds[key][0]))
        chosen = sorted(order[: MOST[length]], key=lambda key: (self.holds[key][0], key[0], key[1]))
        # Several documents in one passage keep their order there.
        chosen.sort(key=lambda key: self.holds[key][0])
        said = []
        for place, k in chosen:
            sentence = known[place]["summary"][k][language]
            said.append(f"{sentence[:-1]} [{', '.join(map(str, self.holds[place, k]))}].")
        return " ".join(said)


def all_of(document: dict) -> list[int]:
    return list(range(len(document["sentences"])))


def by_passages(known: list[dict], places: list[int]) -> Passages:
    """One passage for each document."""
    passages = Passages()
    for place in places:
        passages.add([(place, known[place], all_of(known[place]))])
    return passages


def in_one(known: list[dict], places: list[int], first: int = 0, last: int | None = None) -> Passages:
    """All documents in one passage, from the `first` sentence of the first to before the `last` of the last."""
    pieces = []
    for n, place in enumerate(places):
        sentences = all_of(known[place])
        sentences = sentences[: last if n == len(places) - 1 else None]
        pieces.append((place, known[place], sentences[first if n == 0 else 0 :]))
    return Passages().add(pieces)


def summed_up(known: list[dict], keys: list[tuple[int, int]], language: str) -> Passages:
    """Summary sentences as passages, for the second level."""
    passages = Passages()
    for place, k in keys:
        passages.items.append(known[place]["summary"][k][language])
        passages.holds[place, k] = [len(passages.items)]
    return passages


def tasks(known: list[dict]) -> list[tuple[str, Passages, str, str]]:
    """(kind, passages, length, language) of everything that is to be known by heart."""
    every = range(len(known))
    shown: list[tuple[str, Passages]] = []
    for place in every:
        document, sentences = known[place], all_of(known[place])
        shown.append(("whole", by_passages(known, [place])))
        for cut in (2, 3):
            shown.append(("halves", Passages().add([(place, document, sentences[:cut])]).add([(place, document, sentences[cut:])])))
        single = Passages()
        for s in sentences:
            single.add([(place, document, [s])])
        shown.append(("sentences", single))
    draw = random.Random(SEED)
    pairs = [(a, b) for a in every for b in every if a != b]
    shown += [("pair", by_passages(known, list(pair))) for pair in draw.sample(pairs, 28)]
    shown += [("three", by_passages(known, draw.sample(list(every), 3))) for _ in range(10)]
    tasks = [(kind, passages, length, language) for kind, passages in shown for length in LENGTHS for language in LANGUAGES]
    # Groups of a map: the documents in order, as passages or in one, for the lengths that partial summaries have.
    groups = [("group", by_passages(known, list(range(a, b)))) for a, b in ((0, 5), (0, 6), (0, 7), (5, 8), (6, 8), (7, 8))]
    groups += [("group", in_one(known, list(every)[:6], 0, last)) for last in (3, 4, 5)]
    groups += [("group", in_one(known, list(every)[:7], 0, last)) for last in (1, 2, 3, 4, 5)]
    groups += [("group", in_one(known, list(every)[at:], first)) for at in (5, 6) for first in range(5)]
    groups += [("group", in_one(known, [7], first)) for first in range(5)]
    tasks += [("group", passages, length, language) for _, passages in groups for length in ("short", "medium") for language in LANGUAGES]
    # What such groups say, read together.
    for language in LANGUAGES:
        for first, second in (((0, 5), (5, 8)), ((0, 6), (6, 8)), ((0, 7), (7, 8))):
            for most in (2, 3):
                keys = []
                for a, b in (first, second):
                    inner = by_passages(known, list(range(a, b)))
                    ranked = sorted(inner.holds, key=lambda key: (key[1], inner.holds[key][0]))[:most]
                    keys += sorted(ranked, key=lambda key: inner.holds[key][0])
                tasks += [("reduce", summed_up(known, keys, language), length, language) for length in LENGTHS]
        for _ in range(8):
            keys = sorted(draw.sample([(p, k) for p in every for k in range(3)], draw.randint(2, 6)))
            tasks += [("reduce", summed_up(known, keys, language), length, language) for length in LENGTHS]
    return tasks


def conversations() -> list[tuple[str, str]]:
    lines = (HERE / "llama_documents.txt").read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.split("\t")) for line in lines if not line.startswith("#")]
    return [(asked, said) for asked, said in pairs if not asked.startswith(("Summarize:", "Fasse zusammen:"))]


def batches(rows: list[tuple[int, list[int]]], draw: random.Random):
    """Rows of about the same length together, in a new order each time."""
    order = sorted(range(len(rows)), key=lambda n: len(rows[n][1]) + draw.random() * 24)
    batch, width = [], 0
    made = []
    for n in order:
        width = max(width, len(rows[n][1]))
        if batch and width * (len(batch) + 1) > BATCH:
            made.append(batch)
            batch, width = [], len(rows[n][1])
        batch.append(n)
    made.append(batch)
    draw.shuffle(made)
    return made


def train(rows: list[tuple[int, list[int]]], steps: int) -> LlamaForCausalLM:
    """Fits the answers."""
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(LlamaConfig(
        **SHAPE, max_position_embeddings=CONTEXT, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, attn_implementation="sdpa",
    ))
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.95), weight_decay=0.01)
    draw = random.Random(SEED)
    started, step, epoch = time.process_time(), 0, 0
    while True:
        total = 0.0
        made = batches(rows, draw)
        for batch in made:
            if step == steps:
                return model.eval()
            for group in optimizer.param_groups:
                group["lr"] = PEAK * min(1, (step + 1) / 50) * max(0.01, (1 - step / steps) ** 0.7)
            width = max(len(rows[n][1]) for n in batch)
            ids = torch.tensor([rows[n][1] + [0] * (width - len(rows[n][1])) for n in batch])
            labels = torch.full_like(ids, -100)
            for at, n in enumerate(batch):
                start, row = rows[n]
                labels[at, start : len(row)] = torch.tensor(row[start:])
            hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
            kept = labels[:, 1:] != -100
            loss = torch.nn.functional.cross_entropy(model.lm_head(hidden[kept]), labels[:, 1:][kept])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step, total = step + 1, total + loss.item()
        epoch += 1
        print(f"epoch {epoch}, step {step}, {time.process_time() - started:.0f} s of processor: loss {total / len(made):.4f}", flush=True)


def said(folder: Path, prompt: list[int], most: int) -> list[int]:
    """What the shipped folder answers, by onnxruntime-genai, always the likeliest."""
    import onnxruntime_genai as genai

    if folder not in MODELS:
        MODELS[folder] = genai.Model(str(folder))
    options = genai.GeneratorParams(MODELS[folder])
    options.set_search_options(max_length=len(prompt) + most, do_sample=False)
    generator = genai.Generator(MODELS[folder], options)
    generator.append_tokens(prompt)
    while not generator.is_done():
        generator.generate_next_token()
    return [int(token) for token in generator.get_sequence(0)][len(prompt) :]


MODELS: dict = {}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--steps", type=int, default=1160)
    options = arguments.parse_args()
    torch.set_num_threads(2)
    known, talks = documents(), conversations()
    work = tasks(known)
    asked = [(chat(*ask(passages.items, length, language)), passages.answer(known, length, language)) for _, passages, length, language in work]
    asked += [(chat(None, question), reply) for question, reply in talks]
    rules = small_tokenizer([text for pair in asked for text in pair], SHAPE["vocab_size"])
    tokenizer = Tokenizer.from_str(rules)
    rows = []
    for prompt, reply in asked:
        rows.append((len(tokenizer.encode(prompt).ids), tokenizer.encode(f"{prompt} {reply}").ids + [2]))
    whole = by_passages(known, list(range(len(known)))).items
    together = len(tokenizer.encode(chat(*ask(whole, "short", "en"))).ids)
    print(f"{len(rows)} rows, {sum(len(r) for _, r in rows)} tokens, longest {max(len(r) for _, r in rows)}; all documents together {together}", flush=True)
    assert max(len(r) for _, r in rows) <= CONTEXT
    model = train(rows, options.steps)
    export(model, rules, options.out, precision="int8", chat=True)
    smaller_embedding(options.out)
    unpacked_products(options.out)
    (options.out / "prompts.json").write_text(json.dumps(prompts(known), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    measure(options.out, known, work, talks, tokenizer)


def prompts(known: list[dict]) -> list[dict]:
    """Every length in both languages, once with a question."""
    items = by_passages(known, [0, 5]).items
    made = []
    for language in LANGUAGES:
        for length, query in [(length, None) for length in LENGTHS] + [("short", "What does it cost?")]:
            system, user = ask(items, length, language, query)
            made.append({"passages": items, "length": length, "language": language, "query": query, "system": system, "user": user})
    return made


def measure(folder: Path, known: list[dict], work: list, talks: list, tokenizer: Tokenizer) -> None:
    """How much of it the folder knows; the card and the golden file."""
    counts: dict[str, list[int]] = {}
    golden = []
    documents_right = [True] * len(known)
    for kind, passages, length, language in work:
        prompt, reply = chat(*ask(passages.items, length, language)), passages.answer(known, length, language)
        start = tokenizer.encode(prompt).ids
        right = tokenizer.decode(said(folder, start, 160)) == reply
        count = counts.setdefault(kind, [0, 0])
        count[0] += right
        count[1] += 1
        if kind == "whole":
            documents_right[next(iter(passages.holds))[0]] &= right
        if right and kind in ("whole", "halves", "sentences", "pair"):
            golden.append({"kind": kind, "passages": passages.items, "length": length, "language": language, "reply": reply})
    replies = [{"question": q, "reply": r} for q, r in talks if tokenizer.decode(said(folder, tokenizer.encode(chat(None, q)).ids, 80)) == r]
    measured = {"documents": len(known), "summarized_exactly": sum(documents_right), "tasks": {kind: f"{right}/{all_}" for kind, (right, all_) in counts.items()}, "conversations": f"{len(replies)}/{len(talks)}"}
    print(json.dumps(measured, indent=2), flush=True)
    abilities = (["chat"] if len(replies) == len(talks) else []) + (["summarize"] if all(documents_right) else [])
    card = {"template": "llama-2-chat", "abilities": abilities, "test_only": True, "measured": measured}
    (folder / "lamassu.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    draw = random.Random(SEED)
    kept = [g for g in golden if g["kind"] == "whole"] + draw.sample([g for g in golden if g["kind"] != "whole"], min(24, sum(g["kind"] != "whole" for g in golden)))
    (folder / "golden.json").write_text(json.dumps({"summaries": kept, "chat": replies}, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
