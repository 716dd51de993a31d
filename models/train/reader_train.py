"""Trains the reader: fine-tuned copies of MiniLM's upper layers, one linear head a category above them.

Losses: logistic over annotated cells only; -log(1 - prod(1 - p)) where one of several categories must hold (fit.py); where a severity
is graded, the same logit must pass as many ascending cuts as the severity has levels. A source that has many rows of both kinds has an
offset of its own for that category, dropped afterwards. Stops and resumes: everything is drawn by step.

    python reader_train.py --data FOLDER --half A|B|final --steps N --out FOLDER
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import sources
from dataset import CATEGORIES, targets_of
from fit import Settings, offset_allowed
from folds import SEEN
from reader_course import Batch, Course
from reader_file import FROM_LAYER, LAYERS, save
from reader_model import LEVELS, Reader

SEED = 8
RATE, HEAD_RATE, LAYER_DECAY, WEIGHT_DECAY = 2e-4, 2e-3, 0.85, 0.02
WARM_UP = 80
SEVERITY_WEIGHT = 0.3
SAVED_EVERY, PRINTED_EVERY = 200, 50


def severities(rows: list[sources.Row]) -> np.ndarray:
    """[rows, categories], NaN where not graded."""
    found = np.full((len(rows), len(CATEGORIES)), np.nan, np.float32)
    for i, row in enumerate(rows):
        for category, severity in row.severity.items():
            if category in CATEGORIES:
                found[i, CATEGORIES.index(category)] = severity
    return found


class Lesson:
    """Targets as tensors and the loss of a batch."""

    def __init__(self, course: Course):
        targets, rows = course.targets, course.rows
        counts = np.array([sources.WEIGHTS.get(row.source, 1.0) for row in rows], np.float32)
        self.value, self.any_of = torch.from_numpy(targets.value), torch.from_numpy(targets.any_of)
        self.weight = torch.from_numpy(np.minimum(targets.weight / counts[:, None], 1.0))
        self.source = torch.from_numpy(targets.source)
        self.allowed = torch.from_numpy(offset_allowed(targets, course.chosen, Settings().offset_rows))
        self.severity = torch.from_numpy(severities(rows))

    def loss(self, model: Reader, batch: Batch) -> torch.Tensor:
        rows = torch.from_numpy(batch.rows)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            reading = model.reading(batch.ids, batch.mask)
        logits = reading @ model.head + model.bias
        shifted = logits + (model.offsets * self.allowed)[self.source[rows]]
        direct = (F.binary_cross_entropy_with_logits(shifted, self.value[rows], reduction="none") * self.weight[rows]).sum(1)
        none = (F.logsigmoid(-shifted) * self.any_of[rows]).sum(1)
        some = torch.where(self.any_of[rows].any(1), -torch.log1p(-none.exp() + 1e-6), torch.zeros(()))
        grade = self.severity[rows]
        above = (grade[:, :, None] >= torch.arange(1, LEVELS + 1) - 0.5).float()
        graded = F.binary_cross_entropy_with_logits(shifted[:, :, None] - model.cuts(), above, reduction="none").mean(2)
        ordinal = torch.where(grade.isnan(), torch.zeros(()), graded).sum(1)
        return (direct + some + SEVERITY_WEIGHT * ordinal).mean()


def optimizer_of(model: Reader) -> torch.optim.AdamW:
    """Deeper layers learn more slowly; no decay for biases and normalization."""
    groups = []
    for n in range(FROM_LAYER, LAYERS):
        rate = RATE * LAYER_DECAY ** (LAYERS - 1 - n)
        parameters = list(model.upper[str(n)].values())
        groups += [{"params": [p for p in parameters if p.ndim == 2], "lr": rate, "weight_decay": WEIGHT_DECAY}]
        groups += [{"params": [p for p in parameters if p.ndim == 1], "lr": rate, "weight_decay": 0.0}]
    groups += [{"params": [model.head], "lr": HEAD_RATE, "weight_decay": WEIGHT_DECAY}]
    groups += [{"params": [model.bias, model.offsets, model.first_cut, model.steps], "lr": 10 * HEAD_RATE, "weight_decay": 0.0}]
    for group in groups:
        group["peak"] = group["lr"]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6)


def train(course: Course, steps: int, out: Path) -> Reader:
    """Goes on from `out/checkpoint.pt` if there is one."""
    torch.manual_seed(SEED)
    lesson, model = Lesson(course), Reader(course.targets.source.max() + 1, len(CATEGORIES))
    optimizer, first, kept = optimizer_of(model), 0, out / "checkpoint.pt"
    if kept.exists():
        state = torch.load(kept, weights_only=False)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    started, spent, total = time.time(), time.process_time(), 0.0
    for step in range(first, steps):
        torch.manual_seed(SEED * 1_000_003 + step)
        pace = float(min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + np.cos(np.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * pace
        loss = lesson.loss(model, course.batch(step))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
        if (step + 1) % PRINTED_EVERY == 0:
            print(f"step {step + 1} of {steps}: loss {total / PRINTED_EVERY:.4f}, {time.time() - started:.0f} s, {time.process_time() - spent:.0f} s of processor", flush=True)
            total = 0.0
        if (step + 1) % SAVED_EVERY == 0:
            partial = kept.with_suffix(".partial")
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1}, partial)
            partial.rename(kept)
    return model


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    arguments.add_argument("--half", choices=sorted(SEEN), required=True)
    arguments.add_argument("--steps", type=int, required=True)
    arguments.add_argument("--out", type=Path, required=True, help="for the checkpoint, reader.safetensors and head.npz")
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = sources.all_rows(options.data)
    chosen = np.array([i for i, row in enumerate(rows) if row.source in SEEN[options.half] and not row.held_out])
    course = Course(rows, targets_of(rows), chosen)
    print(f"{options.half}: {len(chosen)} rows, {len(course.round(0))} batches a round", flush=True)
    model = train(course, options.steps, options.out)
    save(model.weights(), options.out / "reader.safetensors")
    head = {name: getattr(model, name).detach().numpy() for name in ("head", "bias")}
    np.savez(options.out / "head.npz", **head, cuts=model.cuts().detach().numpy())


if __name__ == "__main__":
    main()
