"""Keeps the figures of ../heads/CARD.md true: rewrites its tables from what the programs printed, the files that are shipped and the rows there are.

    python card.py --left-out LEFT_OUT.txt --heads HEADS.txt --data FOLDER

LEFT_OUT.txt is what left_out.py printed, HEADS.txt what heads.py printed when it made these heads (not with `--evaluate`, which has no shares).
Prose stays as it is, whatever figures it names. Of ../encoder/CARD.md only digests and sizes change. What is missing, in a card or in what was
printed, is named, and then nothing is written.
"""

import argparse
import hashlib
import json
import re
from itertools import takewhile
from pathlib import Path

from safetensors import safe_open

import sources
from encoder import READER
from heads_file import FOLDER
from left_out import LENGTHS
from quality import IDENTITIES

# Where in the card each table goes that left_out.py prints ready made.
READY = {
    "any harm on equal parts of all left-out sources: the highest probability of any category": "### Any harm",
    "all left-out sources by label, with harmless sources": "### By label, with harmless sources",
    "left-out sources by category and language, all sources that annotate it": "### By category and language, over all sources that annotate it",
    "left-out sources by label": "### By source and label",
    "held-out rows of our own, which both baselines and the reader have met others of": "### Held-out rows of our own",
    "expected calibration error": "## Calibration",
} | {f"left-out sources, {name} characters": f"### By length, in characters > {name.capitalize()}:" for name, _, _ in LENGTHS}
SHARES = re.compile(r"(\S+) +frozen ([\d.]+) reader ([\d.]+) words ([\d.]+)")
HELD_OUT = re.compile(r"(\S+) +(\w\w) AUPRC ([\d.]+) rows (\d+) positives (\d+); above 0\.5: F1 ([\d.]+) false positives ([\d.]+)")
IDENTITY = re.compile(r"(\w\w) (.+?) +(\d+) rows, median ([\d.]+), above 0\.2: ([\d.]+) 0\.3: ([\d.]+) .*")
DIGEST = re.compile("`[0-9a-f]{64}`")
GROUPS = [*IDENTITIES, "none of these", "all"]
OURS = ["own", *sources.OWN_FILES, sources.TALK]
LICENCE_OF_OURS = "MIT OR Apache-2.0"
LANGUAGES = {"en": "English", "de": "German"}


class Card:
    """A card with its tables, each named by its heading and, where a line like `German:` stands above it, by that too."""

    PIECE = re.compile(r"(?m)^(?P<heading>#+ .*)$|(?<=\n\n)(?P<lead>[\w ]+:)$|(?P<table>(?:^\|.*\n)+)")

    def __init__(self, path: Path):
        self.path, self.text = path, path.read_text(encoding="utf-8")
        self.tables: dict[str, re.Match] = {}
        self.made: dict[str, list[str]] = {}
        heading = lead = ""
        for piece in self.PIECE.finditer(self.text):
            if piece["heading"]:
                heading, lead = piece["heading"], ""
            elif piece["lead"]:
                lead = f" > {piece['lead']}"
            elif heading + lead in self.tables:
                raise SystemExit(f"{path}: more than one table under `{heading}{lead}`")
            else:
                self.tables[heading + lead], lead = piece, ""

    def rows(self, name: str) -> list[str]:
        """The rows of a table, below its names of columns and the rule."""
        return self.lines(name)[2:]

    def lines(self, name: str) -> list[str]:
        """A table as it stands in the card."""
        if name not in self.tables:
            raise SystemExit(f"{self.path}: no table under `{name}`")
        return self.tables[name]["table"].splitlines()

    def put(self, name: str, columns: str, rows: list[str]) -> None:
        """New rows for a table, whose columns must be those the rows are made for."""
        names, rule, *_ = self.lines(name)
        if names != columns:
            raise SystemExit(f"{self.path}: under `{name}` the columns are not those that there are figures for: {columns}")
        self.made[name] = [names, rule, *rows]

    def write(self) -> None:
        """Writes the card, and says which tables nothing was put into."""
        text = self.text
        for name, place in reversed(self.tables.items()):
            if name in self.made:
                text = text[: place.start()] + "\n".join(self.made[name]) + "\n" + text[place.end() :]
            else:
                print(f"{self.path}: left as it is: `{name}`")
        self.path.write_text(text, encoding="utf-8")


class Printed:
    """What a program printed."""

    def __init__(self, path: Path):
        self.path, self.lines = path, path.read_text(encoding="utf-8").splitlines()

    def below(self, title: str) -> list[str]:
        """The lines below a title, blank ones at their head left out."""
        if self.lines.count(title) != 1:
            raise SystemExit(f"{self.path}: `{title}` stands there {self.lines.count(title)} times, not once")
        rest = self.lines[self.lines.index(title) + 1 :]
        return rest[next((at for at, line in enumerate(rest) if line), len(rest)) :]

    def listed(self, title: str, row: re.Pattern, follows: str = "") -> list[re.Match]:
        """The rows below a title; behind them must come what follows there, lest a stray line cuts them short."""
        rest = [*self.below(title), ""]
        found = list(takewhile(bool, map(row.fullmatch, rest)))
        if not found or rest[len(found)] != follows:
            raise SystemExit(f"{self.path}: under `{title}` this is no row of it: `{rest[len(found)]}`")
        return found

    def table(self, title: str) -> list[str]:
        """A table below a title, names of columns and rule included."""
        columns = next(iter(self.below(title)), "").count("|")
        found = self.listed(title, re.compile(rf"\|(?:[^|]*\|){{{max(columns - 1, 1)}}}"))
        if len(found) < 3:
            raise SystemExit(f"{self.path}: the table under `{title}` has no rows")
        return [line[0] for line in found]

    def everywhere(self, row: re.Pattern) -> list[re.Match]:
        """The lines of one form, wherever they stand."""
        return [found for found in map(row.fullmatch, self.lines) if found]


def percent(share: float, digits: int = 2) -> str:
    return f"{100 * share:.{digits}f} %"


def complete(path: Path, what: str, found: list[str], wanted: list[str]) -> None:
    """Stops where a run that was broken off, or of other categories, would leave rows out."""
    if found != wanted:
        raise SystemExit(f"{path}: {what} of {', '.join(found) or 'nothing'}; wanted: {', '.join(wanted)}")


def put_left_out(card: Card, printed: Printed) -> None:
    """Everything that left_out.py prints."""
    for title, name in READY.items():
        columns, _, *rows = printed.table(title)
        card.put(name, columns, rows)
    errors = card.made[READY["expected calibration error"]][2:]
    complete(printed.path, "expected calibration error", [row.split("|")[1].strip() for row in errors], sources.CATEGORIES)


def put_shares(card: Card, printed: Printed) -> None:
    found = printed.everywhere(SHARES)
    complete(printed.path, "shares of frozen, reader and words", [line[1] for line in found], sources.CATEGORIES)
    card.put("## How they are made", "| category | frozen | reader | words |", [f"| {' | '.join(line.groups())} |" for line in found])


def put_held_out(card: Card, printed: Printed) -> None:
    """By category, on held-out rows."""
    title, follows = "per category over the sources that annotate it, held-out rows", "threshold at 1 % false positives on held-out harmless text"
    rows = []
    for line in printed.listed(title, HELD_OUT, follows):
        category, lang, area, count, positives, f1, passed = line.groups()
        rows.append(f"| {category} | {lang} | {int(count):,} | {int(positives):,} | {area} | {f1} | {percent(float(passed))} |")
    card.put("## Held-out rows of sources that were trained on", "| category | lang | rows | positives | AUPRC | F1 above 0.5 | FPR above 0.5 |", rows)


def identity_cells(line: re.Match | None) -> str:
    """Rows, median and what is above the two cuts, of one group in one language."""
    if line is None:
        return "0 | - | - | -"
    rows = int(line[3])
    # Three decimals say how many rows these are: so nothing is rounded twice.
    above = [percent(round(float(share) * rows) / rows, 0) for share in line.group(5, 6)]
    return " | ".join([f"{rows:,}", line[4], *above])


def put_identities(card: Card, printed: Printed) -> None:
    title = "harmless templates that name a group: the higher of hate and harassment, held-out rows"
    lines = {(line[1], line[2]): line for line in printed.listed(title, IDENTITY)}
    complete(printed.path, "all harmless templates", [lang for lang, group in lines if group == "all"], list(LANGUAGES))
    rows = []
    for group in sorted({group for _, group in lines}, key=GROUPS.index):
        rows.append(f"| {group} | {' | '.join(identity_cells(lines.get((lang, group))) for lang in LANGUAGES)} |")
    columns = "median | above 0.2 | above 0.3"
    card.put("## Identity terms", f"| group named | en rows | {columns} | de rows | {columns} |", rows)


def found_of(numbers: dict, kind: str) -> str:
    """The share found, and of how many."""
    return f"{numbers[f'recall_{kind}']:.2f} ({numbers[f'positives_{kind}']:,})" if numbers[f"positives_{kind}"] else "-"


def put_thresholds(card: Card, made: dict) -> None:
    """What thresholds.json says: what is flagged of each harmless source, and what is found."""
    rows = []
    for lang, name in LANGUAGES.items():
        left_out, shipped, held_out = (made[part][lang] for part in ("left_out", "left_out_on_held_out_rows", "held_out"))
        for source, flagged in left_out["flagged"].items():
            cells = [f"{left_out['rows'][source]:,}", percent(flagged), percent(left_out["checked"][source])]
            rows.append(f"| {source} | {' | '.join(cells)} | {percent(shipped['flagged'][source])} of {shipped['rows'][source]:,} |")
        lines = []
        for category, line in left_out["categories"].items():
            met, known = shipped["categories"][category], held_out["categories"][category]
            cells = [category, f"{line['flag']:.3f}", percent(line["harmless_flagged"]), found_of(line, "open"), found_of(met, "open"), found_of(met, "own")]
            cells += [f"{known['flag']:.3f}", found_of(known, "open"), found_of(known, "own")]
            lines.append(f"| {' | '.join(cells)} |")
        columns = "found, left out | shipped: found, open | shipped: found, own | `held_out` threshold | found, open | found, own"
        card.put(f"## Thresholds > {name}:", f"| category | threshold | harmless flagged | {columns} |", lines)
    card.put("## Thresholds", "| source | rows | flagged at all | checked | shipped heads, held-out rows |", rows)


def titled(source: str) -> str:
    """How the card calls a source."""
    if source == "own":
        return "own (`models/train/own.*.txt`)"
    return f"{source}.jsonl (`models/train/own/`)" if source.startswith("own/") else source


def put_data(card: Card, rows: list[sources.Row]) -> None:
    """Rows trained on and held out of every source; odd forms are rows of these sources once more and are not counted."""
    licences = {first: last for first, *_, last in (row.strip("| ").split(" | ") for row in card.rows("## Data"))}
    counted = [row for row in rows if row.source in sources.WEIGHTS and row.source not in sources.ODD]
    made = []
    for source in sorted({row.source for row in counted}, key=lambda name: (name.split("/")[0], name in OURS and OURS.index(name))):
        name, of_it = titled(source), [row for row in counted if row.source == source]
        licence = licences.get(name) or (LICENCE_OF_OURS if source in OURS else None)
        if licence is None:
            raise SystemExit(f"{card.path}: no licence of `{source}` under `## Data`")
        held_out = sum(row.held_out for row in of_it)
        languages = ", ".join(sorted({row.lang for row in of_it}))
        made.append(f"| {name} | {languages} | {len(of_it) - held_out:,} | {held_out:,} | {sources.WEIGHTS[source]:.1f} | {licence} |")
    held_out = sum(row.held_out for row in counted)
    made.append(f"| **together** | | **{len(counted) - held_out:,}** | **{held_out:,}** | | |")
    card.put("## Data", "| source | languages | trained on | held out | weight | licence |", made)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def put_files(card: Card, name: str, columns: str, digests: dict[str, str | Path]) -> None:
    """New digests and sizes in the rows of a table of files that hold these words; the others stay."""
    rows = card.rows(name)
    for words, of in digests.items():
        places = [at for at, row in enumerate(rows) if words in row.split("|")[1] and DIGEST.search(row)]
        if len(places) != 1:
            raise SystemExit(f"{card.path}: {len(places)} rows with a digest for {words} under `{name}`, not one")
        row = rows[places[0]]
        if isinstance(of, Path):
            row = re.sub(r"\d[\d,]*(?= bytes\))|(?<=\| )\d[\d,]*(?= \|)", f"{of.stat().st_size:,}", row)
        rows[places[0]] = DIGEST.sub(f"`{sha256(of) if isinstance(of, Path) else of}`", row)
    card.put(name, columns, rows)


def header_of_these_heads(printed: Printed) -> dict[str, str]:
    """The header of heads.safetensors, if it is what this run made and the reader beside it is its own."""
    path = FOLDER / "heads.safetensors"
    if [line[1] for line in printed.everywhere(re.compile("sha256 (.*)"))] != [sha256(path)]:
        raise SystemExit(f"{printed.path}: no line `sha256 …` with the digest of {path}: other heads than these")
    with safe_open(path, "numpy") as file:
        header = file.metadata()
    if header["reader"] != sha256(READER):
        raise SystemExit(f"{path}: belongs to another reader than {READER}")
    return header


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--left-out", type=Path, required=True, help="what left_out.py printed")
    arguments.add_argument("--heads", type=Path, required=True, help="what heads.py printed when it made the heads")
    arguments.add_argument("--data", type=Path, required=True, help="folder of the open data")
    options = arguments.parse_args()
    heads, encoder, printed = Card(FOLDER / "CARD.md"), Card(READER.parent / "CARD.md"), Printed(options.heads)
    header = header_of_these_heads(printed)
    files = {f"`{name}`": FOLDER / name for name in ("heads.safetensors", "golden.json", "thresholds.json")}
    put_files(heads, "# Classifier heads", "| file | SHA-256 |", files | {f"`{part}` in the header": header[part] for part in ("encoder", "reader")})
    files = {f"`{name}`": READER.parent / name for name in ("model.onnx", "reader.safetensors", "golden.json")}
    put_files(encoder, "# Encoder and reader", "| file | bytes | SHA-256 |", files)
    for put in (put_shares, put_held_out, put_identities):
        put(heads, printed)
    put_left_out(heads, Printed(options.left_out))
    put_thresholds(heads, json.loads((FOLDER / "thresholds.json").read_text(encoding="utf-8")))
    put_data(heads, sources.all_rows(options.data))
    for card in (heads, encoder):
        card.write()


if __name__ == "__main__":
    main()
