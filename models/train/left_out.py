"""Whole sources left out: what is shipped beside both baselines, each fitted on one half of the sources and judged on the other.

    python left_out.py --data FOLDER --readers FOLDER     FOLDER/{A,B}/{reader.safetensors,head.npz} of reader_train.py

What share the two parts have, and Platt's scaling, are fitted on every second row judged and used for the others; what is shipped is fitted alike on all. Intervals are 95 %, normal, from 100 bootstraps of the rows.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score

import dataset
import sources
from fit import sigmoid
from folds import OTHER
from quality import SCORED_BY
from stack import Judged, annotated, calibrations, evened, judged, mixed, mixtures

BOOTSTRAPS, SEED, FEWEST = 100, 5, 20
LENGTHS = [("up to 50", 0, 50), ("51 to 200", 51, 200), ("over 200", 201, 10**9)]
# Labels that are no categories of ours: rows that have nothing else are not in the mixture.
FOREIGN = {"specialised_advice", "defamation", "ip_violation", "privacy"}
MIXTURE_ROWS = 300


@dataclass
class Figures:
    """The rows judged of both halves together: calibrated probabilities of ours, scores of the baselines."""

    rows: np.ndarray
    ours: np.ndarray
    reader: np.ndarray
    frozen: np.ndarray
    tfidf: np.ndarray
    own: np.ndarray

    SYSTEMS = ("ours", "reader", "frozen", "tfidf")


def figures(data: dataset.Dataset, cases: dict[str, Judged]) -> Figures:
    """Every row once; own and surge_toxicity, which both halves judge, by the mean of both."""
    odd, even = (mixtures(data, list(cases.values()), lambda rows, k=k: rows % 2 == k) for k in (1, 0))
    together: dict[int, list] = {}
    for case in cases.values():
        parts = np.stack([mixed(case, odd), mixed(case, even), case.reader, case.frozen, case.tfidf], 1)
        for row, part in zip(case.rows, parts):
            together.setdefault(int(row), []).append(part)
    rows = np.array(sorted(together))
    parts = np.stack([np.mean(together[row], axis=0) for row in rows])
    # Shares and scaling come from every second row; the others are judged.
    ours = np.empty_like(parts[:, 0])
    for k, use in ((0, rows % 2 == 0), (1, rows % 2 == 1)):
        scale = calibrations(data, rows, parts[:, k], ~use)
        ours[use] = sigmoid(parts[use, k] * scale[:, 0] + scale[:, 1])
    baselines = []
    for k in (2, 3, 4):
        scale = calibrations(data, rows, parts[:, k], np.ones(len(rows), bool))
        baselines.append(sigmoid(parts[:, k] * scale[:, 0] + scale[:, 1]))
    # Harmless rows in odd forms have had their say in the calibration; as a source to be told apart they would flatter.
    kept = ~np.isin(data.source[rows], sorted(sources.ODD))
    return Figures(rows[kept], *(scores[kept] for scores in (ours, *baselines)), np.isin(data.source[rows[kept]], sorted(sources.OWN)))


def line(name: str, truth: np.ndarray, scores: dict[str, np.ndarray]) -> str:
    """AUPRC of every system, ours with an interval, and how often ours is ahead of both baselines under the bootstrap."""
    draw = np.random.default_rng(SEED)
    areas = {system: average_precision_score(truth, score) for system, score in scores.items()}
    found = []
    for _ in range(BOOTSTRAPS):
        rows = draw.integers(0, len(truth), len(truth))
        if truth[rows].any():
            found.append([average_precision_score(truth[rows], scores[s][rows]) for s in ("ours", "frozen", "tfidf")])
    found = np.array(found)
    spread = 1.96 * found[:, 0].std()
    low, high = areas["ours"] - spread, min(areas["ours"] + spread, 1.0)
    ahead = (found[:, 0] > found[:, 1:].max(1)).mean()
    return (
        f"| {name} | {len(truth):,} | {int(truth.sum()):,} | {truth.mean():.3f} | **{areas['ours']:.3f}** [{low:.3f}, {high:.3f}] | {areas['reader']:.3f} "
        f"| {areas['frozen']:.3f} | {areas['tfidf']:.3f} | {ahead:.2f} |"
    )


HEADING = """
| | rows | positives | base | ours, 95 % | reader alone | frozen | TF-IDF | ahead of both |
|---|---:|---:|---:|---|---:|---:|---:|---:|"""


def by_source(data: dataset.Dataset, f: Figures) -> list[str]:
    """Each label of each left-out source."""
    lines = []
    for source in sorted(set(data.source[f.rows]) - sources.OWN):
        labels = {label for row in data.rows if row.source == source for label in row.labels} & SCORED_BY.keys()
        for label in sorted(labels):
            at = np.array([k for k, i in enumerate(f.rows) if data.source[i] == source and label in data.rows[i].labels])
            truth = np.array([data.rows[f.rows[k]].labels[label] for k in at])
            if min(truth.sum(), (1 - truth).sum()) < FEWEST:
                continue
            columns = [dataset.COLUMN[c] for c in SCORED_BY[label]]
            lines.append(line(f"{source} {label}", truth, {s: getattr(f, s)[at][:, columns].max(1) for s in f.SYSTEMS}))
    return lines


def by_label(data: dataset.Dataset, f: Figures) -> list[str]:
    """Each label over all left-out sources: those that it is 1 for, against those that it is 0 for and the harmless sources."""
    lines, harmless = [], np.isin(data.source[f.rows], sources.BENIGN + sources.ENCYCLOPEDIC)
    for label, scored in SCORED_BY.items():
        said = np.array([-1 if own else data.rows[i].labels.get(label, -1) for i, own in zip(f.rows, f.own)])
        for lang in ("en", "de"):
            at = np.flatnonzero(((said >= 0) | harmless) & (data.lang[f.rows] == lang))
            truth = (said[at] == 1).astype(int)
            if truth.sum() >= FEWEST:
                columns = [dataset.COLUMN[c] for c in scored]
                lines.append(line(f"{label} {lang}", truth, {s: getattr(f, s)[at][:, columns].max(1) for s in f.SYSTEMS}))
    return lines


def by_category(data: dataset.Dataset, f: Figures, chosen: np.ndarray, languages=("en", "de")) -> list[str]:
    """Every category by language over the rows chosen that annotate it."""
    lines = []
    for category, column in dataset.COLUMN.items():
        for lang in languages:
            at = np.flatnonzero(chosen & annotated(data, f.rows, column) & (data.lang[f.rows] == lang))
            truth = (data.targets.value[f.rows[at], column] > 0.5).astype(int)
            if min(truth.sum(), (1 - truth).sum()) >= FEWEST:
                lines.append(line(f"{category} {lang}", truth, {s: getattr(f, s)[at, column] for s in f.SYSTEMS}))
    return lines


def calibration_error(probability: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal width."""
    place = np.minimum((probability * 10).astype(int), 9)
    total = sum(abs((weight[place == b] * (probability[place == b] - truth[place == b])).sum()) for b in range(10))
    return total / weight.sum()


def errors(data: dataset.Dataset, f: Figures) -> list[str]:
    """Expected calibration error on left-out sources: rows as they come, and sources evened as in the fit."""
    lines = ["| category | rows | of them | positives | as they come | sources evened |", "|---|---|---:|---:|---:|---:|"]
    for category, column in dataset.COLUMN.items():
        at = np.flatnonzero(~f.own & annotated(data, f.rows, column))
        kind = "left out"
        if (data.targets.value[f.rows[at], column] > 0.5).sum() < FEWEST:
            at, kind = np.flatnonzero(annotated(data, f.rows, column)), "with own rows"
        truth = data.targets.value[f.rows[at], column].astype(float)
        plain = calibration_error(f.ours[at, column], truth, np.ones(len(at)))
        even = calibration_error(f.ours[at, column], truth, evened(data.source[f.rows[at]]))
        lines.append(f"| {category} | {kind} | {len(at):,} | {int((truth > 0.5).sum()):,} | {plain:.3f} | {even:.3f} |")
    return lines


def harmful(row: sources.Row) -> int | None:
    """1 if any label holds; None where nothing is said about our categories."""
    labels = {name: value for name, value in row.labels.items() if name not in FOREIGN and name != "unsafe"}
    if any(row.labels.get(name) == 1 for name in FOREIGN) and not any(labels.values()):
        return None
    return int(any(labels.values())) if labels else None


def any_harm(data: dataset.Dataset, f: Figures, benign: bool) -> str:
    """Any harm over equal numbers of rows of every left-out source that labels whole sentences."""
    place, truth, harmless = [], [], {*sources.BENIGN, *sources.ENCYCLOPEDIC, sources.TALK}
    for source in sorted(set(data.source[f.rows])):
        if source in sources.OWN or source in sources.LEXICONS or (not benign and source in harmless):
            continue
        at = [k for k, i in enumerate(f.rows) if data.source[i] == source]
        said = [(k, 0 if source in harmless else harmful(data.rows[f.rows[k]])) for k in at]
        said = [(k, t) for k, t in said if t is not None]
        for n in np.random.default_rng(SEED).permutation(len(said))[:MIXTURE_ROWS]:
            place.append(said[n][0])
            truth.append(said[n][1])
    return line(f"any harm{', with harmless sources' if benign else ''}", np.array(truth), {s: getattr(f, s)[place].max(1) for s in f.SYSTEMS})


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    arguments.add_argument("--readers", type=Path, required=True, help="what reader_train.py made of both halves")
    options = arguments.parse_args()
    data = dataset.load(options.data)
    cases = {half: judged(data, half, options.readers / half) for half in OTHER}
    f = figures(data, cases)
    print("\nany harm on equal parts of all left-out sources: the highest probability of any category")
    print(HEADING)
    print(any_harm(data, f, False), any_harm(data, f, True), sep="\n")
    print("\nleft-out sources by label", HEADING, *by_source(data, f), sep="\n")
    print("\nall left-out sources by label, with harmless sources", HEADING, *by_label(data, f), sep="\n")
    print("\nleft-out sources by category and language, all sources that annotate it", HEADING, *by_category(data, f, ~f.own), sep="\n")
    print("\nheld-out rows of our own, which both baselines and the reader have met others of", HEADING, *by_category(data, f, f.own), sep="\n")
    for name, low, high in LENGTHS:
        size = np.array([low <= len(data.rows[i].text) <= high for i in f.rows])
        print(f"\nleft-out sources, {name} characters", HEADING, *by_category(data, f, ~f.own & size), sep="\n")
    print("\nexpected calibration error", *errors(data, f), sep="\n")


if __name__ == "__main__":
    main()
