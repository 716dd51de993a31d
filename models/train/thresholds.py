"""Thresholds by category and language at which at most 2 % of the texts of any harmless source are flagged at all.

All rows here are of sources that the parts have not seen. Thresholds are chosen on all of them; `checked` says what thresholds chosen alike
on every second row flag of the others. `left_out` is for text of sources never met; `held_out` is the same for the shipped heads on held-out rows of
sources that they know, and lower. Greedily: the threshold is lowered next where the most positives are found for the alarms it costs.
"""

import numpy as np

import dataset
import features
import sources
from stack import annotated

HARMLESS = {
    "en": ["clinc150_queries", "banking77_queries", "wikipedia_en_recent", "dolly_1000", "xquad_en_open", "identity_templates_en"],
    "de": ["wikipedia_de_paragraphs", "xquad_de_open", "identity_templates_de"],
}
# Aimed lower than promised: what is chosen to the last row holds for others only nearly.
MOST_FLAGGED, AIMED = 0.02, 0.01
# Shares of the harmless rows that one category alone may flag.
SHARES = (0.0, 0.0003, 0.0006, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.013, 0.016)
LOWEST = 0.2
HIGHEST_REVIEW, HIGHEST_BLOCK = 0.99, 0.995


def harmless_rows(data: dataset.Dataset, rows: np.ndarray, lang: str) -> dict[str, np.ndarray]:
    """Places among `rows` of each harmless source; of the templates those that are not toxic."""
    found = {}
    for source in HARMLESS[lang]:
        places = np.flatnonzero(data.source[rows] == source)
        found[source] = np.array([k for k in places if data.rows[rows[k]].labels.get("toxicity", 0) == 0])
    return found


def ladder(score: np.ndarray, groups: list[np.ndarray]) -> np.ndarray:
    """Thresholds of one category, descending: the highest, over the groups, that each share passes."""
    steps = [max(np.quantile(score[group], 1 - share, method="higher") for group in groups) for share in SHARES]
    return np.maximum(np.minimum(np.array(steps) + 1e-4, 0.999), LOWEST)


def lowered(score: np.ndarray, groups: list[np.ndarray], positives: list[np.ndarray]) -> np.ndarray:
    """[categories]: the flag lines of one language."""
    count = score.shape[1]
    steps = np.stack([ladder(score[:, c], groups) for c in range(count)])
    at = np.zeros(count, int)

    def flagged(place: np.ndarray) -> float:
        above = score > steps[np.arange(count), place]
        return max(above[group].any(1).mean() for group in groups)

    def found(c: int, place: int) -> float:
        return (score[positives[c], c] > steps[c, place]).mean() if len(positives[c]) else 0.0

    while True:
        options = []
        for c in range(count):
            for place in range(at[c] + 1, len(SHARES)):
                trial = at.copy()
                trial[c] = place
                cost = flagged(trial)
                gain = found(c, place) - found(c, at[c])
                if cost <= AIMED and gain > 0:
                    options.append((gain / (cost - flagged(at) + 2e-4), c, place))
        if not options:
            return np.round(steps[np.arange(count), at], 4)
        _, c, place = max(options)
        at[c] = place


def above(score: np.ndarray, groups: list[np.ndarray], flag: np.ndarray) -> list[dict]:
    """The lines above the flag lines: a quarter of the harmless texts that pass `flag` pass `review`, and none at all passes `block`."""
    made = []
    for column, line in enumerate(flag):
        passed = [score[group, column] for group in groups]
        share = max((found > line).mean() for found in passed)
        review = max(line + 0.05, *(np.quantile(found, 1 - share / 4, method="higher") for found in passed))
        block = max(review + 0.05, *(found.max() for found in passed))
        made.append({"review": min(review, HIGHEST_REVIEW), "block": min(block, HIGHEST_BLOCK)})
    return made


def chosen(data: dataset.Dataset, rows: np.ndarray, probabilities: np.ndarray) -> dict:
    """Thresholds by language and category, with what they flag and find among these rows."""
    fitted_on = np.array([(features.folded(data.rows[i].id.encode()) // 7) % 2 == 0 for i in rows])
    made = {}
    for lang in HARMLESS:
        groups, positives = harmless_rows(data, rows, lang), positive_rows(data, rows, lang)
        lines = lowered(probabilities, list(groups.values()), positives)
        halved = lowered(probabilities, [g[fitted_on[g]] for g in groups.values()], [p[fitted_on[p]] for p in positives])
        rest = {name: group[~fitted_on[group]] for name, group in groups.items()}
        made[lang] = measured(data, rows, probabilities, (lang, lines)) | {
            "checked": {name: round(float((probabilities[g] > halved).any(1).mean()), 4) for name, g in rest.items()},
        }
    return made


def positive_rows(data: dataset.Dataset, rows: np.ndarray, lang: str) -> list[np.ndarray]:
    """Places among `rows` of each category's positives."""
    right = data.lang[rows] == lang
    return [np.flatnonzero(annotated(data, rows, c) & (data.targets.value[rows, c] > 0.5) & right) for c in range(len(dataset.CATEGORIES))]


def measured(data: dataset.Dataset, rows: np.ndarray, probabilities: np.ndarray, given: tuple[str, np.ndarray]) -> dict:
    """What thresholds flag of harmless sources and find of positives."""
    lang, lines = given
    groups, positives = harmless_rows(data, rows, lang), positive_rows(data, rows, lang)
    further = above(probabilities, list(groups.values()), lines)
    own, passed, categories = np.isin(data.source[rows], sorted(sources.OWN)), np.concatenate(list(groups.values())), {}
    for column, category in enumerate(dataset.CATEGORIES):
        score, line = probabilities[:, column], lines[column]
        higher = {name: round(float(value), 4) for name, value in further[column].items()}
        categories[category] = {"flag": round(float(line), 4), **higher, "harmless_flagged": round(float((score[passed] > line).mean()), 5)}
        for name, where in (("open", ~own), ("own", own)):
            kept = positives[column][where[positives[column]]]
            recall = round(float((score[kept] > line).mean()), 3) if len(kept) else None
            categories[category] |= {f"recall_{name}": recall, f"positives_{name}": len(kept)}
    return {
        "flagged": {name: round(float((probabilities[g] > lines).any(1).mean()), 4) for name, g in groups.items()},
        "rows": {name: len(g) for name, g in groups.items()},
        "categories": categories,
    }


def shown(name: str, made: dict) -> None:
    """Prints what the file will say."""
    for lang, found in made.items():
        print(name, lang, "flagged at all:", found["flagged"], "checked:", found.get("checked"))
        for category, line in found["categories"].items():
            print(f"  {category:24s} {line}")


def all_of_them(data: dataset.Dataset, left_out: tuple[np.ndarray, np.ndarray], met: tuple[np.ndarray, np.ndarray]) -> dict:
    """What thresholds.json holds; `left_out` and `met` are rows and probabilities, by the halves and by what is shipped."""
    strict = chosen(data, *left_out)
    lines = {lang: np.array([line["flag"] for line in found["categories"].values()]) for lang, found in strict.items()}
    made = {
        "most_flagged_of_a_harmless_source": MOST_FLAGGED,
        "left_out": strict,
        "left_out_on_held_out_rows": {lang: measured(data, *met, (lang, lines[lang])) for lang in lines},
        "held_out": chosen(data, *met),
    }
    for name in list(made)[1:]:
        shown(name, made[name])
    return made
