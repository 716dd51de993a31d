"""Embeddings of many texts, kept in a file so that an interrupted run goes on where it stopped.

The cache is a folder of parts `N.npz` (digests, vectors, window lengths), keyed by the SHA-256 of the
normalized text. LAMASSU_TRAIN_CACHE names another folder than ~/.cache/lamassu-train.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

from encoder import Encoder

PART = 4096


def cache_folder() -> Path:
    """Where embeddings and features are kept between runs."""
    folder = Path(os.environ.get("LAMASSU_TRAIN_CACHE", Path.home() / ".cache" / "lamassu-train"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest(text: str) -> bytes:
    """The key of a text."""
    return hashlib.sha256(text.encode()).digest()[:16]


def load() -> dict[bytes, tuple[np.ndarray, int]]:
    """Everything embedded so far: key to (vector, characters in the first window)."""
    known = {}
    for path in sorted((cache_folder() / "embeddings").glob("*.npz")):
        part = np.load(path)
        for key, row, length in zip(part["keys"], part["rows"], part["lengths"]):
            known[key.tobytes()] = (row, int(length))
    return known


def windowed(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """Embeddings [texts, 384] of each text's first window, and the text of that window."""
    known = load()
    missing = sorted({t for t in texts if digest(t) not in known}, key=len)
    folder = cache_folder() / "embeddings"
    folder.mkdir(exist_ok=True)
    encoder = Encoder() if missing else None
    for start in range(0, len(missing), PART):
        chunk = missing[start : start + PART]
        rows, lengths = encoder.embed(chunk), encoder.window_lengths(chunk)
        keys = np.frombuffer(b"".join(map(digest, chunk)), dtype=np.uint8).reshape(-1, 16)
        number = len(list(folder.glob("*.npz")))
        partial = folder / f"{number:05}.partial"
        with partial.open("wb") as file:
            np.savez(file, keys=keys, rows=rows, lengths=np.array(lengths))
        partial.rename(partial.with_suffix(".npz"))
        known.update({key: (row, length) for key, row, length in zip(map(digest, chunk), rows, lengths)})
        print(f"embedded {start + len(chunk)} of {len(missing)}", flush=True)
    found = [known[digest(text)] for text in texts]
    return np.stack([row for row, _ in found]), [text[:length] for text, (_, length) in zip(texts, found)]
