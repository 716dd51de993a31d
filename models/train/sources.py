"""What each source of the open data says about our categories.

A row's `known` holds only what is annotated: category -> (0..1, weight). A label that is missing is
*not annotated* and never read as 0. Sources of harmless text carry presumed zeros, which are used.
`any_of` lists categories of which at least one holds: a row called toxic without saying how. Where such
a row holds a word of the profanity lists, and its source is one whose toxicity mostly is swearing, it
counts as `profanity` instead.
"""

import gzip
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from features import is_held_out, normalized
from odd_forms import legible, opaque, short

HERE = Path(__file__).resolve().parent
# The closed list of categories without `sexual/minors`, which no data teaches.
CATEGORIES = [
    "hate", "hate/threatening", "harassment", "harassment/threatening", "self-harm", "self-harm/intent", "self-harm/instructions", "sexual",
    "violence", "violence/graphic", "illicit", "illicit/violent", "prompt-attack", "pii", "spam", "profanity",
]
TOXIC = ("hate", "harassment", "profanity")
SAME_NAME = {c: c for c in ("hate", "harassment", "sexual", "violence", "illicit", "spam", "profanity", "pii")}
NAMES = SAME_NAME | {"jailbreak": "prompt-attack"}
# What a set calls self-harm without saying which.
SELF_HARM = ("self-harm", "self-harm/intent", "self-harm/instructions")
# Civil Comments: the annotators' tags behind each label, so that a zero means nobody saw it.
CIVIL_TAGS = {"harassment": "Insult", "profanity": "Profane/Obscene", "hate": "Identity based Attack", "violence": "Threat"}

BENIGN = ["clinc150_queries", "banking77_queries", "wikipedia_en_recent", "dolly_1000", "wikipedia_de_paragraphs"]
# Questions and paragraphs about encyclopedia articles, presumed harmless as a whole like the sources above.
ENCYCLOPEDIC = ["xquad_en_open", "xquad_de_open"]
# Harmless by construction where not toxic ("... is a proud ..."): zeros for every category.
TEMPLATES = {"identity_templates_de", "identity_templates_en"}
# They name real people on nearly every page: weak evidence against `pii`.
NAMES_PEOPLE = {"wikipedia_en_recent", "dolly_1000", "wikipedia_de_paragraphs", "xquad_en_open", "xquad_de_open"}
NAMES_PEOPLE_WEIGHT = 0.3
# "Offensive but not hateful" there is mostly sexist slang, which other sources call hate: weak evidence.
OFFENSIVE_NOT_HATE_WEIGHT = 0.08
# Sexist, but too mild for the source to call it hate.
MILD_SEXISM_WEIGHT = 0.3
# Comments annotated for hate or insults only. Nothing there says "not sexual", yet heads that never meet such
# rows fire on rough talk of any kind. So each category a row is not annotated for pulls it, lightly, towards
# the rate we presume there: an assumption about the collection, not a label. Rows with a sexual word are left
# out for `sexual`.
COMMENTS = {
    "civil_toxic_typed", "davidson2017", "edos_sexism", "germeval2018_train", "hatemojibuild", "iwg_refugees_de",
    "paradetox", "sms_spam", "stormfront_sentences", "toxigen_annotated",
}
PRESUMED_RATE = {
    "hate/threatening": 0.02, "harassment/threatening": 0.01, "self-harm": 0.01, "self-harm/intent": 0.003, "self-harm/instructions": 0.001,
    "sexual": 0.04, "violence": 0.04, "violence/graphic": 0.003, "illicit": 0.02, "illicit/violent": 0.003, "prompt-attack": 0.002,
    "pii": 0.02, "spam": 0.01,
}
# The same for rows of our own that are annotated for other categories: who wrote them also marked what else they saw.
PRESUMED_OWN = PRESUMED_RATE | {"hate": 0.03, "harassment": 0.05, "profanity": 0.05}
PRESUMED_WEIGHT = 0.3
MOSTLY_SWEARING = {"davidson2017", "paradetox"}
# Their severity 6 is a threat or incitement.
THREATS_GRADED = {"edos_sexism", "hatemojibuild"}
LEXICONS = ("ldnoobw_lexicon", "surge_profanity_lexicon")
# How much one row counts. Large sources of one kind are held back, scarce German is brought forward,
# word lists and templates (not sentences people wrote) and machine labels count little.
WEIGHTS = {
    "advbench": 1.0, "ailuminate_demo_en": 0.7, "bipia_email_train": 1.0, "civil_toxic_typed": 1.0, "counselchat_questions": 1.0,
    "cyberseceval_prompt_injection": 1.0, "cyberseceval_prompt_injection_ml": 1.0, "davidson2017": 0.4, "edos_sexism": 1.0,
    "germeval2018_train": 3.0, "hatemojibuild": 0.2, "identity_templates_de": 0.3, "identity_templates_en": 0.3, "iwg_refugees_de": 3.0,
    "jailbreak_in_the_wild": 1.0, "ldnoobw_lexicon": 0.2, "paradetox": 0.4, "presidio_synth_v2": 1.0, "rtp_top100_weak": 0.7,
    "sms_spam": 1.0, "stormfront_sentences": 0.7, "surge_profanity_lexicon": 0.2, "toxigen_annotated": 1.5,
}
OWN_FILES = ["own/self-harm-spam", "own/violence-threats-adult", "own/illicit-attack-pii", "own/groups", "own/posts", "own/requests", "own/long"]
OWN_FILES += ["own/street", "own/named", "own/debate", "own/danger", "own/prompts"]
# Harmless German conversation of our own that one half alone is taught: a source like the open ones, so that what heads flag of such that they never met can be told.
TALK = "own/talk"
WEIGHTS |= dict.fromkeys(BENIGN, 1.0) | dict.fromkeys(ENCYCLOPEDIC, 0.5) | {"own": 5.0, TALK: 1.0} | dict.fromkeys(OWN_FILES, 1.5)
OWN = {"own", *OWN_FILES}
# Rows of the sources above in odd forms (odd_forms.py).
ODD = {f"odd/{source}" for source in BENIGN} | {"odd/own"}
WEIGHTS |= dict.fromkeys(ODD, 1.0)
# surge_toxicity is the demonstration file: never trained on.
TRAINED_ON = sorted(WEIGHTS)


@dataclass
class Row:
    """One text with what is known about it."""

    id: str
    source: str
    lang: str
    text: str
    known: dict[str, tuple[float, float]]
    any_of: tuple[str, ...] = ()
    severity: dict[str, float] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def held_out(self) -> bool:
        return is_held_out(self.id)


def read(path: Path) -> list[dict]:
    """The rows of a gzip JSON-lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@dataclass(frozen=True)
class Terms:
    """The English and German terms of the word lists, lower case."""

    profane: frozenset[str]
    sexual: frozenset[str]

    @classmethod
    def load(cls, folder: Path) -> "Terms":
        rows = [raw for source in LEXICONS for raw in read(folder / f"{source}.jsonl.gz") if raw["lang"] in ("en", "de")]
        sexual = (raw["text"].lower() for raw in rows if raw["labels"].get("sexual") == 1 or raw["lang"] == "de")
        return cls(frozenset(raw["text"].lower() for raw in rows), frozenset(sexual))


def holds(text: str, terms: frozenset[str]) -> bool:
    """Whether a word or a pair of words is on the lists."""
    words = re.findall(r"\w+", text.lower())
    return any(word in terms for word in words) or any(" ".join(pair) in terms for pair in zip(words, words[1:]))


def annotated(source: str, raw: dict) -> dict[str, tuple[float, float]]:
    """Category -> (0..1, weight), only where the source says so."""
    labels, weight = raw.get("labels") or {}, WEIGHTS.get(source, 0.0)
    if source in BENIGN or source in ENCYCLOPEDIC:
        named = {"pii": (0.0, NAMES_PEOPLE_WEIGHT)} if source in NAMES_PEOPLE else {}
        return {c: (0.0, weight) for c in CATEGORIES} | named
    if source in TEMPLATES and labels["toxicity"] == 0:
        return {c: (0.0, weight) for c in CATEGORIES}
    if source == "civil_toxic_typed":
        share = raw["meta"]["share"]
        threat = share.get("Threat", 0.0)
        # A threat may be meant for a person or a group: only its absence is certain.
        threats = {c: (threat, weight if threat == 0 else 0.3 * weight) for c in ("hate/threatening", "harassment/threatening")}
        return threats | {c: (share.get(tag, 0.0), weight) for c, tag in CIVIL_TAGS.items()}
    known = {NAMES[name]: (float(value), weight) for name, value in labels.items() if name in NAMES}
    if labels.get("self_harm") == 0:
        known |= {c: (0.0, weight) for c in SELF_HARM}
    if labels.get("hate") == 0 and source != "davidson2017":
        known["hate/threatening"] = (0.0, weight)
    if source in THREATS_GRADED and labels.get("hate") == 1:
        known["hate/threatening"] = (float(raw["severity"]["hate"] == 6), weight)
    if labels.get("toxicity") == 0 or labels.get("offense") == 0:
        return {c: (0.0, weight) for c in TOXIC} | known
    if source == "germeval2018_train":
        # One fine class per row: ABUSE does not deny an insult, so only positives count.
        return {c: (v, w) for c, (v, w) in known.items() if v == 1}
    if source == "davidson2017" and labels.get("hate") == 0:
        return known | {"hate": (0.0, OFFENSIVE_NOT_HATE_WEIGHT)}
    if labels.get("sexism") == 1 and "hate" not in known:
        return known | {"hate": (1.0, MILD_SEXISM_WEIGHT)}
    return known


def toxic_somehow(source: str, labels: dict[str, int], known: dict[str, tuple[float, float]]) -> tuple[str, ...]:
    """The categories of which one must hold, when none is known to."""
    if labels.get("self_harm") == 1:
        return SELF_HARM
    if source == "civil_toxic_typed" or not (labels.get("toxicity") == 1 or labels.get("offense") == 1):
        return ()
    if any(known.get(c, (0.0, 0.0))[0] == 1 for c in TOXIC):
        return ()
    return tuple(c for c in TOXIC if c not in known)


def open_rows(folder: Path, source: str, terms: Terms) -> list[Row]:
    """The rows of one source of the open data."""
    rows = []
    for raw in read(folder / f"{source}.jsonl.gz"):
        if not raw["text"]:
            continue
        labels, text, known = raw.get("labels") or {}, normalized(raw["text"]), annotated(source, raw)
        any_of = toxic_somehow(source, labels, known)
        if any_of and source in MOSTLY_SWEARING and holds(text, terms.profane):
            known, any_of = known | {"profanity": (1.0, WEIGHTS[source])}, ()
        if source in COMMENTS:
            skipped = {"sexual"} if holds(text, terms.sexual) else set()
            presumed = {c: (rate, WEIGHTS[source] * PRESUMED_WEIGHT) for c, rate in PRESUMED_RATE.items() if c not in skipped}
            known = presumed | known
        rows.append(Row(raw["id"], source, raw["lang"], text, known, any_of, raw.get("severity") or {}, labels))
    return rows


def own_rows() -> list[Row]:
    """The project's own examples: every category is annotated."""
    rows = []
    for lang in ("de", "en"):
        lines = (HERE / f"own.{lang}.txt").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            if line.startswith("#"):
                continue
            marks, text = line.split("\t")
            severity = {} if marks == "-" else {c: int(s) for c, s in (mark.split(":") for mark in marks.split(","))}
            assert severity.keys() <= set(CATEGORIES), line
            known = {c: (float(c in severity), WEIGHTS["own"]) for c in CATEGORIES}
            labels = {c: int(c in severity) for c in CATEGORIES}
            rows.append(Row(f"own-{lang}-{number}", "own", lang, normalized(text), known, (), severity, labels))
    return rows


def labelled_rows() -> list[Row]:
    """The rows of own/*.jsonl: annotated for some categories or all, presumed for the others."""
    rows = []
    for source in [*OWN_FILES, TALK]:
        for line in (HERE / f"{source}.jsonl").read_text(encoding="utf-8").splitlines():
            raw, weight = json.loads(line), WEIGHTS[source]
            known = {c: (rate, weight * PRESUMED_WEIGHT) for c, rate in PRESUMED_OWN.items()}
            known |= {c: (float(value), weight) for c, value in raw["labels"].items() if c in CATEGORIES}
            severity = {c: 0 for c, value in raw["labels"].items() if value == 0} | raw["severity"]
            rows.append(Row(raw["id"], source, raw["lang"], normalized(raw["text"]), known, (), severity, raw["labels"]))
    return rows


def all_rows(folder: Path) -> list[Row]:
    """Every row used for training or evaluation, in a fixed order."""
    rows, terms = own_rows() + labelled_rows(), Terms.load(folder)
    rows += legible([row for row in rows if row.source != TALK])
    for source in TRAINED_ON + ["surge_toxicity"]:
        if source in OWN or source in ODD or source == TALK:
            continue
        found = open_rows(folder, source, terms)
        rows += found
        if source in BENIGN:
            rows += opaque(found) + short(found, terms.profane | terms.sexual)
    return rows
