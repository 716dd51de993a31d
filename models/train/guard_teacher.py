"""A second opinion on each training row, from linear heads on its embedding and hashed features.

Sources disagree about where rudeness ends, and a single row's verdict is noisy. The heads are fitted on one half of
the rows and asked about the other, so that no row's own verdict is in the opinion on it.
"""

import numpy as np

from dataset import hashed
from fit import Settings, Targets, fit, sigmoid
from guard_rows import Material

SEED = 3
# No offsets by source: the rows are drawn evenly as it is.
SETTINGS = Settings(epochs=6, offset_rows=10**9)


def opinions(everything: Material) -> np.ndarray:
    """P(unsafe) of each training row, were half of all texts unsafe."""
    count = everything.trained
    features = hashed([row.text for row in everything.rows[:count]])
    vectors = everything.vectors[:count]
    unsafe = np.array([[row.unsafe] for row in everything.rows[:count]], np.float32)
    weight = (everything.share() * count).astype(np.float32)[:, None]
    nothing = np.zeros(count, np.float32)
    targets = Targets(unsafe, weight, nothing.astype(bool)[:, None], nothing, nothing.astype(int))
    half = np.random.default_rng(SEED).random(count) < 0.5
    found = np.zeros(count)
    for side in (half, ~half):
        heads = fit(vectors, features, targets, np.flatnonzero(side), SETTINGS)
        found[~side] = sigmoid(heads.logits(vectors[~side], features[~side])[:, 0])
    return found
