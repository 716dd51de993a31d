"""What the reader is measured against, fitted on exactly the rows that it saw, by the same fit.

`frozen`  the encoder as it is + hashed n-grams, logistic heads (what was shipped before there was a reader; part of what is shipped now)
`words`   hashed n-grams alone (no baseline; the third part of what is shipped)
`tfidf`   TF-IDF of words and word pairs, logistic regression

    python baselines.py --data FOLDER --half A|B|final     fits them into the cache
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

import dataset
import embed
from fit import Linear, Settings, fit
from folds import SEEN

TERMS = 100_000


def kept(name: str, rows: np.ndarray, data: dataset.Dataset) -> Path:
    """Where a fit on these rows and targets is kept."""
    digest = hashlib.sha256(rows.tobytes() + data.targets.value[rows].tobytes() + data.targets.weight[rows].tobytes()).hexdigest()[:16]
    return embed.cache_folder() / f"{name}-{digest}.npz"


def seen(data: dataset.Dataset, half: str) -> np.ndarray:
    """The rows that a half is trained on."""
    return np.flatnonzero(~data.held_out & np.isin(data.source, sorted(SEEN[half])))


def frozen(data: dataset.Dataset, half: str) -> Linear:
    """Heads on embedding and n-grams."""
    rows = seen(data, half)
    path = kept("frozen", rows, data)
    if not path.exists():
        found = fit(data.embeddings, data.features, data.targets, rows, Settings())
        np.savez(path, dense=found.dense, ngrams=found.ngrams, bias=found.bias)
    return Linear(**np.load(path))


def words(data: dataset.Dataset, half: str) -> Linear:
    """Heads on n-grams alone; `dense` is zero."""
    rows = seen(data, half)
    path = kept("words", rows, data)
    if not path.exists():
        found = fit(np.zeros((len(data.rows), 1), np.float32), data.features, data.targets, rows, Settings())
        np.savez(path, ngrams=found.ngrams, bias=found.bias)
    found = np.load(path)
    return Linear(np.zeros((data.embeddings.shape[1], found["bias"].shape[0]), np.float32), found["ngrams"], found["bias"])


def tfidf(data: dataset.Dataset, half: str) -> np.ndarray:
    """Logits of all rows, [rows, categories]."""
    rows = seen(data, half)
    path = kept("tfidf", rows, data)
    if not path.exists():
        terms = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, max_features=TERMS, dtype=np.float32)
        terms.fit([data.rows[i].text for i in rows])
        features = sparse.csr_matrix(terms.transform([row.text for row in data.rows]))
        nothing = np.zeros((len(data.rows), 1), np.float32)
        found = fit(nothing, features, data.targets, rows, Settings())
        np.savez(path, logits=found.logits(nothing, features).astype(np.float32))
    return np.load(path)["logits"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    arguments.add_argument("--half", choices=sorted(SEEN), required=True)
    options = arguments.parse_args()
    data = dataset.load(options.data)
    print(options.half, len(seen(data, options.half)), "rows", flush=True)
    frozen(data, options.half)
    words(data, options.half)
    if options.half != "final":
        tfidf(data, options.half)


if __name__ == "__main__":
    main()
