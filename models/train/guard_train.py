"""Second and third stage: the transformer reads the prompt and answers `safe` or `unsafe` and the codes.

Steps below `--reading` show the text alone; later steps show clauses and precedents: most often the
nearest, sometimes none, sometimes ones drawn by chance with their true similarity, so that rulings are
weighed and not copied. Most of what is read are rows that the teacher is not sure of, for it is such texts that
the guard is asked about. What is learned: the verdict, mostly the row's label and partly the teacher's opinion;
the codes; and, from the same state, the encoder's embedding of the text, by a linear map that is dropped
afterwards. Stops and resumes: everything is drawn by step.

    python guard_train.py --data FOLDER --tokenizer FILE --words FILE.npz --out FOLDER --steps N --reading M
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, roc_auc_score
from tokenizers import Tokenizer

import guard_prompt as prompt
from guard_model import Guard, Shape
from guard_rows import Material, material
from guard_start import BLOCK, ROWS, WORTH, begin, worth
from guard_teacher import opinions

SEED = 11
# Rows the worth of a ruling is fitted on, and held-out rows the figures are of.
SAMPLED = 12_000
JUDGED = 1200
GROUP = 192
BATCH_TOKENS = 2000
TEXT_TOKENS = 128
RATE, EMBEDDING_RATE, DECAY = 5e-4, 5e-4, 0.05
WARM_UP = 150
COOLING = 0.35
FURTHER_WEIGHT, MEANING_WEIGHT = 0.3, 1.0
# How much of a verdict is the teacher's opinion instead of the row's label.
TAUGHT = 0.35
# The guard is asked where the heads are not sure (the default policy's band): so many of the rows drawn are those whose teacher is not, on either side.
UNSURE, UNSURE_SHARE = (0.25, 0.75), 0.65
# The head start, in logits, of a token where it belongs in an answer.
IN_PLACE = 14.0
SAVED_EVERY, JUDGED_EVERY = 50, 1000


class Prompts:
    """Token ids of prompts: the prefix once, suffixes one by one."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        self.prefix = self.ids(prompt.prefix())
        self.safe, self.unsafe = (tokenizer.token_to_id("▁" + word) for word in ("safe", "unsafe"))
        self.end = 2

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text).ids

    def suffix(self, *arguments, **named) -> list[int]:
        """Ids after the prefix, tokenized together with it."""
        ids = self.ids(prompt.prefix() + prompt.suffix(*arguments, **named))
        assert ids[: len(self.prefix)] == self.prefix
        return ids[len(self.prefix) :]

    def answer(self, unsafe: bool, categories: list[str] | None) -> list[int]:
        if unsafe and not categories:
            return [self.unsafe]
        line = prompt.answer(unsafe, categories or [])
        # Behind `[/INST]`, where the answer follows: no "▁" of its own in front.
        return self.ids("x" + line)[len(self.ids("x")) :] + [self.end]

    def shortened(self, text: str) -> str:
        """The first tokens of a text."""
        encoding = self.tokenizer.encode(text[:2000], add_special_tokens=False)
        return text if len(encoding.ids) <= TEXT_TOKENS and len(text) <= 2000 else text[: encoding.offsets[min(TEXT_TOKENS, len(encoding.ids)) - 1][1]]


class Course:
    """The batches of training, each determined by its group's number."""

    def __init__(self, everything: Material, prompts: Prompts, near: dict[str, np.ndarray]):
        self.everything, self.prompts, self.near = everything, prompts, near
        self.opinions = opinions(everything)
        self.share = doubted(everything, self.opinions)

    def around(self, place: int, draw: np.random.Generator) -> dict:
        """Precedents and clauses for the training row at `place`."""
        rows, vectors = self.everything.rows, self.everything.vectors
        kind = draw.choice(["none", "nearest", "some", "chance"], p=[0.25, 0.5, 0.15, 0.1])
        count = int(draw.integers(1, 5))
        near, cosines = self.near["near"][place], self.near["cosines"][place]
        if kind == "none":
            chosen = []
        elif kind == "chance":
            chosen = [(n, float(vectors[place] @ vectors[n])) for n in draw.integers(0, self.everything.trained, count) if n != place]
        else:
            picked = range(count) if kind == "nearest" else np.sort(draw.permutation(len(near))[:count])
            chosen = [(near[i], float(cosines[i])) for i in picked if cosines[i] > 0]
        precedents = [rows[n].precedent(max(s, 0.0), draw.random()) for n, s in chosen]
        clauses = self.near["clauses"][place][: draw.integers(1, 3)] if draw.random() < 0.2 else []
        return {"precedents": precedents, "clauses": [self.everything.clauses[n] for n in clauses]}

    def group(self, number: int, reading: bool) -> list[dict]:
        """Batches of rows of like length."""
        draw = np.random.default_rng([SEED, number])
        prompts, made = self.prompts, []
        for place in draw.choice(self.everything.trained, GROUP, p=self.share):
            row = self.everything.rows[place]
            around = {} if reading else self.around(place, draw)
            opinion = self.opinions[place] if row.unsafe else 1.0 - self.opinions[place]
            made.append((prompts.suffix(prompts.shortened(row.text), **around), prompts.answer(row.unsafe, row.categories), 1.0 - TAUGHT + TAUGHT * opinion, place))
        made.sort(key=lambda row: len(row[0]) + len(row[1]))
        batches, batch = [], []
        for row in made:
            if batch and (len(batch) + 1) * (len(row[0]) + len(row[1])) > BATCH_TOKENS:
                batches.append(batch)
                batch = []
            batch.append(row)
        batches.append(batch)
        draw.shuffle(batches)
        return [self.tensors(batch) for batch in batches]

    def tensors(self, batch: list) -> dict:
        """Padded ids, and for each position whose next token counts its place, target, the other verdict, the target's share and its weight."""
        width = max(len(s) + len(a) for s, a, *_ in batch) - 1
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        places, targets, others, shares, weights = [], [], [], [], []
        for n, (suffix, answer, sure, _) in enumerate(batch):
            whole = suffix + answer
            ids[n, : len(whole) - 1] = torch.tensor(whole[:-1])
            for i, target in enumerate(answer):
                places.append(n * width + len(suffix) - 1 + i)
                targets.append(target)
                others.append(target if i else self.prompts.safe + self.prompts.unsafe - target)
                shares.append(1.0 if i else sure)
                weights.append(FURTHER_WEIGHT if i else 1.0)
        counted = {"places": places, "targets": targets, "others": others, "shares": shares, "weights": weights}
        meant = torch.from_numpy(self.everything.vectors[[row[3] for row in batch]])
        return {"ids": ids, "rows": len(batch), "meant": meant} | {name: torch.tensor(values) for name, values in counted.items()}


def doubted(everything: Material, opinions: np.ndarray) -> np.ndarray:
    """How often each training row is drawn: half of them safe, and of either side most are rows that the teacher is not sure of."""
    share = everything.share()
    unsure = (opinions > UNSURE[0]) & (opinions < UNSURE[1])
    unsafe = np.array([row.unsafe for row in everything.rows[: everything.trained]])
    for side in (unsafe, ~unsafe):
        for rows, part in ((side & unsure, UNSURE_SHARE), (side & ~unsure, 1.0 - UNSURE_SHARE)):
            share[rows] *= 0.5 * part / share[rows].sum()
    print(f"{unsure.mean():.3f} of the rows are doubted; they are {UNSURE_SHARE} of what is read", flush=True)
    return share


def neighbourhood(everything: Material, path: Path) -> dict[str, np.ndarray]:
    """What lies near each training row and, behind these, near the held-out rows that are judged."""
    if path.exists():
        return dict(np.load(path))
    draw = np.random.default_rng(SEED)
    held = np.arange(everything.trained, len(everything.rows))
    rows = [everything.rows[n] for n in held]
    sources = {s: sum(r.source == s for r in rows) for s in {r.source for r in rows}}
    even = np.array([sources[r.source] ** -0.5 for r in rows])
    judged = draw.choice(held, JUDGED, replace=False, p=even / even.sum())
    which = np.concatenate((np.arange(everything.trained), judged))
    near, cosines = everything.neighbours(which)
    found = {"which": which, "near": near, "cosines": cosines, "clauses": everything.clauses_near(which)}
    np.savez(path, **found)
    return found


@torch.no_grad()
def judged(guard: Guard, course: Course, setting: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The lead of ` unsafe` over ` safe` in logits, and the truth, on held-out rows. `setting`: none, nearest (four) or shuffled (another text's four)."""
    everything, near = course.everything, course.near
    places = np.arange(everything.trained, everything.trained + count)
    others = places if setting != "shuffled" else np.roll(places, 1)
    draw = np.random.default_rng(SEED)
    made = []
    for place, other in zip(places, others):
        row = everything.rows[near["which"][place]]
        pairs = [] if setting == "none" else list(zip(near["near"][other][:4], near["cosines"][other][:4]))
        precedents = [everything.rows[n].precedent(max(float(s), 0.0), draw.random()) for n, s in pairs]
        made.append(course.prompts.suffix(course.prompts.shortened(row.text), precedents))
    order = np.argsort([len(m) for m in made], kind="stable")
    scores = np.zeros(count)
    prefix = torch.tensor(course.prompts.prefix)
    for start in range(0, count, 24):
        chosen = order[start : start + 24]
        ids = torch.zeros(len(chosen), max(len(made[n]) for n in chosen), dtype=torch.long)
        for row, n in enumerate(chosen):
            ids[row, : len(made[n])] = torch.tensor(made[n])
        last = guard(prefix, ids)[torch.arange(len(chosen)), torch.tensor([len(made[n]) - 1 for n in chosen])]
        logits = guard.lm_head(last)
        scores[chosen] = (logits[:, course.prompts.unsafe] - logits[:, course.prompts.safe]).numpy()
    truth = np.array([everything.rows[near["which"][place]].unsafe for place in places])
    return scores, truth


@torch.no_grad()
def settled(guard: Guard, course: Course) -> None:
    """Finishes the start: no common lead of either answer, and each token of an answer where its place is."""
    batches, prompts, weights = course.group(0, reading=False)[:5], course.prompts, guard.lm_head.weight
    states = [(guard(torch.tensor(prompts.prefix), b["ids"]).flatten(0, 1)[b["places"]], b["ids"].flatten()[b["places"]]) for b in batches]
    hidden, before = (torch.cat(parts) for parts in zip(*states))
    codes = torch.tensor([prompts.tokenizer.token_to_id(f"O{n + 1}") for n in range(len(prompt.NAMES))])
    line, comma = (prompts.tokenizer.token_to_id(piece) for piece in ("\n", ","))
    # What may follow: after `unsafe`, after a line break or comma, after `safe` or a code; else the answer begins.
    after = torch.zeros_like(before)
    after[before == prompts.unsafe] = 1
    after[(before == line) | (before == comma)] = 2
    after[(before == prompts.safe) | torch.isin(before, codes)] = 3
    constant = torch.zeros(guard.shape.hidden_size)
    constant[BLOCK - 1 : WORTH : BLOCK] = 1.0
    last = hidden[after == 0]
    lead = last @ (weights[prompts.unsafe] - weights[prompts.safe])
    along = lead.median() / (last @ constant).median() / 2
    weights[prompts.unsafe] -= constant * along
    weights[prompts.safe] += constant * along
    apart = torch.linalg.pinv(torch.stack([hidden[after == n].mean(0) for n in range(4)]), rtol=1e-3)
    for n, tokens in enumerate(([prompts.safe, prompts.unsafe], [line], codes.tolist(), [prompts.end])):
        weights[tokens] += IN_PLACE * apart[:, n]
    print(f"lead {lead.median():.3f} taken out; spread {lead.std():.3f}; places {[int((after == n).sum()) for n in range(4)]}", flush=True)


def compare(guard: Guard, course: Course, step: int) -> None:
    """A quick look, on the first few held-out rows."""
    for setting in ("none", "nearest"):
        scores, truth = judged(guard, course, setting, 600)
        print(f"{step} held out, {setting}: AUPRC {average_precision_score(truth, scores):.4f} AUROC {roc_auc_score(truth, scores):.4f}", flush=True)


def rate(step: int, steps: int) -> float:
    """Warm up, stay, and cool down linearly over the last part."""
    return min(1.0, (step + 1) / WARM_UP, max(0.02, (steps - step) / (COOLING * steps)))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name in ("data", "tokenizer", "words", "out"):
        arguments.add_argument(f"--{name}", type=Path, required=True)
    arguments.add_argument("--steps", type=int, required=True)
    arguments.add_argument("--reading", type=int, required=True)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--rate", type=float, default=RATE)
    arguments.add_argument("--erate", type=float, default=EMBEDDING_RATE)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    # Products in bfloat16 where the processor has them; weights and sums stay float32.
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    options.out.mkdir(parents=True, exist_ok=True)
    everything = material(options.data)
    prompts = Prompts(Tokenizer.from_file(str(options.tokenizer)))
    course = Course(everything, prompts, neighbourhood(everything, options.out / "neighbours.npz"))
    print(len(prompts.prefix), "tokens of prefix", flush=True)

    guard = Guard(Shape(), SEED)
    meaning = torch.nn.Linear(guard.shape.hidden_size, everything.vectors.shape[1])
    kept = options.out / "checkpoint.pt"
    if not kept.exists():
        draw = np.random.default_rng(SEED)
        rows = [everything.rows[n] for n in draw.choice(everything.trained, ROWS, p=course.share)]
        texts = [torch.tensor(prompts.ids(row.text[:2000])[1 : TEXT_TOKENS + 1]) for row in rows]
        sampled = draw.choice(everything.trained, SAMPLED, p=course.share)
        shown = [course.around(place, draw)["precedents"] for place in sampled]
        truth = np.array([everything.rows[n].unsafe for n in sampled])
        begin(guard, prompts.tokenizer, np.load(options.words)["table"], texts, rows, worth(shown, truth), SEED)
        settled(guard, course)
        if options.steps:
            compare(guard, course, 0)
    plain = [p for n, p in guard.named_parameters() if p.dim() == 2 and n.startswith("model.layers")]
    broad = [guard.model.embed_tokens.weight, guard.lm_head.weight]
    norms = [p for p in guard.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": plain, "peak": options.rate, "weight_decay": DECAY},
            {"params": broad, "peak": options.erate, "weight_decay": 0.0},
            {"params": norms, "peak": options.rate, "weight_decay": 0.0},
            {"params": list(meaning.parameters()), "peak": 2 * options.rate, "weight_decay": 0.0},
        ],
        betas=(0.9, 0.98),
        fused=True,
    )
    step, group, index = 0, 0, 0
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        guard.load_state_dict(state["guard"])
        meaning.load_state_dict(state["meaning"])
        optimizer.load_state_dict(state["optimizer"])
        step, group, index = state["at"]
        print("resumed at step", step, flush=True)
    print(sum(p.numel() for p in guard.parameters()), "parameters", flush=True)
    prefix = torch.tensor(prompts.prefix)
    batches, began, seen, sums = None, time.time(), 0, np.zeros(4)

    def save():
        partial = kept.with_suffix(".partial")
        torch.save({"guard": guard.state_dict(), "meaning": meaning.state_dict(), "optimizer": optimizer.state_dict(), "at": (step, group, index)}, partial)
        partial.rename(kept)

    while step < options.steps:
        if batches is None:
            batches = course.group(group, reading=step < options.reading)
        batch = batches[index]
        hidden = guard(prefix, batch["ids"]).flatten(0, 1)[batch["places"]]
        said = F.log_softmax(guard.lm_head(hidden), dim=-1)
        target, other = (-said.gather(1, batch[name][:, None])[:, 0] for name in ("targets", "others"))
        losses = batch["shares"] * target + (1.0 - batch["shares"]) * other
        first = batch["weights"] == 1.0
        meant = F.cosine_similarity(meaning(hidden[first]), batch["meant"]).sum()
        ((losses * batch["weights"]).sum() - MEANING_WEIGHT * meant).div(batch["rows"]).backward()
        torch.nn.utils.clip_grad_norm_(guard.parameters(), 1.0)
        for part in optimizer.param_groups:
            part["lr"] = part["peak"] * rate(step, options.steps)
        optimizer.step()
        optimizer.zero_grad()
        sums += [losses.detach()[first].sum().item(), target.detach()[first].sum().item(), meant.item(), batch["rows"]]
        seen += batch["ids"].numel()
        step, index = step + 1, index + 1
        if index >= len(batches):
            batches, group, index = None, group + 1, 0
        if step % 50 == 0:
            print(f"{step} group {group} verdict {sums[0] / sums[3]:.4f} (label {sums[1] / sums[3]:.4f}) cosine {sums[2] / sums[3]:.4f} rows {int(sums[3])} tokens/s {seen / (time.time() - began):.0f}", flush=True)
            began, seen, sums = time.time(), 0, np.zeros(4)
        if step % SAVED_EVERY == 0:
            save()
        if step % JUDGED_EVERY == 0:
            compare(guard, course, step)
            began = time.time()
    save()


if __name__ == "__main__":
    main()
