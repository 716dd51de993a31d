"""Severities: the cuts that make a probability a severity 0..7."""

import numpy as np

LEVELS = 7
LEAST_GRADED, LEAST_OF_A_GRADE = 50, 12
# No probability reaches this cut.
NEVER = 2.0
# Without graded data, by judgement: level 3 is "more likely than not". How sure a head is says little about how grave
# a text is, so that certainty alone ends at level 5.
PLAIN_CUTS = np.array([0.20, 0.35, 0.50, 0.75, 0.95, NEVER, NEVER])


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
        if reached.sum() >= LEAST_OF_A_GRADE:
            cuts[grade - 1] = min(probability[order][np.searchsorted(passed, weight[reached].sum())], 0.999)
    return np.maximum.accumulate(cuts)
