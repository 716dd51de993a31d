"""Fits the grounding model: how probable it is that sources bear a sentence out.

The measurements come from the program itself (`plugins/examples/ground_features.rs`): there is one implementation. A set's label is of a
whole answer, the model's of one sentence: an answer is grounded if all its sentences are, so the product of their probabilities is fitted.
Split by context: `fold(fnv1a64("131 " + context)) % 5`; 0 is held out. The calibration is fitted on contexts that the networks at hand did not see.

Usage: python ground.py --data FOLDER [--evaluate] [--program PROGRAM], or python ground.py --names
  --names      only a file that names the measurements that the program takes and weighs none, so that a changed program can print them
  --evaluate   no file is written; figures by cross-validation over contexts, the held-out fifth being one of five
"""

import argparse
import gzip
import hashlib
import json
import os
import re
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

import ground_edits

HOUSE = Path(__file__).parent / "../.."
OUT = Path(__file__).parent / "../ground/ground.json"
PROGRAM = ["cargo", "run", "--release", "-q", "-p", "plugins", "--example", "ground_features"]
SETS = ["begin", "summedits_sales_call", "summedits_sales_email"]
WEIGHT = {"begin": 1.0, "summedits_sales_call": 3.0, "summedits_sales_email": 3.0, "edits_de": 0.5, "edits_en": 0.5}
FOLDS = 5
SALT = 131  # chosen for folds of even size: there are only 39 contexts of SummEdits
NETS = 5
HIDDEN = 16
STEPS = 200
DECAY = 0.01  # of the networks' weights, per unit of mean loss
WORD_DECAY = 0.003
LEAST_CONTEXTS = 4  # of a word that gets a weight of its own
FARTHEST = 4.0


@dataclass
class Claims:
    """Row i of the arrays by answer belongs to answer i; `answer[j]` is the answer of claim j."""

    names: list[str]
    values: torch.Tensor  # [claims][features]
    words: list[list[str]]  # of each claim
    answer: torch.Tensor  # [claims]
    ungrounded: np.ndarray
    source: np.ndarray
    context: np.ndarray
    fold: np.ndarray


def fold(context: str) -> int:
    value = 0xCBF29CE484222325
    for byte in f"{SALT} {context}".encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return (value ^ (value >> 32)) % FOLDS


def labelled(data: Path) -> list[dict]:
    rows = []
    for name in SETS:
        with gzip.open(data / f"{name}.jsonl.gz", "rt") as lines:
            rows += [row for row in map(json.loads, lines) if "ungrounded" in row["labels"]]
    return rows + ground_edits.rows(data)


def measured(rows: list[dict], program: list[str]) -> list[str]:
    """The program's measurements; made once for each set of rows and each version of the sources that measure."""
    sent = "".join(json.dumps({key: row[key] for key in ("id", "text", "context")}) + "\n" for row in rows)
    state = hashlib.sha256(sent.encode())
    for folder in ["ground", "sentences"]:
        for path in sorted((HOUSE / "plugins/src" / folder).glob("*")):
            state.update(path.read_bytes())
    cache = Path(os.environ.get("LAMASSU_TRAIN_CACHE", Path.home() / ".cache" / "lamassu-train"))
    cache.mkdir(parents=True, exist_ok=True)
    kept = cache / f"ground-{state.hexdigest()[:16]}.jsonl"
    if not kept.exists():
        done = subprocess.run(program, input=sent, stdout=subprocess.PIPE, text=True, check=True, cwd=HOUSE)
        kept.write_text(done.stdout)
    return kept.read_text().splitlines()


def load(data: Path, program: list[str]) -> Claims:
    rows = labelled(data)
    lines = measured(rows, program)
    names = json.loads(lines[0])["names"]
    answers = [json.loads(line)["claims"] for line in lines[1:]]
    assert len(answers) == len(rows), "one line for each row"
    return Claims(
        names,
        torch.tensor([claim["values"] for claims in answers for claim in claims], dtype=torch.float32),
        [claim["words"] for claims in answers for claim in claims],
        torch.tensor([i for i, claims in enumerate(answers) for _ in claims]),
        np.array([row["labels"]["ungrounded"] for row in rows]),
        np.array([row["source"] for row in rows]),
        np.array([hashlib.sha256(row["context"].encode()).hexdigest()[:16] for row in rows]),
        np.array([fold(row["context"]) for row in rows]),
    )


class Net(torch.nn.Module):
    def __init__(self, inputs: int, words: int, seed: int):
        super().__init__()
        torch.manual_seed(seed)
        self.linear = torch.nn.Linear(inputs, 1)
        self.hidden = torch.nn.Linear(inputs, HIDDEN)
        self.out = torch.nn.Linear(HIDDEN, 1, bias=False)
        self.words = torch.nn.Parameter(torch.zeros(words))
        torch.nn.init.zeros_(self.linear.weight)

    def forward(self, inputs: torch.Tensor, bag: torch.Tensor) -> torch.Tensor:
        return self.linear(inputs)[:, 0] + self.out(torch.tanh(self.hidden(inputs)))[:, 0] + torch.mv(bag, self.words)

    def cost(self) -> torch.Tensor:
        weights = [self.linear.weight, self.hidden.weight, self.out.weight]
        return DECAY * sum((weight**2).sum() for weight in weights) / 10 + WORD_DECAY * (self.words**2).sum() / 10


@dataclass
class Model:
    mean: torch.Tensor
    spread: torch.Tensor
    vocabulary: dict[str, int]
    nets: list[Net]
    calibration: tuple[float, float] = (1.0, 0.0)

    def log_odds(self, claims: Claims) -> torch.Tensor:
        """[claims], of being grounded, before calibration."""
        inputs = standard(claims.values, self.mean, self.spread)
        bag = bag_of(claims.words, self.vocabulary)
        with torch.no_grad():
            return torch.stack([net(inputs, bag) for net in self.nets]).mean(0)


def standard(values: torch.Tensor, mean: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    return ((values - mean) / spread).clamp(-FARTHEST, FARTHEST)


def bag_of(words: list[list[str]], vocabulary: dict[str, int]) -> torch.Tensor:
    pairs = [(i, vocabulary[word]) for i, claim in enumerate(words) for word in claim if word in vocabulary]
    places = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    return torch.sparse_coo_tensor(places, torch.ones(places.shape[1]), (len(words), max(len(vocabulary), 1))).coalesce().to_sparse_csr()


def log_probability(log_odds: torch.Tensor, answer: torch.Tensor, answers: int) -> torch.Tensor:
    """[answers], of all sentences of an answer being grounded."""
    return torch.zeros(answers).index_add(0, answer, torch.nn.functional.logsigmoid(log_odds))


def loss(log_odds: torch.Tensor, claims: Claims, rows: torch.Tensor) -> torch.Tensor:
    """Weighted mean over the answers in `rows`, a mask."""
    grounded = log_probability(log_odds, claims.answer, len(claims.ungrounded)).clamp(max=-1e-6)
    labels = torch.tensor(claims.ungrounded, dtype=torch.float32)
    each = -(1 - labels) * grounded - labels * torch.log1p(-torch.exp(grounded))
    weight = torch.tensor([WEIGHT[source] for source in claims.source]) * rows
    return (each * weight).sum() / weight.sum()


def vocabulary_of(claims: Claims, rows: np.ndarray) -> dict[str, int]:
    contexts: dict[str, set[str]] = {}
    for words, answer in zip(claims.words, claims.answer.tolist()):
        if rows[answer] and not claims.source[answer].startswith("edits"):
            for word in words:
                contexts.setdefault(word, set()).add(claims.context[answer])
    known = sorted(word for word, seen in contexts.items() if len(seen) >= LEAST_CONTEXTS)
    return {word: i for i, word in enumerate(known)}


def fit(claims: Claims, rows: np.ndarray) -> Model:
    """Networks fitted to the answers in `rows`, a mask; not calibrated."""
    used = torch.tensor(rows)[claims.answer]
    mean, spread = claims.values[used].mean(0), claims.values[used].std(0).clamp(min=1e-3)
    inputs = standard(claims.values, mean, spread)
    vocabulary = vocabulary_of(claims, rows)
    bag = bag_of(claims.words, vocabulary)
    nets = []
    for seed in range(NETS):
        net = Net(inputs.shape[1], max(len(vocabulary), 1), seed)
        walk = torch.optim.Adam(net.parameters(), lr=0.02)
        slower = torch.optim.lr_scheduler.CosineAnnealingLR(walk, STEPS)
        for _ in range(STEPS):
            walk.zero_grad()
            (loss(net(inputs, bag), claims, torch.tensor(rows, dtype=torch.float32)) + net.cost()).backward()
            walk.step()
            slower.step()
        nets.append(net)
    return Model(mean, spread, vocabulary, nets)


def calibrated(claims: Claims, rows: np.ndarray) -> Model:
    """Fitted to `rows`; the calibration to what networks say that did not see the contexts they are asked about."""
    unseen = torch.zeros(len(claims.answer))
    for part in np.unique(claims.fold[rows]):
        aside = rows & (claims.fold == part)
        log_odds = fit(claims, rows & ~aside).log_odds(claims)
        unseen = torch.where(torch.tensor(aside)[claims.answer], log_odds, unseen)
    model = fit(claims, rows)
    line = torch.tensor([1.0, 0.0], requires_grad=True)
    search = torch.optim.LBFGS([line], max_iter=100)
    asked = torch.tensor(rows & ~np.char.startswith(claims.source, "edits"), dtype=torch.float32)

    def step() -> torch.Tensor:
        search.zero_grad()
        value = loss(line[0] * unseen + line[1], claims, asked)
        value.backward()
        return value

    search.step(step)
    model.calibration = (line[0].item(), line[1].item())
    return model


def probabilities(model: Model, claims: Claims) -> np.ndarray:
    """[answers], of being ungrounded."""
    slope, offset = model.calibration
    grounded = log_probability(slope * model.log_odds(claims) + offset, claims.answer, len(claims.ungrounded))
    return 1.0 - torch.exp(grounded).numpy()


def write(model: Model, claims: Claims) -> None:
    with torch.no_grad():
        words = torch.stack([net.words for net in model.nets]).mean(0)
        weights = {word: round(words[i].item(), 3) for word, i in model.vocabulary.items() if abs(words[i].item()) >= 0.02}
        listed = lambda tensor: [round(value, 5) for value in tensor.flatten().tolist()]
        nets = [
            {
                "linear": listed(net.linear.weight), "bias": round(net.linear.bias.item(), 5), "hidden": [listed(row) for row in net.hidden.weight],
                "hidden_bias": listed(net.hidden.bias), "out": listed(net.out.weight),
            }
            for net in model.nets
        ]
    file = {
        "features": claims.names, "mean": listed(model.mean), "spread": listed(model.spread), "words": weights, "nets": nets,
        "calibration": [round(value, 5) for value in model.calibration],
    }
    OUT.write_text(json.dumps(file, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{OUT.resolve()}: {OUT.stat().st_size} bytes, {len(weights)} words, SHA-256 {hashlib.sha256(OUT.read_bytes()).hexdigest()}")


def write_names() -> None:
    source = (HOUSE / "plugins/src/ground/features.rs").read_text()
    names = re.findall(r'\("([a-z ]+)",', source[source.index("fn meaning") :].replace("(\n            ", "("))
    nothing = {"linear": [0.0] * len(names), "bias": 0.0, "hidden": [], "hidden_bias": [], "out": []}
    file = {"features": names, "mean": [0.0] * len(names), "spread": [1.0] * len(names), "words": {}, "nets": [nothing], "calibration": [1.0, 0.0]}
    OUT.write_text(json.dumps(file) + "\n")


def figures(ungrounded: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """AUPRC, F1, accuracy, expected calibration error over ten bins; above one half is flagged."""
    flagged = scores > 0.5
    true = (flagged & (ungrounded == 1)).sum()
    f1 = 2 * true / max(flagged.sum() + ungrounded.sum(), 1)
    bins = np.clip((scores * 10).astype(int), 0, 9)
    error = sum(abs(scores[bins == b].mean() - ungrounded[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    return np.array([average_precision_score(ungrounded, scores), f1, (flagged == ungrounded).mean(), error])


def baseline(claims: Claims, feature: str) -> np.ndarray:
    """[answers], of being ungrounded: a logistic curve over one measurement's mean, for each set and fold fitted to the set's other folds."""
    values = claims.values[:, claims.names.index(feature)].numpy()
    answer = claims.answer.numpy()
    mean = (np.bincount(answer, values) / np.bincount(answer))[:, None]
    scores = np.zeros(len(mean))
    for name in np.unique(claims.source):
        for part in range(FOLDS):
            rows, aside = (claims.source == name) & (claims.fold != part), (claims.source == name) & (claims.fold == part)
            curve = LogisticRegression(C=1e3).fit(mean[rows], claims.ungrounded[rows])
            scores[aside] = curve.predict_proba(mean[aside])[:, 1]
    return scores


def ahead(claims: Claims, rows: np.ndarray, own: np.ndarray, other: np.ndarray) -> str:
    """How far ours is ahead in AUPRC, F1 and accuracy; 95 % of 1,000 draws of whole contexts."""
    draw = np.random.default_rng(131)
    groups = [np.flatnonzero(rows & (claims.context == context)) for context in np.unique(claims.context[rows])]
    apart = []
    for _ in range(1000):
        drawn = np.concatenate([groups[i] for i in draw.integers(0, len(groups), len(groups))])
        labels = claims.ungrounded[drawn]
        apart.append((figures(labels, own[drawn]) - figures(labels, other[drawn]))[:3])
    low, high = np.percentile(apart, [2.5, 97.5], axis=0)
    mean = (figures(claims.ungrounded[rows], own[rows]) - figures(claims.ungrounded[rows], other[rows]))[:3]
    return ", ".join(f"{m:+.3f} [{l:+.3f}, {h:+.3f}]" for m, l, h in zip(mean, low, high))


def evaluate(claims: Claims) -> None:
    own = np.zeros(len(claims.ungrounded))
    for part in range(FOLDS):
        aside = claims.fold == part
        own[aside] = probabilities(calibrated(claims, ~aside), claims)[aside]
    systems = {"ground": own, "overlap only": baseline(claims, "coverage by all"), "embedding only": baseline(claims, "cosine")}
    for name in np.unique(claims.source):
        rows = claims.source == name
        print(f"{name}: {rows.sum()} answers about {len(np.unique(claims.context[rows]))} contexts, {claims.ungrounded[rows].mean():.1%} ungrounded")
        for system, scores in systems.items():
            shown = " ".join(f"{figure:.3f}" for figure in figures(claims.ungrounded[rows], scores[rows]))
            print(f"  {system:15} AUPRC, F1, accuracy, calibration error {shown}", end="" if system != "ground" else "\n", flush=True)
            if system != "ground":
                print(f"; ahead of it {ahead(claims, rows, own, scores)}", flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, help="folder of the open data")
    arguments.add_argument("--evaluate", action="store_true")
    arguments.add_argument("--program", type=Path, help="the example `ground_features`, where it is built already")
    arguments.add_argument("--names", action="store_true")
    wanted = arguments.parse_args()
    if wanted.names:
        write_names()
        return
    torch.set_num_threads(1)  # the tables are small: threads would wait for each other
    warnings.filterwarnings("ignore", message="Sparse")
    claims = load(wanted.data, [str(wanted.program.resolve())] if wanted.program else PROGRAM)
    if wanted.evaluate:
        evaluate(claims)
    else:
        write(calibrated(claims, claims.fold != 0), claims)


if __name__ == "__main__":
    main()
