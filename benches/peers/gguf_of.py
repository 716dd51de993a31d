"""A GGUF file of a Hugging Face LLaMA with random weights, in 4 bits: `gguf_of.py HF_FOLDER FILE.gguf [Q4_K_M|Q4_0]`.

For speed only: rows of queries and keys are not put into llama.cpp's order, which makes no difference to random weights.
"""

import json
import sys
from pathlib import Path

import gguf
import llama_cpp as C
import numpy as np
from safetensors import safe_open

NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
}


def renamed(name: str) -> str:
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    if name in whole:
        return whole[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def main() -> None:
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    kind = getattr(C, "LLAMA_FTYPE_MOSTLY_" + (sys.argv[3] if len(sys.argv) > 3 else "Q4_K_M"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    halves = target.with_suffix(".f16.gguf")
    writer = gguf.GGUFWriter(str(halves), "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_vocab_size(config["vocab_size"])
    size = config["vocab_size"]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([b"<unk>", b"<s>", b"</s>"] + [f"<{n}>".encode() for n in range(3, size)])
    writer.add_token_scores([0.0] * size)
    writer.add_token_types([gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL] + [gguf.TokenType.NORMAL] * (size - 3))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "np") as tensors:
            for name in tensors.keys():
                values = tensors.get_tensor(name)
                writer.add_tensor(renamed(name), values.astype(np.float32 if values.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    params = C.llama_model_quantize_default_params()
    params.ftype = kind
    assert C.llama_model_quantize(str(halves).encode(), str(target).encode(), params) == 0
    halves.unlink()


if __name__ == "__main__":
    main()
