"""Figures on held-out rows: AUPRC per labelled set, recall at 1 % false positives, false positives on harmless text."""

import numpy as np
from sklearn.metrics import average_precision_score, f1_score

import features
import sources
from dataset import COLUMN, Dataset
from heads_file import Heads

# A set that lacks our category names is scored by the maximum over these (CATALOGUE.md of the data).
THREATS = ("hate/threatening", "harassment/threatening")
RUDE = ("hate", "harassment", *THREATS)
SCORED_BY = {
    "toxicity": sources.TOXIC + THREATS, "offense": sources.TOXIC + THREATS, "hate": RUDE, "abuse": RUDE, "sexism": RUDE,
    "harassment": ("harassment", "harassment/threatening"), "sexual": ("sexual",), "self_harm": sources.SELF_HARM,
    "violence": ("violence", "violence/graphic"), "illicit": ("illicit", "illicit/violent"), "jailbreak": ("prompt-attack",), "spam": ("spam",),
    "profanity": ("profanity",), "pii": ("pii",), "pii_strict": ("pii",),
}
BULK = {"en": [s for s in sources.BENIGN if s != "wikipedia_de_paragraphs"], "de": ["wikipedia_de_paragraphs"]}

# Not toxic, yet from discussions that are: the hard kind of harmless.
ROUGH = [("germeval2018_train", "offense"), ("civil_toxic_typed", "toxicity")]
CUTS = (0.2, 0.3, 0.4, 0.5, 0.7)
# What the harmless templates name, by the beginnings of English and German words.
IDENTITIES = {
    "lesbian, gay, bi, queer": "lesbi gay bisex queer lgbt homosex schwul",
    "trans, nonbinary": "trans nonbinary transg transs transex binär",
    "straight": "straight heterosex",
    "female, male": "female male weiblich männlich frau",
    "black, African": "black african afrikan schwarz",
    "white, European": "white european weiß europä",
    "Arab, Turkish, Afghan, Moroccan": "arab türk afghan marrok eastern",
    "Asian": "asian chinese japan indian indisch vietnam",
    "Latin American": "latin hispanic mexic",
    "other nationalities": "american canad ital pol",
    "Muslim": "muslim moslem islam",
    "Jewish": "jewish jüdisch jude",
    "Christian": "christ catholic protestant evangel kathol",
    "other religions": "buddh sikh tao hindu",
    "disabled": "blind deaf paraly taub gelähmt behinder",
    "old, young": "old elder young teen mill aged jung jüng ält alt jugend",
}
# `male` and `american` are also ends of other words: whole words win over beginnings.
WHOLE = {"male", "old", "older", "alt", "alter", "alte", "polischer", "polische", "polnisch", "polnischer", "polnische"}


def scores(probabilities: np.ndarray, label: str) -> np.ndarray:
    """The score of a label of a data set."""
    return probabilities[:, [COLUMN[c] for c in SCORED_BY[label]]].max(axis=1)


def auprc(data: Dataset, probabilities: np.ndarray, rows: np.ndarray, source: str, label: str) -> tuple[float, int, int] | None:
    """AUPRC, rows and positives of one label of one source; none where only one value occurs."""
    index = [i for i in rows if data.source[i] == source and label in data.rows[i].labels]
    truth = np.array([data.rows[i].labels[label] for i in index])
    if len(set(truth.tolist())) < 2:
        return None
    return average_precision_score(truth, scores(probabilities[index], label)), len(index), int(truth.sum())


def decisions(data: Dataset, probabilities: np.ndarray, rows: np.ndarray, source: str, label: str) -> list[tuple[float, float, float]]:
    """Cut, F1 and false-positive rate of one label of one source."""
    index = [i for i in rows if data.source[i] == source and label in data.rows[i].labels]
    truth = np.array([data.rows[i].labels[label] for i in index]) > 0
    score = scores(probabilities[index], label)
    return [(cut, f1_score(truth, score > cut), (score[~truth] > cut).mean()) for cut in (0.3, 0.5)]


def by_category(data: Dataset, probabilities: np.ndarray, rows: np.ndarray) -> list[str]:
    """Per category and language, over all sources that annotate it (presumed rates and word lists left out): AUPRC, and F1 and false positives above 0.5."""
    lines, sentences = [], rows[~np.isin(data.source[rows], sources.LEXICONS)]
    highest = max(sources.PRESUMED_RATE.values())
    for category, column in COLUMN.items():
        value, weight = data.targets.value[sentences, column], data.targets.weight[sentences, column]
        annotated = (weight > 0) & ((value == 0) | (value > highest))
        for lang in BULK:
            index = sentences[annotated & (data.lang[sentences] == lang)]
            truth, score = data.targets.value[index, column] > 0.5, probabilities[index, column]
            if truth.all() or not truth.any():
                continue
            area, f1 = average_precision_score(truth, score), f1_score(truth, score > 0.5)
            passed = (score[~truth] > 0.5).mean()
            lines.append(f"{category:14s} {lang} AUPRC {area:.3f} rows {len(index)} positives {truth.sum()}; above 0.5: F1 {f1:.3f} false positives {passed:.4f}")
    return lines


def thresholds(data: Dataset, probabilities: np.ndarray, rows: np.ndarray) -> list[str]:
    """Per category and language: the threshold with at most 1 % false positives on harmless text, and the recall there."""
    lines = []
    for category, column in COLUMN.items():
        for lang, bulk in BULK.items():
            harmless = [i for i in rows if data.source[i] in bulk]
            positive = [i for i in rows if data.lang[i] == lang and data.targets.value[i, column] > 0.5 and data.source[i] not in sources.LEXICONS]
            cut = np.quantile(probabilities[harmless, column], 0.99)
            recall = (probabilities[positive, column] > cut).mean() if positive else float("nan")
            lines.append(f"{category:14s} {lang} threshold {cut:.3f} recall {recall:.3f} of {len(positive)} positives, {len(harmless)} harmless")
    return lines


def operating_points(data: Dataset, probabilities: np.ndarray, rows: np.ndarray) -> list[str]:
    """Per category and threshold: recall by language, and the share of three kinds of harmless rows that pass."""
    positive = {lang: rows[data.lang[rows] == lang] for lang in BULK}
    negative = {lang: rows[np.isin(data.source[rows], bulk)] for lang, bulk in BULK.items()}
    for source, label in ROUGH:
        negative[source] = np.array([i for i in rows if data.source[i] == source and data.rows[i].labels[label] == 0])
    sentences = ~np.isin(data.source, sources.LEXICONS)
    lines = []
    for category, column in COLUMN.items():
        for cut in CUTS:
            recalls = []
            for lang, index in positive.items():
                hits = index[(data.targets.value[index, column] > 0.5) & sentences[index]]
                recalls.append(f"recall {lang} {(probabilities[hits, column] > cut).mean():.2f} of {len(hits)}")
            passed = [f"{name} {(probabilities[index, column] > cut).mean():.4f}" for name, index in negative.items()]
            lines.append(f"{category:14s} {cut:.2f} {', '.join(recalls)}; harmless above: {', '.join(passed)}")
    return lines


def named(text: str) -> set[str]:
    """The groups a template names."""
    words = [word for word in features.words(text.lower()) if word]
    return {
        group for group, starts in IDENTITIES.items() for start in starts.split() for word in words
        if word.startswith(start) and (start not in ("old", "alt", "pol") or word in WHOLE)
    }


def identities(data: Dataset, probabilities: np.ndarray, rows: np.ndarray) -> list[str]:
    """The harmless templates, by language and group named: how high hate or harassment comes, and how often above a cut."""
    lines = []
    for lang in BULK:
        harmless = [i for i in rows if data.source[i] == f"identity_templates_{lang}" and data.rows[i].labels["toxicity"] == 0]
        groups = {i: named(data.rows[i].text) for i in harmless}
        for group in [*IDENTITIES, "none of these", "all"]:
            index = [i for i in harmless if group in groups[i] or group == "all" or (group == "none of these" and not groups[i])]
            if index:
                score = scores(probabilities[index], "hate")
                above = " ".join(f"{cut}: {(score > cut).mean():.3f}" for cut in CUTS[:4])
                lines.append(f"{lang} {group:32s} {len(index):4d} rows, median {np.median(score):.3f}, above {above}")
    return lines


def report(heads: Heads, data: Dataset, rows: np.ndarray) -> None:
    """Prints the figures of held-out rows, which are of sources trained on."""
    probabilities = np.full((len(data.rows), len(heads.labels)), np.nan)
    probabilities[rows] = heads.probabilities(data.inputs(rows), data.features[rows])
    print("AUPRC on held-out rows")
    for source in sorted(set(data.source)):
        labels = {label for row in data.rows if row.source == source for label in row.labels}
        for label in sorted(labels & SCORED_BY.keys()):
            if found := auprc(data, probabilities, rows, source, label):
                decided = [f"{cut}: {f1:.3f} {passed:.3f}" for cut, f1, passed in decisions(data, probabilities, rows, source, label)]
                print(f"{source:28s} {label:11s} {found[0]:.3f} rows {found[1]} positives {found[2]} base {found[2] / found[1]:.3f}; F1 and false positives above {', '.join(decided)}")
    print("per category over the sources that annotate it, held-out rows")
    print("\n".join(by_category(data, probabilities, rows)))
    print("threshold at 1 % false positives on held-out harmless text")
    print("\n".join(thresholds(data, probabilities, rows)))
    print("operating points")
    print("\n".join(operating_points(data, probabilities, rows)))
    print("share of held-out harmless rows above 0.5, per category")
    print(" " * 24, " ".join(f"{c[:8]:>8s}" for c in heads.labels))
    for source in sources.BENIGN + sources.ENCYCLOPEDIC + ["own"]:
        index = [i for i in rows if data.source[i] == source and not any(data.rows[i].labels.values())]
        print(f"{source:24s}", " ".join(f"{x:8.3f}" for x in (probabilities[index] > 0.5).mean(axis=0)))
    print("harmless templates that name a group: the higher of hate and harassment, held-out rows")
    print("\n".join(identities(data, probabilities, rows)))
