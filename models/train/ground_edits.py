"""Sentences that a context bears out, and the same with something changed: what the labelled sets have little or nothing of, German above all.

Made from the beginnings of articles of Wikipedia (`klexikon_train`, `wikipedia_en_recent`); a row is a context, a text and whether it is ungrounded.
"""

import gzip
import json
import random
import re
from pathlib import Path

SETS = {"klexikon_train": "de", "wikipedia_en_recent": "en"}
CONTEXTS = 400  # of each set
LENGTH = 1500  # characters of a context
IS = {
    "en": {"is": "is not", "was": "was not", "are": "are not", "were": "were not", "has": "has never", "can": "cannot", "had": "had never", "will": "will not"},
    "de": {"ist": "ist nicht", "war": "war nicht", "sind": "sind nicht", "waren": "waren nie", "hat": "hat nie", "wurde": "wurde nicht", "wurden": "wurden nie", "kann": "kann nicht"},
}
WORD = re.compile(r"[^\W\d_]{4,}")
NUMBER = re.compile(r"\d+")


def opposites() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "../../plugins/src/ground/opposites.txt").read_text().splitlines():
        one, other = line.split()
        table.setdefault(one, []).append(other)
        table.setdefault(other, []).append(one)
    return table


OPPOSITES = opposites()


def sentences(text: str) -> list[str]:
    cut = re.split(r"(?<=[a-zäöüß]{4}[.!?])\s+(?=[A-ZÄÖÜ])", text.replace("\n", " "))
    return [sentence for sentence in cut if 40 <= len(sentence) <= 300]


def rows(data: Path, seed: int = 7) -> list[dict]:
    """Rows as the labelled sets have them, `source` is `edits_de` or `edits_en`."""
    made = []
    for name, language in SETS.items():
        draw = random.Random(seed)
        with gzip.open(data / f"{name}.jsonl.gz", "rt") as lines:
            texts = [text for line in lines if len(sentences(text := json.loads(line)["text"][:LENGTH])) >= 3]
        texts = draw.sample(texts, min(CONTEXTS, len(texts)))
        for place, text in enumerate(texts):
            other = texts[(place + 1) % len(texts)]
            for number, (claim, ungrounded) in enumerate(of_one(text, other, language, draw)):
                made.append({
                    "id": f"edits-{language}-{place}-{number}", "source": f"edits_{language}", "context": text, "text": claim,
                    "labels": {"ungrounded": ungrounded},
                })
    return made


def of_one(text: str, other: str, language: str, draw: random.Random) -> list[tuple[str, int]]:
    found = []
    chosen = draw.sample(sentences(text), 3)
    kept = [faithful(chosen[0], draw), faithful(faithful(chosen[1], draw), draw)]
    found += [(claim, 0) for claim in kept if claim not in chosen]
    edits = [number, name, denial, opposite, word]
    draw.shuffle(edits)
    changed = 0
    for edit in edits:
        source = draw.choice(chosen)
        source = faithful(source, draw) if draw.random() < 0.5 else source
        claim = edit(source, text, other, language, draw)
        if claim and changed < 2:
            found.append((claim, 1))
            changed += 1
    if draw.random() < 0.3:
        found.append((draw.choice(sentences(other)), 1))
    return found


def faithful(sentence: str, draw: random.Random) -> str:
    """The same with less in it, or otherwise ordered or spelt."""
    ways = [
        lambda: re.sub(r"\s*\([^)]*\)", "", sentence),
        lambda: without_a_part(sentence, draw),
        lambda: sentence.lower(),
        lambda: re.sub(r"(\d)[.,](\d{3})\b", r"\1\2", sentence),
        lambda: reordered(sentence),
        lambda: sentence.rstrip(".") + " .",
    ]
    draw.shuffle(ways)
    for way in ways:
        if (claim := way()) != sentence and len(claim) > 25:
            return claim
    return sentence


def without_a_part(sentence: str, draw: random.Random) -> str:
    parts = sentence.rstrip(".").split(", ")
    if len(parts) < 3:
        return sentence
    del parts[draw.randrange(1, len(parts))]
    return ", ".join(parts) + "."


def reordered(sentence: str) -> str:
    first, comma, rest = sentence.rstrip(".").partition(", ")
    return f"{rest}, {first}." if comma and len(rest) > 30 else sentence


def number(sentence: str, text: str, other: str, language: str, draw: random.Random) -> str | None:
    found = list(NUMBER.finditer(sentence))
    if not found:
        return None
    spot = draw.choice(found)
    new = str(max(2, int(spot.group()[:9]) + draw.choice([-30, -10, -4, -2, -1, 1, 2, 5, 10, 40])))
    return None if new in NUMBER.findall(text) else sentence[: spot.start()] + new + sentence[spot.end() :]


def exchanged(sentence: str, text: str, other: str, draw: random.Random, fits) -> str | None:
    ours = [spot for spot in WORD.finditer(sentence) if spot.start() > 0 and fits(spot.group())]
    theirs = [word for word in WORD.findall(other) if fits(word) and word.lower() not in text.lower()]
    if not ours or not theirs:
        return None
    spot = draw.choice(ours)
    alike = [word for word in theirs if word[-2:] == spot.group()[-2:]] or theirs
    return sentence[: spot.start()] + draw.choice(alike) + sentence[spot.end() :]


def name(sentence: str, text: str, other: str, language: str, draw: random.Random) -> str | None:
    return exchanged(sentence, text, other, draw, str.istitle)


def word(sentence: str, text: str, other: str, language: str, draw: random.Random) -> str | None:
    return exchanged(sentence, text, other, draw, lambda word: word.islower() and len(word) > 4)


def denial(sentence: str, text: str, other: str, language: str, draw: random.Random) -> str | None:
    spots = [spot for spot in re.finditer(r"\b\w+\b", sentence) if spot.group() in IS[language]]
    if not spots:
        return None
    spot = draw.choice(spots)
    return sentence[: spot.start()] + IS[language][spot.group()] + sentence[spot.end() :]


def opposite(sentence: str, text: str, other: str, language: str, draw: random.Random) -> str | None:
    spots = [spot for spot in re.finditer(r"\b\w+\b", sentence) if spot.group() in OPPOSITES]
    if not spots:
        return None
    spot = draw.choice(spots)
    return sentence[: spot.start()] + draw.choice(OPPOSITES[spot.group()]) + sentence[spot.end() :]
