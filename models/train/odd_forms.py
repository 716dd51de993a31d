"""Rows in forms that say little by themselves: what the heads have never met they would call an attack.

Opaque: harmless bulk text in hexadecimal, Base64, ROT13, percent or HTML escapes, and as the values of JSON objects, log lines and forms. The
program reads what is packed as a text of its own, so that the package says nothing for or against it: no harm in any category.
Short: a word or two of harmless bulk text. Word lists are rows too, and nearly all that is one word long is on them.
Legible: the project's own rows in the disguises of disguise.py, harmful and harmless alike, with their labels. The reader meets
such rows of every source while it is trained; heads on n-grams meet these.
"""

import base64
import codecs
import html
import json
import re
from dataclasses import replace
from urllib.parse import quote

import numpy as np

from disguise import disguised
from features import folded

SEED = 13
LONGEST = 240
# One row in so many of a source.
OPAQUE_OF, SHORT_OF, LEGIBLE_OF = 7, 3, 3
NAMES = ["id", "text", "message", "title", "user", "comment", "status", "city", "note", "lang", "query", "body"]


def object_of(text: str, draw: np.random.Generator) -> str:
    """A JSON object with the text among its values."""
    names = [NAMES[i] for i in draw.permutation(len(NAMES))[: int(draw.integers(1, 5))]]
    values = [int(draw.integers(0, 10_000)), bool(draw.random() < 0.5), None, round(float(draw.random()), 3), names[0]]
    fields = {name: values[int(draw.integers(0, len(values)))] for name in names} | {names[-1]: text}
    made = [{"role": "user", "content": text}] if draw.random() < 0.2 else {"data": fields} if draw.random() < 0.3 else fields
    return json.dumps(made, ensure_ascii=False, indent=2 if draw.random() < 0.3 else None)


def line_of(text: str, draw: np.random.Generator) -> str:
    """A line of a log, of a table or of a form."""
    day, at = int(draw.integers(1, 29)), int(draw.integers(0, 86_400))
    stamp = f"2026-0{day % 9 + 1}-{day:02d}T{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}Z"
    number = int(draw.integers(1, 100_000))
    return [f"{stamp} INFO request={number} {text}", f"{number};{stamp};{text};ok", f"name: {number}\nvalue: {text}"][int(draw.integers(0, 3))]


OPAQUE = {
    "hex": lambda t, d: t.encode().hex(" ") if d.random() < 0.3 else t.encode().hex(),
    "base64": lambda t, d: base64.b64encode(t.encode()).decode(),
    "rot13": lambda t, d: codecs.encode(t, "rot13"),
    "percent": lambda t, d: "".join(f"%{b:02X}" for b in t.encode()) if d.random() < 0.5 else quote(t),
    "html": lambda t, d: "".join(f"&#{ord(c)};" for c in t) if d.random() < 0.5 else html.escape(t).encode("ascii", "xmlcharrefreplace").decode(),
    "object": object_of,
    "object too": object_of,
    "line": line_of,
}


def named(row):
    """The same row as another, of a source of its own; the id keeps a row and its form in one fold."""
    return replace(row, source=f"odd/{row.source}" if not row.source.startswith("own") else "odd/own")


def opaque(rows: list) -> list:
    """Some of these harmless rows in opaque forms."""
    made = []
    for row in rows:
        number = folded(f"odd {row.id}".encode())
        if number % OPAQUE_OF == 0:
            draw = np.random.default_rng([SEED, number])
            way = list(OPAQUE)[int(draw.integers(0, len(OPAQUE)))]
            made.append(replace(named(row), text=OPAQUE[way](row.text[:LONGEST], draw)))
    return made


def short(rows: list, unwanted: frozenset[str]) -> list:
    """One to three words out of some of these harmless rows; none that is on a list."""
    made = []
    for row in rows:
        number, words = folded(f"short {row.id}".encode()), re.findall(r"[^\W\d_]{3,}", row.text[:LONGEST])
        if number % SHORT_OF or not words:
            continue
        draw = np.random.default_rng([SEED, number])
        first, count = int(draw.integers(0, len(words))), [1, 1, 2, 3][int(draw.integers(0, 4))]
        chosen = words[first : first + count]
        if not any(word.lower() in unwanted for word in chosen):
            made.append(replace(named(row), text=" ".join(chosen).capitalize() if draw.random() < 0.5 else " ".join(chosen)))
    return made


def legible(rows: list) -> list:
    """Some of these rows in disguise."""
    made = []
    for row in rows:
        number = folded(f"odd {row.id}".encode())
        if number % LEGIBLE_OF == 0:
            made.append(replace(named(row), text=disguised(row.text, np.random.default_rng([SEED, number]))))
    return made
