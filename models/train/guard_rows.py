"""What the guard is taught from: texts with a verdict, and for each the rulings on its nearest neighbours.

A row is unsafe when any category is annotated as present (or the source says "toxic" without saying how),
safe when something was looked for and nothing found. Neighbours are other training rows, nearest by the
encoder's embedding, as the program's own index finds them; held-out rows are never among them.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import embed
from encoder import Encoder
from features import normalized
from guard_prompt import CATEGORIES, NAMES, Clause, Precedent
from sources import WEIGHTS, Row, all_rows

LIBRARY = Path(__file__).resolve().parents[2] / "policies" / "library"
NEIGHBOURS = 10
# Neighbours are looked for among this many training rows, drawn by their share.
POOL = 40_000
# Word lists are not texts; `pii` of presidio counts any name.
LEFT_OUT = {"surge_profanity_lexicon", "ldnoobw_lexicon"}
# A source's share grows with (its rows x their weight) to this power.
EVENING = 0.65
GERMAN = 1.5
OF_THE_POLICY = "policy"


@dataclass
class Example:
    """A text, whether it is unsafe, and its categories (None: unsafe, but how is not annotated)."""

    id: str
    source: str
    lang: str
    text: str
    unsafe: bool
    categories: list[str] | None
    held_out: bool

    def precedent(self, similarity: float, roll: float) -> Precedent:
        """This row as a ruling of the past; `roll` in 0..1 varies the wording of the stricter ones."""
        found = self.categories or []
        if not self.unsafe:
            action = "allow"
        elif found == ["profanity"]:
            action = "flag"
        else:
            action = "block" if roll < 0.8 else "review"
        return Precedent(action, found, similarity, self.text)


def example(row: Row) -> Example | None:
    """The verdict a row of the open data stands for, if it stands for one."""
    found = [c for c, (value, _) in row.known.items() if value == 1]
    unsafe = bool(found or row.any_of) or any(row.labels.get(name) == 1 for name in ("unsafe", "toxicity", "offense", "hate", "abuse", "sexism"))
    annotated = bool(row.known or row.labels)
    if row.source in LEFT_OUT or not annotated or not row.text.strip():
        return None
    # One class a row in some sources: what else holds is not known, what is named does.
    return Example(row.id, row.source, row.lang, row.text, unsafe, sorted(found, key=NAMES.index) if found or not unsafe else None, row.held_out)


def policy_examples() -> tuple[list[Example], list[Clause]]:
    """The decided examples and the clauses of the policy library; its cases are left alone."""
    examples, clauses = [], []
    for path in sorted(LIBRARY.glob("*.toml")):
        policy = tomllib.loads(path.read_text(encoding="utf-8"))
        for clause in policy.get("clause", []):
            if clause["category"] in CATEGORIES:
                clauses.append(Clause(clause["category"], clause["text"]))
        for n, given in enumerate(policy.get("precedent", [])):
            unsafe = given["ruling"] != "allow"
            found = [given["category"]] if unsafe and given.get("category") in CATEGORIES else []
            examples.append(Example(f"{path.stem}-{n}", OF_THE_POLICY, given.get("language", "en"), normalized(given["text"]), unsafe, found, False))
    return examples, clauses


@dataclass
class Material:
    """All rows, training rows first, with vectors; neighbours are rows among the first `trained`."""

    rows: list[Example]
    vectors: np.ndarray
    trained: int
    clauses: list[Clause]
    clause_vectors: np.ndarray

    def share(self) -> np.ndarray:
        """How often each training row is drawn; sums to 1, half of it unsafe."""
        rows = self.rows[: self.trained]
        sources = {source: sum(r.source == source for r in rows) for source in {r.source for r in rows}}
        weight = WEIGHTS | {OF_THE_POLICY: 4.0}
        mass = {s: (n * weight[s]) ** EVENING / n for s, n in sources.items()}
        share = np.array([mass[r.source] * (GERMAN if r.lang == "de" else 1.0) for r in rows])
        unsafe = np.array([r.unsafe for r in rows])
        for side in (unsafe, ~unsafe):
            share[side] *= 0.5 / share[side].sum()
        return share

    def neighbours(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For rows `which`: the nearest training rows other than themselves and their copies, and their cosines."""
        members = np.sort(np.random.default_rng(POOL).choice(self.trained, POOL, replace=False, p=self.share()))
        pool = self.vectors[members]
        near, cosines = [], []
        for start in range(0, len(which), 256):
            chunk = which[start : start + 256]
            similar = self.vectors[chunk] @ pool.T
            # A copy of the text itself would give the answer away.
            similar[similar > 0.995] = -1.0
            found = np.argpartition(-similar, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
            values = np.take_along_axis(similar, found, axis=1)
            order = np.argsort(-values, axis=1, kind="stable")
            near.append(members[np.take_along_axis(found, order, axis=1)])
            cosines.append(np.take_along_axis(values, order, axis=1))
        return np.concatenate(near), np.concatenate(cosines)

    def clauses_near(self, which: np.ndarray) -> np.ndarray:
        """For rows `which`: the three nearest clauses."""
        return np.argsort(-(self.vectors[which] @ self.clause_vectors.T), axis=1, kind="stable")[:, :3]


def material(data: Path) -> Material:
    """Everything there is, in a fixed order."""
    from_policy, clauses = policy_examples()
    rows = from_policy + [e for e in map(example, all_rows(data)) if e]
    rows = [r for r in rows if r.source != "surge_toxicity"]
    rows.sort(key=lambda r: r.held_out)
    vectors, _ = embed.windowed([r.text for r in rows])
    clause_vectors = Encoder().embed([c.text for c in clauses])
    return Material(rows, vectors.astype(np.float32), sum(not r.held_out for r in rows), clauses, clause_vectors)
