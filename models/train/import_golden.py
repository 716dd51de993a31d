"""What Hugging Face transformers (float32) says on checkpoints that the tests of `inference::import` write themselves.

    python import_golden.py --out models

writes golden-llama/import.json. No weights are stored: `number` below is computed here and in the tests alike, and
every weight is exact in fp32, fp16 and bf16. Of each checkpoint: its config, prompts and the logits after each, and a
prompt with the 200 tokens that follow it greedily and the smallest lead of a chosen token over the second.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from llama_golden import last_logits

GREEDY = 200
SEEDS = 3
CLEAR_LEAD = 2e-3
SHAPES = {
    "mha": {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_key_value_heads": 2},
    "gqa": {"hidden_size": 48, "intermediate_size": 64, "num_attention_heads": 3, "num_key_value_heads": 1},
    # A head of a size that GroupQueryAttention refuses.
    "narrow": {"hidden_size": 48, "intermediate_size": 80, "num_attention_heads": 4, "num_key_value_heads": 2},
    "tied": {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True},
}
COMMON = {"vocab_size": 288, "num_hidden_layers": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2}


def number(seed: int, tensor: int, count: int) -> np.ndarray:
    """One of 0..=255 for each element of a tensor: the top byte of splitmix64."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint64) + np.uint64(tensor << 32) + np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (x ^ (x >> np.uint64(31))) >> np.uint64(56)


def weights(model: LlamaForCausalLM, seed: int) -> None:
    """Fills in the weights; tensors count in the order of their names, a tied head not among them."""
    names = sorted(name for name, _ in model.named_parameters())
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for tensor, name in enumerate(names):
            shape = tuple(parameters[name].shape)
            drawn = number(seed, tensor, int(np.prod(shape))).astype(np.float32)
            # Norms from 0.75 to 1.25, matrices from -0.5 to 0.5 so that attention is far from even.
            values = 0.75 + np.floor(drawn / 4) / 128 if len(shape) == 1 else (drawn - 128) / 256
            parameters[name].copy_(torch.from_numpy(values.reshape(shape)))


@torch.no_grad()
def greedy(model: LlamaForCausalLM, prompt: list[int]) -> tuple[list[int], float]:
    """The likeliest tokens one after another, and the smallest lead; none once a lead is too small."""
    ids, lead, past, new = [], float("inf"), None, prompt
    for _ in range(GREEDY):
        out = model(torch.tensor([new]), past_key_values=past, use_cache=True)
        best, past = out.logits[0, -1].topk(2), out.past_key_values
        lead = min(lead, (best.values[0] - best.values[1]).item())
        new = [best.indices[0].item()]
        ids += new
        if lead <= CLEAR_LEAD or new[0] < 3:
            return [], 0.0
    return ids, lead


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, required=True)
    out = arguments.parse_args().out
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(7)
    prompts = [[1] + torch.randint(3, 288, (n,), generator=generator).tolist() for n in (9, 2, 17)]
    checkpoints = []
    for name, shape in SHAPES.items():
        found, seed = 0, 0
        while found < (SEEDS if name in ("mha", "gqa") else 1):
            seed += 1
            config = LlamaConfig(**COMMON, **shape, rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, attn_implementation="eager")
            model = LlamaForCausalLM(config).eval()
            weights(model, seed)
            ids, lead = greedy(model, prompts[0])
            # A run that hangs on rounding, or ends, or goes round in a short circle, shows nothing.
            if len(set(ids[-60:])) < 15:
                continue
            found += 1
            logits = [{"ids": p, "logits": [round(v, 5) for v in last_logits(model, p)[::5].tolist()]} for p in prompts]
            checkpoints.append({"name": name, "seed": seed, "config": {**COMMON, **shape}, "logits": logits, "greedy": ids, "smallest_lead": round(lead, 6)})
            print(name, seed, round(lead, 5), len(set(ids)), flush=True)
    content = {"reference": "transformers float32", "every": 5, "checkpoints": checkpoints}
    (out / "golden-llama" / "import.json").write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
