"""Writes ../../policies/src/content/doubles.txt: the words of English and German that are spelled with a letter twice in a row.

What `stretched.rs` gives a drawn-out word back by: who writes `killlll` meant `kill`, who writes `tiiiime` did not mean `tiime`. A word
is listed where it occurs five times in the open data and our own rows and no other word that is the same without doubles is more common.

    python doubles.py --data FOLDER
"""

import argparse
import re
from collections import Counter
from itertools import groupby
from pathlib import Path

from sources import all_rows

OUT = Path(__file__).resolve().parents[2] / "policies" / "src" / "content" / "doubles.txt"
FEWEST = 5


def single(word: str) -> str:
    """The word with every letter once in a row."""
    return "".join(letter for letter, _ in groupby(word))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    options = arguments.parse_args()
    words: Counter[str] = Counter()
    for row in all_rows(options.data):
        if not row.source.startswith("odd/"):
            words.update(re.findall(r"[^\W\d_]+", row.text.lower()))
    common: dict[str, str] = {}
    for word, count in words.most_common():
        if count >= FEWEST and not any(len(list(run)) > 2 for _, run in groupby(word)):
            common.setdefault(single(word), word)
    doubles = sorted(word for without, word in common.items() if word != without)
    OUT.write_text("\n".join(doubles) + "\n", encoding="utf-8")
    print(len(doubles), "words,", OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
