"""Fits all heads at once by Adam: a linear map of the embedding and the hashed features.

The loss is logistic, summed over annotated cells only. A row that is toxic without saying how adds
-log(1 - prod(1 - p)) over its candidate categories: at least one of them must hold.

While fitting, a source with many rows of both kinds has an offset of its own for that category, which is
then dropped: how a source was sampled (half of it insults, say) is not evidence about anybody else's text.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

DECAY_FIRST, DECAY_SECOND, WARM_UP_STEPS = 0.9, 0.999, 50


@dataclass(frozen=True)
class Settings:
    """Hyper-parameters; the defaults are those of the shipped heads."""

    epochs: int = 12
    batch: int = 1024
    rate_dense: float = 0.05
    rate_ngrams: float = 0.1
    rate_offset: float = 0.02
    ridge_dense: float = 1e-5
    ridge_ngrams: float = 5e-6
    ridge_offset: float = 1e-4
    offset_rows: int = 100
    seed: int = 20


@dataclass
class Targets:
    """What is known of each row: [rows, categories], or [rows]."""

    value: np.ndarray
    weight: np.ndarray
    any_of: np.ndarray
    any_weight: np.ndarray
    source: np.ndarray


@dataclass
class Linear:
    """logit = embedding @ dense + features @ ngrams + bias."""

    dense: np.ndarray
    ngrams: np.ndarray
    bias: np.ndarray

    def logits(self, embeddings: np.ndarray, features: sparse.csr_matrix) -> np.ndarray:
        return embeddings @ self.dense + features @ self.ngrams + self.bias


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(z, -30.0, 30.0)))


def gradient(p: np.ndarray, targets: Targets, chosen: np.ndarray) -> np.ndarray:
    """d loss / d logit for the chosen rows."""
    direct = targets.weight[chosen] * (p - targets.value[chosen])
    any_of = targets.any_of[chosen]
    none = np.where(any_of, 1.0 - p, 1.0).prod(axis=1, keepdims=True)
    shared = np.where(any_of, p * none / np.maximum(1.0 - none, 1e-6), 0.0)
    return ((direct - shared * targets.any_weight[chosen, None]) / len(chosen)).astype(np.float32)


def offset_allowed(targets: Targets, rows: np.ndarray, least: int) -> np.ndarray:
    """[sources, categories]: 1 where a source has at least `least` rows of either kind."""
    allowed = np.zeros((targets.source.max() + 1, targets.value.shape[1]), np.float32)
    high = (targets.value > 0.5) & (targets.weight > 0) | targets.any_of
    low = (targets.value <= 0.5) & (targets.weight > 0)
    for source in np.unique(targets.source[rows]):
        own = rows[targets.source[rows] == source]
        allowed[source] = np.minimum(high[own].sum(axis=0), low[own].sum(axis=0)) >= least
    return allowed


def fit(embeddings: np.ndarray, features: sparse.csr_matrix, targets: Targets, rows: np.ndarray, settings: Settings) -> Linear:
    """Fits on `rows`; the same arguments give the same heads."""
    random = np.random.default_rng(settings.seed)
    mean = embeddings[rows].mean(axis=0)
    # A few dimensions of MiniLM hardly move: the small constant keeps them from being blown up.
    scale = np.sqrt(embeddings.shape[1]) * (embeddings[rows].std(axis=0) + 1e-3)
    categories = targets.value.shape[1]
    allowed = offset_allowed(targets, rows, settings.offset_rows)
    weights = [np.zeros((width, categories), np.float32) for width in (embeddings.shape[1], features.shape[1])]
    weights += [np.full(categories, -2.0, np.float32), np.zeros_like(allowed)]
    rates = (settings.rate_dense, settings.rate_ngrams, settings.rate_offset, settings.rate_offset)
    ridges = (settings.ridge_dense, settings.ridge_ngrams, 0.0, settings.ridge_offset)
    first, second = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
    steps = settings.epochs * -(-len(rows) // settings.batch)
    step = 0
    for _ in range(settings.epochs):
        order = random.permutation(rows)
        for start in range(0, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            dense, sparse_rows, source = (embeddings[chosen] - mean) / scale, features[chosen], targets.source[chosen]
            logits = dense @ weights[0] + sparse_rows @ weights[1] + weights[2] + (weights[3] * allowed)[source]
            slope = gradient(sigmoid(logits), targets, chosen)
            by_source = np.zeros_like(allowed)
            np.add.at(by_source, source, slope)
            step += 1
            pace = 0.5 * (1 + np.cos(np.pi * step / steps)) * min(1.0, step / WARM_UP_STEPS)
            for i, slopes in enumerate((dense.T @ slope, sparse_rows.T @ slope, slope.sum(axis=0), by_source * allowed)):
                slopes = slopes + ridges[i] * weights[i]
                first[i] += (1 - DECAY_FIRST) * (slopes - first[i])
                second[i] += (1 - DECAY_SECOND) * (slopes * slopes - second[i])
                moved = (first[i] / (1 - DECAY_FIRST**step)) / (np.sqrt(second[i] / (1 - DECAY_SECOND**step)) + 1e-8)
                weights[i] -= np.float32(pace * rates[i]) * moved
    dense = weights[0] / scale[:, None]
    return Linear(dense, weights[1], weights[2] - mean @ dense)
