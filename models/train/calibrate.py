"""Probabilities and severities: Platt's scaling, and the cuts that make a probability a severity 0..7."""

import numpy as np
from scipy.optimize import minimize

LEVELS = 7
# Without graded data: mild from a probability of 0.3 on, then ever steeper.
PLAIN_CUTS = np.array([0.20, 0.35, 0.50, 0.65, 0.80, 0.90, 0.96])


def platt(logits: np.ndarray, value: np.ndarray, weight: np.ndarray, source: np.ndarray, offset: np.ndarray) -> tuple[float, float]:
    """a, b of sigmoid(a * logit + b) by weighted maximum likelihood (Platt 1999), a kept positive.

    As in the fit, a source with `offset` has a free term of its own, dropped afterwards: b follows the
    harmless bulk, not the share of insults that some collection happens to have.
    """
    sources = np.flatnonzero(offset)
    member = (source[:, None] == sources[None, :]).astype(np.float64)

    def loss(parameters: np.ndarray) -> float:
        z = np.exp(parameters[0]) * logits + parameters[1] + member @ parameters[2:]
        return float((weight * (np.logaddexp(0.0, z) - value * z)).sum() / weight.sum())

    found = minimize(loss, np.zeros(2 + len(sources)), method="L-BFGS-B").x
    return float(np.exp(found[0])), float(found[1])


def best_cut(probability: np.ndarray, reached: np.ndarray, weight: np.ndarray) -> float:
    """The probability at which saying "at least this severe" agrees most often, both sides counting alike."""
    order = np.argsort(probability)
    weight = weight[order] * np.where(reached[order], 0.5 / weight[reached].sum(), 0.5 / weight[~reached].sum())
    gain = np.cumsum(np.where(reached[order], -weight, weight))
    return float(probability[order][int(np.argmax(gain))])


def severity_cuts(probability: np.ndarray, severity: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Seven ascending cuts; levels with too few rows follow the plain ladder above the last one found."""
    cuts = PLAIN_CUTS.copy()
    for level in range(1, LEVELS + 1):
        reached = severity >= level - 0.5
        if min(reached.sum(), (~reached).sum()) >= 30:
            cuts[level - 1] = best_cut(probability, reached, weight)
    # Ascending, at least a hair apart, below 1.
    for level in range(1, LEVELS):
        cuts[level] = max(cuts[level], cuts[level - 1] + 0.005)
    return np.minimum(cuts, 0.999)
