"""Odd spelling for training: the same words as people write them who do not want to be read by a machine.

Harmless texts are disguised as often as harmful ones, so that odd spelling by itself says nothing.
"""

import numpy as np

HOMOGLYPHS = dict(zip("aceiopxysjhklmnrtuvbdg", "асеіорхуѕјһκⅼⅿпгтυνЬԁց"))
LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "b": "8", "g": "9", "l": "1"}
COMBINING = "\u0301\u0308\u0323\u0336\u0337\u034f"
INVISIBLE = "\u200b\u200c\u00ad\u2060"


def swapped(word: str, table: dict[str, str], draw: np.random.Generator, share: float) -> str:
    return "".join(draw.choice(list(table[c.lower()])) if c.lower() in table and draw.random() < share else c for c in word)


def between(word: str, marks: str, draw: np.random.Generator) -> str:
    return marks.join(word) if len(word) > 2 else word


def repeated(word: str, draw: np.random.Generator) -> str:
    return "".join(c * int(draw.integers(2, 5)) if c.isalpha() and draw.random() < 0.3 else c for c in word)


def sprinkled(word: str, marks: str, draw: np.random.Generator) -> str:
    return "".join(c + (draw.choice(list(marks)) if c.isalpha() and draw.random() < 0.6 else "") for c in word)


def wide(word: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)


def censored(word: str, draw: np.random.Generator) -> str:
    if len(word) < 4:
        return word
    at = int(draw.integers(1, len(word) - 1))
    return word[:at] + draw.choice(list("*#-.")) + word[at + 1 :]


WAYS = {
    "homoglyph": lambda w, d: swapped(w, HOMOGLYPHS, d, 0.5),
    "leet": lambda w, d: swapped(w, LEET, d, 0.7),
    "spaced": lambda w, d: between(w, " ", d),
    "dotted": lambda w, d: between(w, d.choice([".", "-", "_"]), d),
    "invisible": lambda w, d: sprinkled(w, INVISIBLE, d),
    "repeats": repeated,
    "case": lambda w, d: "".join(c.upper() if d.random() < 0.5 else c for c in w),
    "wide": lambda w, d: wide(w),
    "combining": lambda w, d: sprinkled(w, COMBINING, d),
    "censored": censored,
    "split": lambda w, d: w if len(w) < 4 else w[: len(w) // 2] + d.choice(["\n", " "]) + w[len(w) // 2 :],
}


def disguised(text: str, draw: np.random.Generator) -> str:
    """The text in one of the ways, all of its words or most of them."""
    way, share = WAYS[draw.choice(list(WAYS))], draw.choice([0.5, 1.0])
    return " ".join(way(word, draw) if draw.random() < share else word for word in text.split(" "))
