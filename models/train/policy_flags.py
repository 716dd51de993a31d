"""What the score lines that stand in a policy flag of harmless sources left out whole, by the heads alone: the lines set by hand too.

    python policy_flags.py --data FOLDER --readers FOLDER ../../policies/library/default.toml
"""

import argparse
import tomllib
from pathlib import Path

import numpy as np

import dataset
import thresholds
from fit import sigmoid
from folds import OTHER
from heads import left_out_logits
from stack import calibrations, judged, mixtures


def flag_lines(policy: dict, lang: str) -> np.ndarray:
    """[categories]: the language's own line where it has one, else the category's."""
    rules = {rule["name"]: rule for rule in policy["category"]}

    def line(rule: dict) -> float:
        return rule.get("language", {}).get(lang, {}).get("score", rule["score"])["flag"]

    return np.array([line(rules[category]) for category in dataset.CATEGORIES])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    arguments.add_argument("--readers", type=Path, required=True, help="what reader_train.py made of both halves")
    arguments.add_argument("policy", type=Path)
    options = arguments.parse_args()
    policy, data = tomllib.loads(options.policy.read_text(encoding="utf-8")), dataset.load(options.data)
    cases = {half: judged(data, half, options.readers / half) for half in OTHER}
    rows, logits = left_out_logits(cases, mixtures(data, list(cases.values())))
    scale = calibrations(data, rows, logits, np.ones(len(rows), bool))
    probabilities = sigmoid(logits * scale[:, 0] + scale[:, 1])
    for lang in thresholds.HARMLESS:
        lines = flag_lines(policy, lang)
        for source, group in thresholds.harmless_rows(data, rows, lang).items():
            flagged = probabilities[group] >= lines
            most = {category: int(n) for category, n in zip(dataset.CATEGORIES, flagged.sum(0)) if n > 3}
            print(f"{lang} {source}: {flagged.any(1).mean():.2%} of {len(group):,} flagged; more than three by {most}")


if __name__ == "__main__":
    main()
