"""Writes the score lines of a policy from ../heads/thresholds.json, beside each the numbers it comes from.

    python policy_lines.py ../../policies/library/default.toml

English and German have lines of their own; a text whose language cannot be told is held against the higher of both. Categories that
the heads do not know keep what they have, and so does what `KEPT` names.
"""

import json
import re
import sys
from pathlib import Path

THRESHOLDS = Path(__file__).resolve().parents[1] / "heads" / "thresholds.json"
LINES = ("flag", "review", "block")
# Marked only, whatever the score: `review` and `block` stay out of reach.
MARKED_ONLY = {"profanity"}


def table(lines: tuple[float, ...]) -> str:
    return "{ " + ", ".join(f"{name} = {value:.2f}" for name, value in zip(LINES, lines)) + " }"


def rounded(category: str, found: dict) -> tuple[float, ...]:
    """Two decimals, upwards for `flag`: no more than measured is flagged."""
    flag = min(int(found["flag"] * 100 + 0.9999) / 100, 0.99)
    if category in MARKED_ONLY:
        return flag, 1.0, 1.0
    review = max(round(found["review"], 2), flag)
    return flag, review, max(round(found["block"], 2), review)


def lines_of(category: str, by_language: dict[str, dict]) -> list[str]:
    """The lines of one category, as they stand in the policy."""
    rows = {lang: rounded(category, found[category]) for lang, found in by_language.items()}
    plain = tuple(max(values) for values in zip(*rows.values()))
    made = [f"score = {table(plain)}"]
    for lang, found in by_language.items():
        numbers = found[category]
        recall = ", ".join(
            f"{numbers[f'recall_{kind}']:.0%} of {numbers[f'positives_{kind}']} {name}"
            for kind, name in (("open", "harmful texts left out"), ("own", "of our own")) if numbers[f"positives_{kind}"]
        )
        made.append(f"# {lang}: flags {numbers['harmless_flagged']:.2%} of harmless texts left out" + (f"; finds {recall}" if recall else ""))
        made.append(f"language.{lang}.score = {table(rows[lang])}")
    return made


def rewritten(policy: str, by_language: dict[str, dict]) -> str:
    """The policy with new score lines; everything else as it was."""
    parts = re.split(r"(?m)^(?=\[\[)", policy)
    for at, part in enumerate(parts):
        name = re.match(r'\[\[category\]\]\nname = "([^"]+)"\n', part)
        if not name or name[1] not in next(iter(by_language.values())):
            continue
        kept = re.sub(r"(?m)^(score|language\.\w+\.score) = .*\n|^# (en|de): flags .*\n", "", part)
        head, tail = re.match(r"(?s)(.*?^floor = \w+\n)(.*)", kept, flags=re.M).groups()
        parts[at] = head + "\n".join(lines_of(name[1], by_language)) + "\n" + tail
    return "".join(parts)


def main() -> None:
    path = Path(sys.argv[1])
    found = json.loads(THRESHOLDS.read_text())["left_out"]
    by_language = {lang: found[lang]["categories"] for lang in ("en", "de")}
    path.write_text(rewritten(path.read_text(), by_language))


if __name__ == "__main__":
    main()
