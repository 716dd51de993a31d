"""Thresholds by category and language at which at most 2 % of the texts of any harmless source are flagged at all.

All rows here are of sources that the parts have not seen. Thresholds are chosen on all of them; `checked` says what thresholds chosen alike
on every second row flag of the others. Greedily: the threshold is lowered next where the most positives are found for the alarms it costs.
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
MOST_FLAGGED, AIMED = 0.02, 0.014
# Shares of the harmless rows that one category alone may flag.
SHARES = (0.0, 0.0003, 0.0006, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.01, 0.013, 0.016)
LOWEST = 0.2


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
    """[categories]: thresholds for one language."""
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


def chosen(data: dataset.Dataset, rows: np.ndarray, probabilities: np.ndarray) -> dict:
    """What thresholds.json holds."""
    fitted_on = np.array([(features.folded(data.rows[i].id.encode()) // 7) % 2 == 0 for i in rows])
    made = {"most_flagged_of_a_harmless_source": MOST_FLAGGED, "languages": {}}
    for lang in HARMLESS:
        groups = harmless_rows(data, rows, lang)
        positives = []
        for column in range(len(dataset.CATEGORIES)):
            cells = annotated(data, rows, column) & (data.targets.value[rows, column] > 0.5) & (data.lang[rows] == lang)
            positives.append(np.flatnonzero(cells))
        lines = lowered(probabilities, list(groups.values()), positives)
        halved = lowered(probabilities, [g[fitted_on[g]] for g in groups.values()], [p[fitted_on[p]] for p in positives])
        rest = {name: group[~fitted_on[group]] for name, group in groups.items()}
        made["languages"][lang] = {
            "flagged": {name: round(float((probabilities[g] > lines).any(1).mean()), 4) for name, g in groups.items()},
            "checked": {name: round(float((probabilities[g] > halved).any(1).mean()), 4) for name, g in rest.items()},
            "rows": {name: len(g) for name, g in groups.items()},
            "categories": {c: figures(data, rows, probabilities[:, k], (lines[k], positives[k], list(groups.values()))) for k, c in enumerate(dataset.CATEGORIES)},
        }
        print(lang, "flagged at all:", made["languages"][lang]["flagged"], "checked:", made["languages"][lang]["checked"])
        for category, line in made["languages"][lang]["categories"].items():
            print(f"  {category:24s} {line}")
    return made


def figures(data: dataset.Dataset, rows: np.ndarray, score: np.ndarray, given: tuple) -> dict:
    """The threshold of a category with what it flags of harmless rows and finds of positives."""
    line, positives, groups = given
    own = np.isin(data.source[rows], sorted(sources.OWN))
    shares = {}
    for name, where in (("left_out", ~own), ("own", own)):
        kept = positives[where[positives]]
        shares[f"recall_{name}"] = round(float((score[kept] > line).mean()), 3) if len(kept) else None
        shares[f"positives_{name}"] = len(kept)
    passed = np.concatenate(groups)
    return {"flag": round(float(line), 4), "harmless_flagged": round(float((score[passed] > line).mean()), 5)} | shares
