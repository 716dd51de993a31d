"""Prints the curve by which clients of Perspective are told how likely a threat is (`as_threat` in service/src/api/perspective/attribute.rs).

A logistic regression on the logit of the highest of our categories of violence and threats, both classes of equal weight, by the heads
that ship. Held-out comments of civil_toxic_typed, whose other rows they know: threats for half of their annotators and more, and
comments that are a threat for none. Measured on the same rows, on threats of our own, and on harmless text.

    python threat_curve.py --data FOLDER
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import dataset
from fit import sigmoid
from heads_file import Heads

CATEGORIES = ["hate/threatening", "harassment/threatening", "violence"]
SOURCE, OWN = "civil_toxic_typed", "own/violence-threats-adult"
HARMLESS = ["clinc150_queries", "wikipedia_en_recent", "dolly_1000"]
NOT_THREATS, MOST_HARMLESS = 900, 500


def curve(logit: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Slope and intercept, both classes of equal weight."""
    weight = np.where(truth == 1, 0.5 / (truth == 1).sum(), 0.5 / (truth == 0).sum())

    def loss(p: np.ndarray) -> float:
        z = np.exp(p[0]) * logit + p[1]
        return float((weight * (np.logaddexp(0.0, z) - truth * z)).sum())

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"maxiter": 2000}).x
    return np.array([np.exp(found[0]), found[1]])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    data, heads = dataset.load(arguments.parse_args().data), Heads.load()
    columns = [dataset.COLUMN[category] for category in CATEGORIES]

    def held_out(source: str) -> np.ndarray:
        return np.flatnonzero(data.held_out & (data.source == source))

    def logits(rows: np.ndarray) -> np.ndarray:
        highest = heads.probabilities(data.inputs(rows), data.features[rows])[:, columns].max(1).clip(1e-3, 1 - 1e-3)
        return np.log(highest / (1 - highest))

    rows = held_out(SOURCE)
    share = data.targets.value[rows, dataset.COLUMN["violence"]]
    threats, others = rows[share >= 0.5], rows[share == 0][:NOT_THREATS]
    truth = np.concatenate([np.ones(len(threats)), np.zeros(len(others))])
    logit = logits(np.concatenate([threats, others]))
    slope, intercept = curve(logit, truth)
    print(f"{len(threats)} threats, {len(others)} others: slope {slope:.2f}, intercept {intercept:.2f}; 0.5 at a score of {sigmoid(-intercept / slope):.3f}")

    def share_found(found: np.ndarray) -> str:
        return f"{(slope * found + intercept >= 0).mean():.1%} of {len(found)}"

    print(f"  threats at 0.5 and more: {share_found(logit[truth == 1])}, others {share_found(logit[truth == 0])}")
    rows = held_out(OWN)
    threatens = np.array([max(data.rows[i].labels.get(c, 0) for c in CATEGORIES[:2]) == 1 for i in rows])
    logit = logits(rows)
    print(f"  of our own: threats {share_found(logit[threatens])}, others (many of them violence) {share_found(logit[~threatens])}")
    for source in HARMLESS:
        print(f"  {source}: {share_found(logits(held_out(source)[:MOST_HARMLESS]))}")


if __name__ == "__main__":
    main()
