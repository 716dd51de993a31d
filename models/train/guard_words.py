"""First stage: the guard's token embeddings, before there is a transformer.

Each piece of the vocabulary starts at the encoder's embedding of its own string, reduced to the guard's
width. Then the mean of a text's pieces learns to say what the text's own embedding says and which
categories hold. Two cores do in a minute what would take the transformer an hour.

    python guard_words.py --data FOLDER --tokenizer FILE --out FILE.npz
"""

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score
from tokenizers import Tokenizer

from encoder import Encoder
from guard_prompt import NAMES
from guard_rows import material

WIDTH = 256
TOKENS = 128
EPOCHS = 4
BATCH = 512
SEED = 7


def start(tokenizer: Tokenizer) -> torch.Tensor:
    """Principal components of the encoder's embeddings of the pieces, [vocabulary, WIDTH]."""
    pieces = [tokenizer.id_to_token(n).replace("▁", " ").strip() or "." for n in range(tokenizer.get_vocab_size())]
    vectors = Encoder().embed([piece[:40] for piece in pieces], batch=128)
    vectors -= vectors.mean(0)
    _, _, directions = np.linalg.svd(vectors, full_matrices=False)
    reduced = torch.from_numpy(vectors @ directions[:WIDTH].T)
    return reduced / reduced.pow(2).mean().sqrt()


def bags(tokenizer: Tokenizer, texts: list[str]) -> list[torch.Tensor]:
    """The first pieces of each text."""
    return [torch.tensor(e.ids[:TOKENS]) for e in tokenizer.encode_batch([t[:2000] for t in texts], add_special_tokens=False)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--tokenizer", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    options = arguments.parse_args()
    torch.set_num_threads(2)
    torch.manual_seed(SEED)
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    everything = material(options.data)
    rows = everything.rows
    print(len(rows), "rows,", everything.trained, "to train on,", sum(r.unsafe for r in rows), "unsafe", flush=True)
    table = torch.nn.Parameter(start(tokenizer))
    print("pieces embedded", flush=True)
    ids = bags(tokenizer, [r.text for r in rows])
    wanted = torch.zeros(len(rows), len(NAMES) + 1)
    known = torch.ones(len(rows), len(NAMES) + 1)
    for n, row in enumerate(rows):
        wanted[n, -1] = row.unsafe
        for c in row.categories or []:
            wanted[n, NAMES.index(c)] = 1
        if row.unsafe:
            known[n, :-1] = wanted[n, :-1]
    vectors = torch.from_numpy(everything.vectors)
    said = torch.nn.Linear(WIDTH, len(NAMES) + 1)
    meant = torch.nn.Linear(WIDTH, vectors.shape[1])
    optimizer = torch.optim.Adam([{"params": [table], "lr": 0.01}, {"params": [*said.parameters(), *meant.parameters()], "lr": 0.003}])
    share = everything.share()
    draw = np.random.default_rng(SEED)

    def pooled(chosen):
        flat = [ids[n] for n in chosen]
        offsets = torch.tensor([0] + [len(f) for f in flat]).cumsum(0)[:-1]
        mean = F.embedding_bag(torch.cat(flat), table, offsets, mode="mean")
        return mean * torch.rsqrt(mean.pow(2).mean(-1, keepdim=True) + 1e-6)

    def judged():
        held = [n for n in range(everything.trained, len(rows))][::4]
        with torch.no_grad():
            scores = torch.cat([said(pooled(held[s : s + 2048]))[:, -1] for s in range(0, len(held), 2048)])
        return average_precision_score([rows[n].unsafe for n in held], scores.numpy())

    steps = EPOCHS * everything.trained // BATCH
    for step in range(steps):
        for group, rate in zip(optimizer.param_groups, (0.01, 0.003)):
            group["lr"] = rate * (1 - step / steps)
        chosen = draw.choice(everything.trained, BATCH, p=share)
        mean = pooled(chosen)
        loss = (F.binary_cross_entropy_with_logits(said(mean), wanted[chosen], reduction="none") * known[chosen]).sum() / known[chosen].sum()
        loss = loss * 4 + (1 - F.cosine_similarity(meant(mean), vectors[chosen])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(step, "of", steps, f"loss {loss.item():.4f}", flush=True)
    print(f"AUPRC of a bag of pieces, any harm, every fourth held-out row: {judged():.4f}")
    table = table.detach()
    np.savez(options.out, table=(table / table.pow(2).mean().sqrt()).numpy())


if __name__ == "__main__":
    main()
