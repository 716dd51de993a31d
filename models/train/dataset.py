"""All rows as arrays: embeddings, hashed features, targets."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

import embed
import features
import sources
from fit import Targets

CATEGORIES = sources.CATEGORIES
COLUMN = {category: column for column, category in enumerate(CATEGORIES)}


@dataclass
class Dataset:
    """Row i of every array belongs to `rows[i]`."""

    rows: list[sources.Row]
    embeddings: np.ndarray
    features: sparse.csr_matrix
    targets: Targets
    source: np.ndarray
    lang: np.ndarray
    held_out: np.ndarray

    def inputs(self, rows: np.ndarray) -> np.ndarray:
        """Embedding and reading of these rows, [rows, 768]."""
        return np.hstack([self.embeddings[rows], embed.readings([self.rows[i].text for i in rows])])


def hashed(texts: list[str]) -> sparse.csr_matrix:
    """features.matrix, kept in the cache under the digest of all texts."""
    digest = hashlib.sha256(f"{features.BUCKETS}\0".encode() + "\0".join(texts).encode()).hexdigest()[:16]
    path = embed.cache_folder() / f"features-{digest}.npz"
    if not path.exists():
        partial = path.with_suffix(".partial.npz")
        sparse.save_npz(partial, features.matrix(texts), compressed=False)
        partial.rename(path)
    return sparse.load_npz(path)


def targets_of(rows: list[sources.Row]) -> Targets:
    """What is annotated as arrays; a cell that is not annotated has weight 0."""
    shape = (len(rows), len(CATEGORIES))
    value, weight, any_of = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, bool)
    for i, row in enumerate(rows):
        for category, (known, counts) in row.known.items():
            value[i, COLUMN[category]], weight[i, COLUMN[category]] = known, counts
        for category in row.any_of:
            any_of[i, COLUMN[category]] = True
    any_weight = np.array([sources.WEIGHTS.get(row.source, 0.0) for row in rows], np.float32)
    order = sorted({row.source for row in rows})
    source = np.array([order.index(row.source) for row in rows])
    return Targets(value, weight, any_of, any_weight, source)


def load(folder: Path) -> Dataset:
    """Reads, embeds and hashes everything; what was computed before is taken from the cache."""
    rows = sources.all_rows(folder)
    embeddings, texts = embed.windowed([row.text for row in rows])
    return Dataset(
        rows, embeddings, hashed(texts), targets_of(rows),
        np.array([row.source for row in rows]), np.array([row.lang for row in rows]), np.array([row.held_out for row in rows]),
    )
