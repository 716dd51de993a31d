"""Counts the project's own labelled rows and fails where they resemble each other too much.

Reads every `own/*.jsonl` beside this file (or in the folder given as the argument), prints rows, languages,
positives per category and band, negatives by look, mean words, the agreement with the second labels, and the
share of pairs of rows that share at least half of the word 5-grams of the shorter one. Exits 1 where that share
is over 5 %, or a row is malformed.
"""

import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import own_agreement

CATEGORIES = (
    "hate", "hate/threatening", "harassment", "harassment/threatening", "self-harm", "self-harm/intent",
    "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic", "illicit",
    "illicit/violent", "prompt-attack", "pii", "spam", "profanity",
)
LOOKS = (
    "support", "news", "medicine", "law", "fiction", "games", "idiom", "reclaimed", "counter-speech",
    "quotation", "negation", "plain",
)
MOST_SHARED = 0.05


def rows(folder):
    """Every row of the folder's files, with the file's name; complaints about malformed ones."""
    good, bad, seen = [], [], set()
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"{path.name}:{number}"
            try:
                row = json.loads(line)
            except ValueError as fault:
                bad.append(f"{where}: {fault}")
                continue
            complaint = fault_of(row, seen)
            if complaint:
                bad.append(f"{where}: {complaint}")
            else:
                good.append((path.name, row))
    return good, bad


def fault_of(row, seen):
    """What is wrong with a row, or None. `seen` collects the ids and texts met so far."""
    for field in ("id", "text", "lang", "labels", "severity", "kind", "look"):
        if field not in row:
            return f"no `{field}`"
    positive = {name for name, value in row["labels"].items() if value == 1}
    if not set(row["labels"]) <= set(CATEGORIES) or not set(row["labels"].values()) <= {0, 1}:
        return "labels are categories with 0 or 1"
    if set(row["severity"]) != positive or not all(1 <= s <= 7 for s in row["severity"].values()):
        return "`severity` names each positive category with 1..7"
    if row["kind"] != ("positive" if positive else "negative"):
        return "`kind` contradicts `labels`"
    if row["lang"] not in ("de", "en") or row["look"] not in LOOKS:
        return "unknown `lang` or `look`"
    if fault := own_agreement.fault_of(row, CATEGORIES):
        return fault
    text = " ".join(row["text"].casefold().split())
    if not text or row["id"] in seen or text in seen:
        return "empty text, or an id or text met before"
    seen.update((row["id"], text))
    return None


def grams(text):
    """The set of a text's word 5-grams; the whole text where it has fewer than five words."""
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[at:at + 5]) for at in range(max(1, len(words) - 4))}


def alike(good):
    """Pairs of ids that share at least half of the shorter one's 5-grams."""
    sets = [grams(row["text"]) for _, row in good]
    holders = defaultdict(list)
    for at, its in enumerate(sets):
        for gram in its:
            holders[gram].append(at)
    shared = Counter()
    for which in holders.values():
        for i, a in enumerate(which):
            for b in which[i + 1:]:
                shared[a, b] += 1
    return [
        (good[a][1]["id"], good[b][1]["id"])
        for (a, b), count in shared.items()
        if 2 * count >= min(len(sets[a]), len(sets[b]))
    ]


def band(severity):
    return "low" if severity <= 2 else "middle" if severity <= 4 else "high"


def table(name, good):
    """Prints one file's counts."""
    count = len(good)
    german = sum(row["lang"] == "de" for row in good)
    words = sum(len(row["text"].split()) for row in good)
    print(f"{name}: {count} rows, {100 * german / count:.1f} % German, {words / count:.1f} words on average")
    bands = defaultdict(Counter)
    for row in good:
        for category, severity in row["severity"].items():
            bands[category][band(severity)] += 1
            bands[category]["de"] += row["lang"] == "de"
    print(f"  {'positives':24}{'low':>6}{'middle':>8}{'high':>6}{'German':>8}")
    for category in CATEGORIES:
        if category in bands:
            its = bands[category]
            print(f"  {category:24}{its['low']:6}{its['middle']:8}{its['high']:6}{its['de']:8}")
    negatives = [row for row in good if row["kind"] == "negative"]
    looks = Counter(row["look"] for row in negatives)
    print(f"  negatives: {len(negatives)}: " + ", ".join(f"{look} {n}" for look, n in looks.most_common()))
    written_for = Counter(row["id"].rsplit("-", 1)[0] for row in negatives)
    print("  negatives by the category they resemble: " + ", ".join(f"{k} {n}" for k, n in written_for.most_common()))


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "own"
    good, bad = rows(folder)
    for complaint in bad:
        print(complaint)
    if not good:
        sys.exit(f"no rows in {folder}")
    for name in sorted({name for name, _ in good}):
        table(name, [row for its, row in good if its == name])
    own_agreement.table([row for _, row in good], CATEGORIES)
    pairs = alike(good)
    possible = max(1, len(good) * (len(good) - 1) // 2)
    print(f"pairs that share half their 5-grams: {len(pairs)} of {possible} ({100 * len(pairs) / possible:.4f} %)")
    for pair in pairs[:20]:
        print("  " + " ~ ".join(pair))
    sys.exit(1 if bad or len(pairs) > MOST_SHARED * possible else 0)


if __name__ == "__main__":
    main()
