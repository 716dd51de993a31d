"""A graph as optimum exports it, for the test that such folders load as they are.

    python import_optimum.py --out models

writes golden-llama/optimum.onnx: plain operators of opset 18, positions as an input, key and value of one layer beside
each other, the weights in `model.onnx_data`, which the test writes: the tensors of the checkpoint `mha` of
import_golden.py in the order of their names, fp32. Run against transformers before it is written.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import LlamaConfig, LlamaForCausalLM

from import_golden import COMMON, SHAPES, weights
from llama_golden import last_logits

SEED = 4


class Sketch:
    def __init__(self):
        self.nodes, self.initializers = [], []

    def __call__(self, op: str, *inputs: str, out: str = "", **attributes) -> str:
        out = out or f"{op}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [out], name=f"/{out}", **attributes))
        return out

    def constant(self, value, kind=np.int64) -> str:
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(value, kind), name))
        return name


def graph(config: LlamaConfig, shapes: dict[str, list[int]]) -> onnx.ModelProto:
    g, at = Sketch(), 0
    for name, shape in shapes.items():
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        length = 4 * int(np.prod(shape))
        for key, value in (("location", "model.onnx_data"), ("offset", str(at)), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
        g.initializers.append(tensor)
        at += length
    heads, size = config.num_attention_heads, config.hidden_size // config.num_attention_heads

    def norm(x, name):
        mean = g("ReduceMean", g("Pow", x, g.constant(2.0, np.float32)), g.constant([-1]), keepdims=1)
        return g("Mul", g("Div", x, g("Sqrt", g("Add", mean, g.constant(config.rms_norm_eps, np.float32)))), name)

    def linear(x, name):
        return g("MatMul", x, g("Transpose", name, perm=[1, 0]))

    def apart(x):
        return g("Transpose", g("Reshape", x, g.constant([0, 0, heads, size])), perm=[0, 2, 1, 3])

    def half(x, begin, end):
        return g("Slice", x, g.constant([begin]), g.constant([end]), g.constant([3]))

    def turned(x):
        other = g("Concat", g("Neg", half(x, size // 2, size)), half(x, 0, size // 2), axis=3)
        return g("Add", g("Mul", x, cosines), g("Mul", other, sines))

    speeds = 10000.0 ** (-np.arange(0, size, 2) / size)
    angles = g("Mul", g("Cast", g("Unsqueeze", "position_ids", g.constant([1, 3])), to=TensorProto.FLOAT), g.constant(np.concatenate([speeds, speeds]), np.float32))
    cosines, sines = g("Cos", angles), g("Sin", angles)
    total = g("Squeeze", g("Slice", g("Shape", "attention_mask"), g.constant([1]), g.constant([2])))
    keys = g("Range", g.constant(0), total, g.constant(1))
    seen = g("LessOrEqual", keys, g("Unsqueeze", "position_ids", g.constant([1, 3])))
    seen = g("And", seen, g("Cast", g("Unsqueeze", "attention_mask", g.constant([1, 2])), to=TensorProto.BOOL))
    x = g("Gather", "model.embed_tokens.weight", "input_ids")
    for layer in range(config.num_hidden_layers):
        name = f"model.layers.{layer}."
        inner = norm(x, name + "input_layernorm.weight")
        q, k, v = (apart(linear(inner, f"{name}self_attn.{part}_proj.weight")) for part in "qkv")
        k = g("Concat", f"past_key_values.{layer}.key", turned(k), axis=2, out=f"present.{layer}.key")
        v = g("Concat", f"past_key_values.{layer}.value", v, axis=2, out=f"present.{layer}.value")
        scores = g("Mul", g("MatMul", turned(q), g("Transpose", k, perm=[0, 1, 3, 2])), g.constant(size**-0.5, np.float32))
        scores = g("Where", seen, scores, g.constant(np.finfo(np.float32).min, np.float32))
        mixed = g("Transpose", g("MatMul", g("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        x = g("Add", x, linear(g("Reshape", mixed, g.constant([0, 0, -1])), name + "self_attn.o_proj.weight"))
        inner = norm(x, name + "post_attention_layernorm.weight")
        gate = linear(inner, name + "mlp.gate_proj.weight")
        inner = g("Mul", g("Mul", gate, g("Sigmoid", gate)), linear(inner, name + "mlp.up_proj.weight"))
        x = g("Add", x, linear(inner, name + "mlp.down_proj.weight"))
    g("MatMul", norm(x, "model.norm.weight"), g("Transpose", "lm_head.weight", perm=[1, 0]), out="logits")

    def value(name, kind, *shape):
        return helper.make_tensor_value_info(name, kind, shape)

    cached = [f"{layer}.{kind}" for layer in range(config.num_hidden_layers) for kind in ("key", "value")]
    ids = [value(name, TensorProto.INT64, "batch_size", "sequence_length") for name in ("input_ids", "position_ids")]
    mask = value("attention_mask", TensorProto.INT64, "batch_size", "past_sequence_length + sequence_length")
    past = [value(f"past_key_values.{name}", TensorProto.FLOAT, "batch_size", heads, "past_sequence_length", size) for name in cached]
    present = [value(f"present.{name}", TensorProto.FLOAT, "batch_size", heads, "past_sequence_length + sequence_length", size) for name in cached]
    logits = value("logits", TensorProto.FLOAT, "batch_size", "sequence_length", config.vocab_size)
    body = helper.make_graph(g.nodes, "main_graph", [ids[0], mask, ids[1], *past], [logits, *present], g.initializers)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=8, producer_name="pytorch")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, required=True)
    out = arguments.parse_args().out
    config = LlamaConfig(**COMMON, **SHAPES["mha"], rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, attn_implementation="eager")
    reference = LlamaForCausalLM(config).eval()
    weights(reference, SEED)
    parameters = dict(sorted(reference.named_parameters()))
    model = graph(config, {name: list(parameter.shape) for name, parameter in parameters.items()})
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "model.onnx")
        data = b"".join(parameter.detach().numpy().tobytes() for parameter in parameters.values())
        (Path(folder) / "model.onnx_data").write_bytes(data)
        session = onnxruntime.InferenceSession(Path(folder) / "model.onnx")
        ids = [1, 17, 200, 45, 9]
        feed = {"input_ids": [ids], "attention_mask": [[1] * 5], "position_ids": [list(range(5))]}
        feed = {name: np.array(rows) for name, rows in feed.items()}
        feed |= {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in session.get_inputs() if "past" in i.name}
        off = np.abs(session.run(["logits"], feed)[0][0, -1] - last_logits(reference, ids).numpy()).max()
    print("off by", off)
    assert off < 1e-4
    onnx.save(model, out / "golden-llama" / "optimum.onnx")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
