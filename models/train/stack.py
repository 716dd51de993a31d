"""How the frozen heads, the reader's and those on words are added up, and what probability that makes: learned from sources left out.

logit = shares . (frozen, reader, words), then sigmoid(scale * logit + shift). All numbers are fitted on rows whose
whole source neither part has seen (or on held-out rows of our own, the only ones for some categories).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import average_precision_score

import dataset
import features
import sources
from baselines import frozen, tfidf, words
from embed import readings
from folds import HALVES, OTHER, SEEN

# Rows judged of one source, of one of long texts, and of one that was trained on.
MOST, MOST_LONG, MOST_MET = 1500, 700, 500
LONG = {"dolly_1000", "jailbreak_in_the_wild", "wikipedia_de_paragraphs", "wikipedia_en_recent"}
# What frozen heads, reader and words may count, in tenths. No part alone, and words never most: what is best on these sources is not best on all others.
SHARES = np.array([(10 - r - w, r, w) for r in range(2, 9) for w in range(0, 5) if 1 <= 10 - r - w <= 8], np.float32) / 10
# Positives that a language needs to have a say in the shares, and open sources to be asked alone.
FEWEST, ENOUGH = 15, 50
RAREST = max(sources.PRESUMED_OWN.values())


@dataclass
class Judged:
    """Rows that a half has not seen, and what each part says of them: [rows, categories]."""

    rows: np.ndarray
    frozen: np.ndarray
    reader: np.ndarray
    words: np.ndarray
    tfidf: np.ndarray

    def parts(self, column: int, rows: np.ndarray) -> np.ndarray:
        """[rows chosen, 3]: what each part says of one category."""
        return np.stack([part[rows, column] for part in (self.frozen, self.reader, self.words)], 1)


def sample(data: dataset.Dataset, names: set[str], met: bool) -> np.ndarray:
    """Some rows of each source, the same ones every time; of sources that were met in training only held-out rows."""
    chosen = []
    for name in sorted(names - set(sources.LEXICONS)):
        rows = np.flatnonzero((data.source == name) & (data.held_out | (not met)))
        rows = rows[np.argsort([features.folded(f"judged {data.rows[i].id}".encode()) for i in rows], kind="stable")]
        chosen.append(np.sort(rows[: MOST_MET if met else MOST_LONG if name in LONG else MOST]))
    return np.concatenate(chosen)


def judged_rows(data: dataset.Dataset, half: str) -> np.ndarray:
    """What is judged of a half's training: the other half, surge_toxicity, held-out rows of our own; of `final`, held-out rows."""
    unmet = sample(data, {"surge_toxicity"} | (HALVES[OTHER[half]] if half in OTHER else set()), False)
    return np.unique(np.concatenate([unmet, sample(data, sources.OWN if half in OTHER else SEEN["final"], True)]))


def judged(data: dataset.Dataset, half: str, folder: Path, rows: np.ndarray | None = None) -> Judged:
    """All parts on the rows judged, or on these; `folder` holds the half's reader."""
    rows = judged_rows(data, half) if rows is None else rows
    head = np.load(folder / "head.npz")
    read = readings([data.rows[i].text for i in rows], folder / "reader.safetensors") @ head["head"] + head["bias"]
    linear, plain = (part(data, half).logits(data.embeddings[rows], data.features[rows]) for part in (frozen, words))
    return Judged(rows, linear, read, plain, tfidf(data, half)[rows])


def annotated(data: dataset.Dataset, rows: np.ndarray, column: int) -> np.ndarray:
    """[rows]: whether the cell says something itself; presumed rates and word lists do not."""
    value, weight = data.targets.value[rows, column], data.targets.weight[rows, column]
    return (weight > 0) & ((value == 0) | (value > RAREST)) & ~np.isin(data.source[rows], sources.LEXICONS)


def evened(source: np.ndarray) -> np.ndarray:
    """A weight a row, by which a source counts as the root of its size."""
    names, place, count = np.unique(source, return_inverse=True, return_counts=True)
    return (1.0 / np.sqrt(count))[place] / (1.0 / np.sqrt(count))[place].mean()


def mixing(parts: np.ndarray, truth: np.ndarray, lang: np.ndarray) -> np.ndarray:
    """[3]: of SHARES those with the highest AUPRC, the mean over the languages that have enough positives."""
    languages = [lang == name for name in np.unique(lang) if (truth[lang == name] > 0.5).sum() >= FEWEST]
    areas = [np.mean([average_precision_score(truth[rows] > 0.5, parts[rows] @ shares) for rows in languages]) for shares in SHARES]
    return SHARES[int(np.argmax(areas))]


def platt(logit: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """[2]: scale (positive) and shift by weighted maximum likelihood, with Platt's targets."""
    positives, negatives = (truth > 0.5).sum(), (truth <= 0.5).sum()
    value = np.clip(truth, 1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0))

    def loss(p: np.ndarray) -> float:
        z = np.exp(p[0]) * logit + p[1]
        return float((weight * (np.logaddexp(0.0, z) - value * z)).sum() / weight.sum())

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"maxiter": 2000, "xatol": 1e-4, "fatol": 1e-8}).x
    return np.array([np.exp(found[0]), found[1]])


def mixtures(data: dataset.Dataset, cases: list[Judged], use: Callable[[np.ndarray], np.ndarray] = np.ones_like) -> np.ndarray:
    """[categories, 3]: the shares of frozen heads, reader and words, over the rows of these cases that `use` is true for.

    Rows of our own count only where no open source has enough positives.
    """
    found = np.empty((len(dataset.CATEGORIES), 3), np.float32)
    for column in range(len(found)):
        cells = [annotated(data, case.rows, column) & use(case.rows).astype(bool) for case in cases]
        parts = np.concatenate([case.parts(column, m) for case, m in zip(cases, cells)])
        rows = np.concatenate([case.rows[m] for case, m in zip(cases, cells)])
        truth, own = data.targets.value[rows, column], np.isin(data.source[rows], sorted(sources.OWN))
        keep = ~own if (truth[~own] > 0.5).sum() >= ENOUGH else np.ones(len(rows), bool)
        found[column] = mixing(parts[keep], truth[keep], data.lang[rows[keep]])
    return found


def mixed(case: Judged, mixture: np.ndarray) -> np.ndarray:
    """Logits [rows, categories]."""
    return case.frozen * mixture[:, 0] + case.reader * mixture[:, 1] + case.words * mixture[:, 2]


def calibrations(data: dataset.Dataset, rows: np.ndarray, logits: np.ndarray, use: np.ndarray) -> np.ndarray:
    """[categories, 2]: `platt` of every category over the annotated rows among `use`."""
    found = np.tile([1.0, 0.0], (logits.shape[1], 1))
    for column in range(logits.shape[1]):
        cells = annotated(data, rows, column) & use
        truth = data.targets.value[rows[cells], column].astype(np.float64)
        found[column] = platt(logits[cells, column].astype(np.float64), truth, evened(data.source[rows[cells]]))
    return found
