"""Writes the score lines of a policy from ../heads/thresholds.json, beside each the numbers it comes from.

    python policy_lines.py ../../policies/library/default.toml

A category's own lines are those for English, which also hold for texts too short to tell their language, and German has lines of its own where they differ. A floor's
language lines may only be stricter than its own: those are the higher of the two. `review` and `block` lie a third and three quarters of the way from `flag` to certainty: how sure one has to be to
act is a decision, not a measurement. Categories that the heads do not know keep what they have, and so do those that the policy sets by hand (`thresholds.HAND`), for the
reasons that the policy gives.
"""

import json
import re
import sys
from pathlib import Path

from thresholds import HAND

THRESHOLDS = Path(__file__).resolve().parents[1] / "heads" / "thresholds.json"
LINES = ("flag", "review", "block")
REVIEW, BLOCK = 0.35, 0.75
HIGHEST = 0.99
# A line that certain findings alone reach: the policy's author wants it out of the heads' reach, and it stays.
NEVER = 1.0


def table(lines: tuple[float, ...]) -> str:
    return "{ " + ", ".join(f"{name} = {value:.2f}" for name, value in zip(LINES, lines)) + " }"


def rounded(found: dict, before: dict[str, float]) -> tuple[float, ...]:
    """Two decimals, upwards for `flag`: no more than measured is flagged."""
    flag = min(int(found["flag"] * 100 + 0.9999) / 100, HIGHEST)
    higher = (NEVER if before[name] == NEVER else round(flag + (1 - flag) * way, 2) for name, way in (("review", REVIEW), ("block", BLOCK)))
    return flag, *higher


def found_by(numbers: dict) -> str:
    """What the flag line does, in words."""
    recall = [
        f"{numbers[f'recall_{kind}']:.0%} of {numbers[f'positives_{kind}']:,} {name}"
        for kind, name in (("open", "harmful ones"), ("own", "of our own")) if numbers[f"positives_{kind}"]
    ]
    return f"flags {numbers['harmless_flagged']:.2%} of harmless texts" + ("; finds " + ", ".join(recall) if recall else "")


def lines_of(category: str, by_language: dict[str, dict], floor: bool, before: dict[str, float]) -> list[str]:
    """The lines of one category, as they stand in the policy."""
    lines = {lang: rounded(by_language[lang][category], before) for lang in ("en", "de")}
    plain = tuple(max(pair) for pair in zip(*lines.values())) if floor else lines["en"]
    made = [f"score = {table(plain)}"]
    for lang, own in lines.items():
        made.append(f"# {lang}: {found_by(by_language[lang][category])}")
        made += [f"language.{lang}.score = {table(own)}"] if own != plain else []
    return made


def rewritten(policy: str, by_language: dict[str, dict]) -> str:
    """The policy with new score lines; everything else as it was."""
    parts = re.split(r"(?m)^(?=\[\[)", policy)
    for at, part in enumerate(parts):
        name = re.match(r'\[\[category\]\]\nname = "([^"]+)"\n', part)
        if not name or name[1] in HAND["en"] or name[1] not in next(iter(by_language.values())):
            continue
        before = re.search(r"(?m)^score = \{ (.*) \}", part)
        before = {key: float(value) for key, value in re.findall(r"(\w+) = ([\d.]+)", before[1])}
        kept = re.sub(r"(?m)^(score|language\.\w+\.score) = .*\n|^# (en|de): flags .*\n", "", part)
        head, floor, tail = re.match(r"(?sm)(.*?^floor = (\w+)\n)(.*)", kept).groups()
        parts[at] = head + "\n".join(lines_of(name[1], by_language, floor == "true", before)) + "\n" + tail
    return "".join(parts)


def main() -> None:
    path = Path(sys.argv[1])
    found = json.loads(THRESHOLDS.read_text())["left_out"]
    by_language = {lang: found[lang]["categories"] for lang in ("en", "de")}
    path.write_text(rewritten(path.read_text(), by_language))


if __name__ == "__main__":
    main()
