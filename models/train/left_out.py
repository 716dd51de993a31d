"""Leave-one-source-out: heads trained without a source, measured on all of its rows.

Usage: python left_out.py --data FOLDER
"""

import argparse
from pathlib import Path

import numpy as np

import dataset
from heads import train
from quality import auprc

LABELLED = {"civil_toxic_typed": ["toxicity", "harassment"], "edos_sexism": ["sexism", "hate"], "germeval2018_train": ["offense", "hate"]}
HARMLESS = ["clinc150_queries", "wikipedia_de_paragraphs"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    data = dataset.load(arguments.parse_args().data)
    for source in [*LABELLED, *HARMLESS]:
        rows = np.flatnonzero(data.source == source)
        heads = train(data, left_out=source)
        probabilities = heads.probabilities(data.embeddings, data.features)
        for label in LABELLED.get(source, []):
            area, count, positives = auprc(data, probabilities, rows, source, label)
            print(f"{source} {label}: AUPRC {area:.3f}, base {positives / count:.3f}, {count} rows", flush=True)
        if source in HARMLESS:
            shares = (probabilities[rows] > 0.5).mean(axis=0)
            listed = ", ".join(f"{label} {share:.3f}" for label, share in zip(heads.labels, shares))
            print(f"{source} above 0.5 of {len(rows)} rows: {listed}", flush=True)


if __name__ == "__main__":
    main()
