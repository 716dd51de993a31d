"""Thresholds by category and language at which at most 2 % of the texts of any harmless source are flagged at all.

All rows here are of sources that the parts have not seen, but for the identity templates and our own German talk (held-out rows of them). Thresholds are chosen on all of them; `checked` says what thresholds chosen alike
on every second row flag of the others. `left_out` is for text of sources never met; `held_out` is the same for the shipped heads on held-out rows of
sources that they know, and lower. Greedily: the threshold is lowered next where the most positives are found for the alarms it costs.
"""

import numpy as np

import dataset
import features
import sources
from stack import annotated

# Of our own rows those that are harmless German throughout; both halves have met others of them.
STREET = "own/street"
HARMLESS = {
    "en": ["clinc150_queries", "banking77_queries", "wikipedia_en_recent", "dolly_1000", "xquad_en_open", "identity_templates_en"],
    "de": [sources.TALK, STREET, "wikipedia_de_paragraphs", "xquad_de_open", "identity_templates_de"],
}
# Lines that the default policy sets by hand, for its reasons; the others have what these leave of the alarms. Plain German insults are to be found.
HAND = {"en": {"illicit": 0.90, "prompt-attack": 0.96, "pii": 0.90}, "de": {"illicit": 0.80, "prompt-attack": 0.96, "pii": 0.90, "harassment": 0.52}}
# So many times the promised share may be flagged of these. Of our own German conversation there are 136 and 218 rows, and each of them would cost German the insults and
# threats that no other source speaks against; of dolly_1000 the line for prompt attacks alone takes all there is.
TOLERATED = {sources.TALK: 2.0, STREET: 1.5, "dolly_1000": 1.5}
# Aimed lower than promised: what is chosen to the last row holds for others only nearly.
MOST_FLAGGED, AIMED = 0.02, 0.019
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


def lowered(score: np.ndarray, groups: dict[str, np.ndarray], positives: list[list[np.ndarray]], hand: dict[str, float]) -> np.ndarray:
    """[categories]: the flag lines of one language; those of `hand` stay."""
    count = score.shape[1]
    steps = np.stack([ladder(score[:, c], list(groups.values())) for c in range(count)])
    for category, line in hand.items():
        steps[dataset.COLUMN[category]] = line
    at = np.zeros(count, int)

    def flagged(place: np.ndarray) -> float:
        above = score > steps[np.arange(count), place]
        return max(above[group].any(1).mean() / TOLERATED.get(name, 1.0) for name, group in groups.items())

    def found(c: int, place: int) -> float:
        # Open sources and our own rows count alike, however many there are of either.
        kinds = [kind for kind in positives[c] if len(kind)]
        return float(np.mean([(score[kind, c] > steps[c, place]).mean() for kind in kinds])) if kinds else 0.0

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
    """Thresholds by language and category, with what they flag and find among these rows."""
    fitted_on = np.array([(features.folded(data.rows[i].id.encode()) // 7) % 2 == 0 for i in rows])
    made = {}
    for lang in HARMLESS:
        groups, positives = harmless_rows(data, rows, lang), positive_rows(data, rows, lang)
        own = np.isin(data.source[rows], sorted(sources.OWN))
        kinds = [[p[own[p]], p[~own[p]]] for p in positives]
        half = {name: group[fitted_on[group]] for name, group in groups.items()}
        lines = lowered(probabilities, groups, kinds, HAND[lang])
        halved = lowered(probabilities, half, [[kind[fitted_on[kind]] for kind in p] for p in kinds], HAND[lang])
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
    own, passed, categories = np.isin(data.source[rows], sorted(sources.OWN)), np.concatenate(list(groups.values())), {}
    for column, category in enumerate(dataset.CATEGORIES):
        score, line = probabilities[:, column], lines[column]
        categories[category] = {"flag": round(float(line), 4), "harmless_flagged": round(float((score[passed] > line).mean()), 5)}
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


def with_some_met(data: dataset.Dataset, left_out: tuple[np.ndarray, np.ndarray], met: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The rows left out, but of identity templates and German talk those that what ships is asked about, which has met others of them.

    What it was taught from them alone, that naming a group is no harm and that German may be small talk, a half without them was not: its
    lines would be set by nothing else.
    """
    names = sorted(sources.TEMPLATES | {sources.TALK})
    kept, known = ~np.isin(data.source[left_out[0]], names), np.isin(data.source[met[0]], names)
    return np.concatenate([left_out[0][kept], met[0][known]]), np.concatenate([left_out[1][kept], met[1][known]])


def all_of_them(data: dataset.Dataset, left_out: tuple[np.ndarray, np.ndarray], met: tuple[np.ndarray, np.ndarray]) -> dict:
    """What thresholds.json holds; `left_out` and `met` are rows and probabilities, by the halves and by what is shipped."""
    strict = chosen(data, *with_some_met(data, left_out, met))
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
