"""The heads as a file: models/heads/heads.safetensors, format `lamassu-heads-2`.

logit = dense . [embedding ; reading] + ngram_scale * (sum of ngrams over the distinct buckets) / sqrt(distinct buckets) + bias
probability = sigmoid(a * logit + b), calibration = [a, b]; severity = how many cuts do not exceed the probability.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy import sparse

from features import BUCKETS, HOLDOUT_RULE
from fit import Linear, sigmoid
from header import in_order

FOLDER = Path(__file__).resolve().parents[1] / "heads"
FORMAT = "lamassu-heads-2"


@dataclass
class Heads:
    """What the file holds, [labels, ...] throughout; `ngrams` is int8."""

    labels: list[str]
    dense: np.ndarray
    ngrams: np.ndarray
    ngram_scale: np.ndarray
    bias: np.ndarray
    calibration: np.ndarray
    severity_cuts: np.ndarray

    @classmethod
    def quantized(cls, labels: list[str], linear: Linear) -> "Heads":
        """int8 n-gram weights, one scale a label; not yet calibrated."""
        scale = np.abs(linear.ngrams).max(axis=0) / 127.0
        ngrams = np.rint(linear.ngrams / scale).astype(np.int8)
        identity = np.tile(np.array([1.0, 0.0], np.float32), (len(labels), 1))
        return cls(labels, linear.dense.T.astype(np.float32), ngrams.T, scale.astype(np.float32), linear.bias.astype(np.float32), identity, np.ones((len(labels), 7), np.float32))

    def logits(self, inputs: np.ndarray, features: sparse.csr_matrix) -> np.ndarray:
        """[texts, labels]; `inputs` [texts, 768] is embedding and reading, `features` as features.matrix gives them."""
        return inputs @ self.dense.T + (features @ self.ngrams.T.astype(np.float32)) * self.ngram_scale + self.bias

    def probabilities(self, inputs: np.ndarray, features: sparse.csr_matrix) -> np.ndarray:
        """Calibrated, [texts, labels]."""
        return sigmoid(self.logits(inputs, features) * self.calibration[:, 0] + self.calibration[:, 1])

    def save(self, weights: dict[str, str], trained_on: list[str], path: Path = FOLDER / "heads.safetensors") -> str:
        """Writes the file and gives its SHA-256; `weights` are the digests of `encoder` and `reader`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {name: np.ascontiguousarray(getattr(self, name)) for name in ("dense", "ngrams", "ngram_scale", "bias", "calibration", "severity_cuts")}
        metadata = {
            "format": FORMAT, "labels": json.dumps(self.labels), "buckets": str(BUCKETS),
            "holdout": HOLDOUT_RULE, "trained_on": json.dumps(trained_on),
        } | weights
        partial = path.with_suffix(".partial")
        save_file(tensors, partial, metadata)
        in_order(partial)
        partial.chmod(0o644)
        partial.rename(path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    @classmethod
    def load(cls, path: Path = FOLDER / "heads.safetensors") -> "Heads":
        with safe_open(path, "numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            return cls(labels=json.loads(file.metadata()["labels"]), **tensors)
