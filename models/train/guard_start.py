"""Where the transformer starts: before its first step it reads like a bag of pieces and counts rulings.

A random start has to learn that the text, and not the three hundred tokens of categories before it, is
what matters; that takes more steps than two busy cores make in an hour. So:
- one dimension in 32 of every embedding holds a constant, which keeps RMSNorm from levelling the pieces'
  magnitudes and gives attention something to ask with;
- in the first layer, one head finds `<BEGIN CONVERSATION>` and marks every later token, and one head
  finds rulings (`]▁block▁0.9` is one piece) and copies what each is worth;
- in the second layer, seven heads attend to what is marked and copy their share of the dimensions;
- ` safe`, ` unsafe` and the codes start at logistic regressions on these.
Everything else is random or adds nothing at first, and all of it is trained afterwards.
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

import guard_prompt as prompt
from guard_model import Guard
from guard_prompt import ACTIONS, NAMES, SIMILARITIES

CONSTANT = 7.0
BLOCK = 32
# The slowest pair of rotary dimensions, which hardly turns: attention at any distance.
STILL = 15
SHARPNESS = 12.0
# The last 32 dimensions are not the bag's. In embeddings: what a ruling is worth, that a piece is a ruling,
# opens the conversation, or belongs to the template. Written by the first layer: the worth found, the mark.
WORTH, RULING, OPENING, TEMPLATE = 224, 254, 253, 252
FOUND, MARK = 225, 226
NOISE = 0.02
ROWS = 40_000


def placed(table: np.ndarray, seed: int) -> torch.Tensor:
    """The table's strongest directions, mixed evenly over the local heads' dimensions, and the constant."""
    size = table.shape[1]
    free = np.array([n for n in range(WORTH) if n % BLOCK != BLOCK - 1])
    _, _, directions = np.linalg.svd((table - table.mean(0))[::4], full_matrices=False)
    mixing, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(free), len(free))))
    out = np.zeros(table.shape, dtype=np.float32)
    out[:, BLOCK - 1 : WORTH : BLOCK] = CONSTANT
    out[:, free] = table @ directions[: len(free)].T @ mixing
    assert size == WORTH + BLOCK
    return torch.from_numpy(out)


def worth(precedents: list[list], unsafe: np.ndarray) -> dict[str, float]:
    """What a ruling at a similarity says for ` unsafe`: a regression on the shares of each among a text's precedents."""
    keys = [(stern, number) for stern in (False, True) for number in SIMILARITIES]
    shares = np.zeros((len(precedents), len(keys)))
    for line, found in zip(shares, precedents):
        for p in found:
            line[keys.index((p.action != "allow", f"{p.similarity:.1f}"))] += 1 / len(found)
    shown = shares.sum(1) > 0
    fitted = LogisticRegression(C=0.3, fit_intercept=False).fit(shares[shown], unsafe[shown])
    found = dict(zip(keys, fitted.coef_[0]))
    print("worth", {f"{'stern' if s else 'allow'} {n}": round(float(v), 2) for (s, n), v in found.items()}, flush=True)
    return {f"]▁{action}▁{number}": float(found[action != "allow", number]) for action in ACTIONS for number in SIMILARITIES}


def begin(guard: Guard, tokenizer: Tokenizer, table: np.ndarray, texts: list[torch.Tensor], rows: list, values: dict[str, float], seed: int) -> None:
    """Sets the weights. `texts` are token ids of training texts, `rows` their examples, `values` from `worth`."""
    size, heads = guard.shape.hidden_size, guard.shape.num_attention_heads
    head = size // heads
    unsafe = np.array([row.unsafe for row in rows])
    token = tokenizer.token_to_id
    with torch.no_grad():
        table = table.copy()
        for piece in [*values, *(f"▁{n}" for n in SIMILARITIES), *(f"]▁{action}" for action in ACTIONS), "▁0.", "▁1."]:
            table[token(piece)] = 0.0
        embedded = placed(table, seed)
        for piece, value in values.items():
            embedded[token(piece), WORTH] = 2.0 * value
            embedded[token(piece), RULING] = CONSTANT
        opening = token(prompt.BEGIN_CONVERSATION.replace(" ", "▁"))
        embedded[opening, OPENING] = CONSTANT
        ending = tokenizer.encode(prompt.prefix() + prompt.suffix("x")).ids
        ending = ending[len(ending) - ending[::-1].index(token("▁x")) :]
        embedded[ending, TEMPLATE] = CONSTANT
        guard.model.embed_tokens.weight.copy_(embedded)
        normal = embedded * torch.rsqrt(embedded.pow(2).mean(-1, keepdim=True) + guard.shape.rms_norm_eps)
        constant = torch.zeros(size)
        constant[BLOCK - 1 : WORTH : BLOCK] = 1.0
        one = torch.eye(size)
        ruling = normal[[token(piece) for piece in values]]
        typical = (normal @ constant).median()
        sharp = (SHARPNESS * head**0.5) ** 0.5
        first, second = (guard.model.layers[n].self_attn for n in (0, 1))
        for layer in (first, second):
            for weights in (layer.q_proj.weight, layer.k_proj.weight, layer.v_proj.weight):
                weights.normal_(std=NOISE)
            layer.o_proj.weight.zero_()
        # Whatever else could disturb the reading says nothing at first.
        guard.model.layers[2].self_attn.o_proj.weight.zero_()
        for layer in guard.model.layers:
            layer.mlp.down_proj.weight.zero_()
        marks, counts = (heads - 2) * head, (heads - 1) * head
        for place, dimension, found in ((marks, OPENING, normal[opening, OPENING]), (counts, RULING, ruling[:, RULING].median())):
            first.q_proj.weight[place + STILL] = constant / typical * sharp
            first.k_proj.weight[place + STILL] = one[dimension] / found * sharp
        first.v_proj.weight[marks : marks + 2 * head] = 0.0
        first.o_proj.weight[:, marks : marks + 2 * head] = 0.0
        first.v_proj.weight[marks] = one[OPENING] / normal[opening, OPENING] * CONSTANT
        first.o_proj.weight[MARK, marks] = 1.0
        first.v_proj.weight[counts] = one[WORTH]
        first.o_proj.weight[FOUND, counts] = 1.0
        # What the mark and the constants come to behind the second layer's norm.
        after = embedded.clone()
        after[:, MARK] = CONSTANT
        after = after * torch.rsqrt(after.pow(2).mean(-1, keepdim=True) + guard.shape.rms_norm_eps)
        for h in range(heads - 1):
            second.q_proj.weight[h * head + STILL] = constant / (after @ constant).median() * sharp
            second.k_proj.weight[h * head + STILL] = (one[MARK] - one[TEMPLATE]) / after[:, MARK].median() * sharp
        for weights in (second.v_proj.weight, second.o_proj.weight):
            weights[:WORTH, :WORTH] += one[:WORTH, :WORTH]
        # A text's precedents are shares of one: their worths add up as the regression's did.
        offsets = torch.tensor([0] + [len(t) for t in texts]).cumsum(0)[:-1]
        means = F.embedding_bag(torch.cat(texts), normal, offsets, mode="mean").numpy()
        free = (constant == 0).numpy() & (np.arange(size) < WORTH)
        harm = LogisticRegression(C=3.0, max_iter=300).fit(means[:, free], unsafe)
        print(f"a bag of pieces is right on {harm.score(means[:, free], unsafe):.3f} of what it was fitted to", flush=True)
        toward = torch.zeros(size)
        toward[torch.from_numpy(free)] = torch.from_numpy(harm.coef_[0]).float()
        toward[FOUND] = 1.0 / (2.0 * (ruling.norm(dim=1) / embedded[[token(p) for p in values]].norm(dim=1)).median())
        # The residual stream is normed before the head reads it; half the difference goes to each word.
        scale = 1.5
        guard.lm_head.weight[token("▁unsafe")] = scale / 2 * toward
        guard.lm_head.weight[token("▁safe")] = -scale / 2 * toward
        named = np.array([bool(row.categories) for row in rows])
        heading = np.array([NAMES.index(row.categories[0]) if row.categories else -1 for row in rows])
        some = np.flatnonzero(named)[:8000]
        which = LogisticRegression(C=1.0, max_iter=60).fit(means[some][:, free], heading[some])
        for n, weights in zip(which.classes_, which.coef_):
            row = torch.zeros(size)
            row[torch.from_numpy(free)] = torch.from_numpy(weights).float()
            guard.lm_head.weight[token(f"O{n + 1}")] = row
