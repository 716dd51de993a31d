"""Embeddings and readings of many texts, kept in a file so that an interrupted run goes on where it stopped.

The cache is a folder of parts `N.npz` (digests, vectors, window lengths), keyed by the SHA-256 of the
normalized text; readings have such a folder for every reader. LAMASSU_TRAIN_CACHE names another folder than ~/.cache/lamassu-train.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from encoder import READER, Encoder

PART = 4096


def cache_folder() -> Path:
    """Where embeddings and features are kept between runs."""
    folder = Path(os.environ.get("LAMASSU_TRAIN_CACHE", Path.home() / ".cache" / "lamassu-train"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest(text: str) -> bytes:
    """The key of a text."""
    return hashlib.sha256(text.encode()).digest()[:16]


def load(name: str = "embeddings") -> dict[bytes, tuple[np.ndarray, int]]:
    """Everything computed so far: key to (vector, characters in the first window)."""
    known = {}
    for path in sorted((cache_folder() / name).glob("*.npz")):
        part = np.load(path)
        for key, row, length in zip(part["keys"], part["rows"], part["lengths"]):
            known[key.tobytes()] = (row, int(length))
    return known


def computed(texts: list[str], name: str, encoder: Callable[[], Encoder]) -> list[tuple[np.ndarray, int]]:
    """(vector, characters in the first window) of each text, from the folder `name` or by the encoder's first output."""
    known = load(name)
    missing = sorted({t for t in texts if digest(t) not in known}, key=len)
    folder = cache_folder() / name
    folder.mkdir(exist_ok=True)
    session = encoder() if missing else None
    for start in range(0, len(missing), PART):
        chunk = missing[start : start + PART]
        rows, lengths = session.run(chunk, session.outputs[:1])[0], session.window_lengths(chunk)
        keys = np.frombuffer(b"".join(map(digest, chunk)), dtype=np.uint8).reshape(-1, 16)
        number = len(list(folder.glob("*.npz")))
        partial = folder / f"{number:05}.partial"
        with partial.open("wb") as file:
            np.savez(file, keys=keys, rows=rows, lengths=np.array(lengths))
        partial.rename(partial.with_suffix(".npz"))
        known.update({key: (row, length) for key, row, length in zip(map(digest, chunk), rows, lengths)})
        print(f"{name}: {start + len(chunk)} of {len(missing)}", flush=True)
    return [known[digest(text)] for text in texts]


def windowed(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """Embeddings [texts, 384] of each text's first window, and the text of that window."""
    found = computed(texts, "embeddings", lambda: Encoder(outputs=("embedding",)))
    return np.stack([row for row, _ in found]), [text[:length] for text, (_, length) in zip(texts, found)]


def readings(texts: list[str], reader: Path = READER) -> np.ndarray:
    """Readings [texts, 384] of each text's first window by the reader of that file."""
    name = f"readings-{hashlib.sha256(reader.read_bytes()).hexdigest()[:16]}"
    return np.stack([row for row, _ in computed(texts, name, lambda: Encoder(reader=reader, outputs=("reading",)))])
