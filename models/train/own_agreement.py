"""How far the two annotators of the project's own rows agree. Printed by `own_check.py`.

A row's first labels are `labels` and `severity`; the second annotator's are `second`, `{category: severity}`, where
an absent category means *judged and not found*. By the policy's definitions a threat of a group is hate and a threat
of a person is harassment: the second annotator may leave the wider one out, and its severity is then not compared.
Only a category that the first annotator judged on a row is compared there; one that stands in `labels` only where it
is 1 has no negatives to agree on, and no kappa.

- *Kappa*: Cohen 1960, (observed - expected) / (1 - expected), over the presence of the category.
- *Positive agreement*: Cicchetti and Feinstein 1990, 2 both / (2 both + only first + only second).
- *Severity*: mean absolute difference, on the scale 1 to 7, where both give one; *shift*: second minus first, mean.
"""

from collections import Counter

IMPLIED_BY = {"hate": "hate/threatening", "harassment": "harassment/threatening"}
COLUMNS = ("rows", "both", "first", "second", "raw", "kappa", "positive", "severity", "shift")


def finds(row, category):
    """Whether the second annotator finds the category, itself or by a narrower one that implies it."""
    return category in row["second"] or IMPLIED_BY.get(category) in row["second"]


def differing(row):
    """The categories judged by both on which they do not agree, in the order of `labels`."""
    return [name for name, value in row["labels"].items() if (value == 1) != finds(row, name)]


def fault_of(row, categories):
    """What is wrong with a row's second labels, or None."""
    second = row.get("second")
    if second is None:
        return "`differ` without `second`" if "differ" in row else None
    known = isinstance(second, dict) and set(second) <= set(categories)
    if not known or not all(type(severity) is int and 1 <= severity <= 7 for severity in second.values()):
        return "`second` names categories with 1..7"
    if row.get("differ", []) != differing(row):
        return "`differ` contradicts `labels` and `second`"
    return None


def counts(rows, category):
    """Presence by both annotators, `{(first, second): rows}`, and the differences of severity, second minus first."""
    cells, gaps = Counter(), []
    for row in rows:
        if category not in row["labels"]:
            continue
        first = row["labels"][category] == 1
        cells[first, finds(row, category)] += 1
        if first and category in row["second"]:
            gaps.append(row["second"][category] - row["severity"][category])
    return cells, gaps


def kappa(cells):
    """Cohen's kappa of a 2 x 2 table, or None where an annotator always says the same."""
    total = sum(cells.values())
    first = (cells[True, True] + cells[True, False]) / total
    second = (cells[True, True] + cells[False, True]) / total
    if first in (0, 1) or second in (0, 1):
        return None
    expected = first * second + (1 - first) * (1 - second)
    observed = (cells[True, True] + cells[False, False]) / total
    return (observed - expected) / (1 - expected)


def line(name, cells, gaps):
    """One line of the table, in the order of `COLUMNS`; `-` where a figure does not exist."""
    both, only_first, only_second = cells[True, True], cells[True, False], cells[False, True]
    total, found = sum(cells.values()), 2 * both + only_first + only_second
    figures = (
        (both + cells[False, False]) / total,
        kappa(cells),
        2 * both / found if found else None,
        sum(map(abs, gaps)) / len(gaps) if gaps else None,
        sum(gaps) / len(gaps) if gaps else None,
    )
    shown = "".join(f"{'-':>9}" if figure is None else f"{figure:9.3f}" for figure in figures)
    return f"  {name:24}{total:9}{both:9}{only_first:9}{only_second:9}{shown}"


def table(rows, categories):
    """Prints the agreement of the rows that have second labels, over all and by language."""
    labelled = [row for row in rows if "second" in row]
    differ = sum("differ" in row for row in labelled)
    print(f"second labels: {len(labelled)} of {len(rows)} rows; {differ} differ somewhere")
    for lang in ("all", "de", "en"):
        its = [row for row in labelled if lang in ("all", row["lang"])]
        if not its:
            continue
        print(f"  {lang:24}" + "".join(f"{column:>9}" for column in COLUMNS))
        for category in categories:
            cells, gaps = counts(its, category)
            if cells:
                print(line(category, cells, gaps))
        print(line("any harm judged by both", any_harm(its), []))
    silent = Counter(name for row in labelled for name in row["second"] if name not in row["labels"])
    found = ", ".join(f"{name} {n}" for name, n in silent.most_common())
    print(f"  found by the second where the first did not judge: {found or 'nothing'}")


def any_harm(rows):
    """Whether each finds anything among the categories that the first judged."""
    return Counter(
        (row["kind"] == "positive", any(finds(row, name) for name in row["labels"])) for row in rows
    )
