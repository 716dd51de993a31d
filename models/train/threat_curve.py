"""Prints the curve by which clients of Perspective are told how likely a threat is (`as_threat` in service/src/api/perspective/attribute.rs).

A logistic regression on the logit of the highest of our categories of violence and threats, both classes of equal weight. Comments
of civil_toxic_typed, read by the half of the heads that has not met them: threats for half of their annotators and more, and comments
that are a threat for none. Fitted on every second one, measured on the others.

    python threat_curve.py --data FOLDER --readers FOLDER
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import dataset
import sources
from fit import sigmoid
from heads import left_out_logits
from folds import OTHER
from stack import Judged, calibrations, judged, mixed, mixtures

CATEGORIES = ["hate/threatening", "harassment/threatening", "violence"]
SOURCE, HALF, NOT_THREATS = "civil_toxic_typed", "B", 900


def shares(data: dataset.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the source and whether they are threats; the others are taken in the order of the file."""
    column = dataset.COLUMN["violence"]
    rows = np.flatnonzero(data.source == SOURCE)
    share = data.targets.value[rows, column]
    threats, others = rows[share >= 0.5], rows[share == 0][:NOT_THREATS]
    return np.concatenate([threats, others]), np.concatenate([np.ones(len(threats)), np.zeros(len(others))])


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
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--readers", type=Path, required=True)
    options = arguments.parse_args()
    data = dataset.load(options.data)
    cases = {half: judged(data, half, options.readers / half) for half in OTHER}
    mixture = mixtures(data, list(cases.values()))
    left_out, all_logits = left_out_logits(cases, mixture)
    calibration = calibrations(data, left_out, all_logits, np.ones(len(left_out), bool))
    columns = [dataset.COLUMN[c] for c in CATEGORIES]

    def logits(case: Judged) -> np.ndarray:
        z = mixed(case, mixture)
        p = sigmoid(z * calibration[:, 0] + calibration[:, 1])[:, columns].max(1).clip(1e-3, 1 - 1e-3)
        return np.log(p / (1 - p))

    rows, truth = shares(data)
    logit = logits(judged(data, HALF, options.readers / HALF, rows))
    half = np.arange(len(rows)) % 2 == 0
    fitted = curve(logit[half], truth[half])
    score = sigmoid(fitted[0] * logit + fitted[1])
    print(f"{int(truth.sum())} threats, {int((1 - truth).sum())} others; slope {fitted[0]:.2f}, intercept {fitted[1]:.2f} on one half")
    for name, which in (("threats", truth == 1), ("others", truth == 0)):
        print(f"  {name} of the other half at 0.5 and more: {(score[which & ~half] >= 0.5).mean():.1%}")
    harmless = cases[HALF]
    for source in sources.BENIGN:
        at = data.source[harmless.rows] == source
        if at.any():
            z = logits(harmless)[at]
            print(f"  {source}: {(sigmoid(fitted[0] * z + fitted[1]) >= 0.5).mean():.2%} of {int(at.sum())}")
    both = curve(logit, truth)
    print(f"on all: slope {both[0]:.2f}, intercept {both[1]:.2f}")


if __name__ == "__main__":
    main()
