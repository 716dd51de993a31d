"""Probabilities and severities: Platt's scaling, and the cuts that make a probability a severity 0..7."""

import numpy as np
from scipy.optimize import brentq, minimize

from fit import sigmoid

LEVELS = 7
PRIOR = 0.2
LEAST_GRADED = 300
# No probability reaches this cut.
NEVER = 2.0
# Without graded data, by judgement: level 3 is "more likely than not". How sure a head is says little about how grave
# a text is, so that certainty alone ends at level 5.
PLAIN_CUTS = np.array([0.20, 0.35, 0.50, 0.75, 0.95, NEVER, NEVER])


def platt(logits: np.ndarray, value: np.ndarray, weight: np.ndarray, source: np.ndarray, offset: np.ndarray) -> tuple[float, float]:
    """a, b of sigmoid(a * logit + b) by weighted maximum likelihood (Platt 1999), a kept positive.

    As in the fit, a source with `offset` has a free term of its own, dropped afterwards: b follows the
    harmless bulk, not the share of insults that some collection happens to have.
    """
    sources = np.flatnonzero(offset)
    positives, negatives = (value > 0.5).sum(), (value <= 0.5).sum()
    # Platt's targets: with few rows nothing is certain.
    value = np.clip(value, 1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0))
    member = (source[:, None] == sources[None, :]).astype(np.float64)

    def loss(parameters: np.ndarray) -> float:
        z = np.exp(parameters[0]) * logits + parameters[1] + member @ parameters[2:]
        return float((weight * (np.logaddexp(0.0, z) - value * z)).sum() / weight.sum())

    found = minimize(loss, np.zeros(2 + len(sources)), method="L-BFGS-B").x
    return float(np.exp(found[0])), float(found[1])


def level(cases: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """The one shift of these categories' logits under which, were PRIOR of the texts positive, that is what they would say.

    Without it the harmless bulk would set the level: right for a stream of bank queries, useless in a queue of reports.
    Categories that are compared with each other share a shift, so that their order stays.
    """

    def surplus(shift: float) -> float:
        total = 0.0
        for z, y, w in cases:
            high, low = w * y, w * (1.0 - y)
            p = sigmoid(z + shift)
            total += PRIOR * (high @ p) / high.sum() + (1.0 - PRIOR) * (low @ p) / low.sum() - PRIOR
        return total

    return float(brentq(surplus, -10.0, 10.0))


def severity_cuts(probability: np.ndarray, severity: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Seven ascending cuts by equal shares: as many texts pass cut k as are graded k or more.

    With too few graded rows, and for levels hardly ever given, the plain ladder holds.
    """
    cuts = PLAIN_CUTS.copy()
    if (severity >= 2).sum() < LEAST_GRADED:
        return cuts
    order = np.argsort(-probability)
    passed = np.cumsum(weight[order])
    for grade in range(1, LEVELS + 1):
        reached = severity >= grade - 0.5
        if reached.sum() >= 30:
            cuts[grade - 1] = min(probability[order][np.searchsorted(passed, weight[reached].sum())], 0.999)
    return np.maximum.accumulate(cuts)
