"""Hashed features of a text, exactly as `inference` computes them, and the held-out rule.

t = lowercase(text), every run of white space one space, trimmed, then " " + t + " ".
Features (binary): character n-grams of 3, 4, 5 of t ('c' + n-gram), words ('w' + word), word pairs
('b' + word + ' ' + word). Bucket = folded FNV-1a-64 of the UTF-8 bytes, modulo the number of buckets.
"""

import re
import unicodedata
from functools import lru_cache

import numpy as np
from scipy import sparse

BUCKETS = 65536
GRAM_SIZES = (3, 4, 5)
HOLDOUT_MODULUS = 5
HOLDOUT_RULE = "fnv1a64 fold mod 5 == 0"

# Unicode White_Space, spelled out: Python's own notion also splits on the separators U+001C to U+001F.
WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def fnv1a64(data: bytes) -> int:
    """FNV-1a, 64 bit (<http://www.isthe.com/chongo/tech/comp/fnv/>)."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def folded(data: bytes) -> int:
    """The hash with its upper half folded onto the lower."""
    value = fnv1a64(data)
    return value ^ (value >> 32)


def is_held_out(row_id: str) -> bool:
    """Whether a row of the open data is kept for evaluation; decided by its id alone."""
    return folded(row_id.encode()) % HOLDOUT_MODULUS == 0


def normalized(text: str) -> str:
    """The plain view, near enough: NFKC without format characters (zero-width, bidi)."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


@lru_cache(maxsize=4_000_000)
def bucket(feature: str) -> int:
    """The bucket of one feature."""
    return folded(feature.encode()) % BUCKETS


def words(text: str) -> list[str]:
    """Maximal runs of alphanumeric characters."""
    return "".join(c if c.isalnum() else " " for c in text).split(" ")


def buckets(text: str) -> list[int]:
    """The distinct buckets of a text, ascending."""
    padded = " " + WHITE_SPACE.sub(" ", text.lower()).strip(" ") + " "
    found = {bucket("c" + padded[i : i + n]) for n in GRAM_SIZES for i in range(len(padded) - n + 1)}
    runs = [word for word in words(padded) if word]
    found.update(bucket("w" + word) for word in runs)
    found.update(bucket(f"b{first} {second}") for first, second in zip(runs, runs[1:]))
    return sorted(found)


def matrix(texts: list[str]) -> sparse.csr_matrix:
    """[texts, buckets], each present bucket 1 / sqrt(number of distinct buckets)."""
    indices, starts = [], [0]
    for text in texts:
        indices.append(np.array(buckets(text), dtype=np.int32))
        starts.append(starts[-1] + len(indices[-1]))
    counts = np.diff(starts)
    values = np.repeat((1.0 / np.sqrt(np.maximum(counts, 1))).astype(np.float32), counts)
    return sparse.csr_matrix((values, np.concatenate(indices), starts), shape=(len(texts), BUCKETS))
