"""A Hugging Face checkpoint of a given shape with random weights in fp16 shards: what imports are measured on.

    python random_llama.py OUT --shape 1.1b --tokenizer models/guard
    lamassu model import OUT MODEL --cases 0     # or with cases and --accept-drift: random weights are far off

Its tokenizer is another model's, filled up to the vocabulary with tokens that no text has.

Writes tensor by tensor, so that a 7B shape needs no more memory than its largest matrix. Needs numpy and nothing else.
"""

import argparse
import json
from pathlib import Path

import numpy as np

# Layers, hidden size, heads, heads of keys and values, inner size.
SHAPES = {"tiny": (2, 256, 4, 2, 704), "1.1b": (22, 2048, 32, 4, 5632), "7b": (32, 4096, 32, 32, 11008), "13b": (40, 5120, 40, 40, 13824)}
SHARD = 4 << 30


def tensors(layers: int, hidden: int, heads: int, groups: int, inner: int, vocabulary: int) -> dict[str, tuple[int, ...]]:
    narrow = hidden // heads * groups
    shapes = {"model.embed_tokens.weight": (vocabulary, hidden)}
    for layer in range(layers):
        parts = {
            "input_layernorm": (hidden,), "post_attention_layernorm": (hidden,), "self_attn.q_proj": (hidden, hidden), "self_attn.k_proj": (narrow, hidden),
            "self_attn.v_proj": (narrow, hidden), "self_attn.o_proj": (hidden, hidden), "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
            "mlp.down_proj": (hidden, inner),
        }
        shapes |= {f"model.layers.{layer}.{part}.weight": shape for part, shape in parts.items()}
    return shapes | {"model.norm.weight": (hidden,), "lm_head.weight": (vocabulary, hidden)}


def shards(shapes: dict[str, tuple[int, ...]]) -> list[dict[str, tuple[int, ...]]]:
    parts, size = [{}], 0
    for name, shape in shapes.items():
        length = 2 * int(np.prod(shape))
        if parts[-1] and size + length > SHARD:
            parts.append({})
            size = 0
        parts[-1][name] = shape
        size += length
    return parts


def write(path: Path, shapes: dict[str, tuple[int, ...]], random: np.random.Generator) -> None:
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        end = at + 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for shape in shapes.values():
            if len(shape) == 1:
                file.write(np.ones(shape, np.float16).tobytes())
                continue
            # Rows drawn 256 at a time; the spread keeps activations about where they are.
            for start in range(0, shape[0], 256):
                rows = random.standard_normal((min(256, shape[0] - start), shape[1]), np.float32) * shape[1] ** -0.5
                file.write(rows.astype(np.float16).tobytes())


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--shape", choices=SHAPES, default="1.1b")
    arguments.add_argument("--vocabulary", type=int, default=32000)
    arguments.add_argument("--tokenizer", type=Path, required=True)
    options = arguments.parse_args()
    options.out.mkdir(parents=True)
    layers, hidden, heads, groups, inner = SHAPES[options.shape]
    random = np.random.default_rng(1)
    parts = shards(tensors(layers, hidden, heads, groups, inner, options.vocabulary))
    weight_map = {}
    for number, shapes in enumerate(parts, 1):
        name = "model.safetensors" if len(parts) == 1 else f"model-{number:05}-of-{len(parts):05}.safetensors"
        write(options.out / name, shapes, random)
        weight_map |= dict.fromkeys(shapes, name)
    if len(parts) > 1:
        (options.out / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": groups, "vocab_size": options.vocabulary, "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
    }
    (options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokenizer = json.loads((options.tokenizer / "tokenizer.json").read_text(encoding="utf-8"))
    known = tokenizer["model"]["vocab"]
    known |= {f"<filler {id}>": id for id in range(len(known), options.vocabulary)}
    (options.out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
