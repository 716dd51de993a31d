"""Hugging Face checkpoint folder to an onnxruntime-genai folder, with the tokenizer it came with."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

# Llama 2's own, as its tokenizer_config.json has it in essence.
CHAT_TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system = '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' %}"
    "{% else %}{% set loop_messages = messages %}{% set system = '' %}{% endif %}{% for message in loop_messages %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + (system if loop.index0 == 0 else '') + message['content'].strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + message['content'].strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)


def tokenizer_files(folder: Path, tokenizer_json: str, chat: bool, context: int) -> None:
    """tokenizer.json as given, and the tokenizer_config.json beside it."""
    (folder / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
    config = {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "legacy": True,
        "clean_up_tokenization_spaces": False, "model_max_length": context, "tokenizer_class": "PreTrainedTokenizerFast",
    }
    if chat:
        config["chat_template"] = CHAT_TEMPLATE
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def smaller_embedding(folder: Path) -> None:
    """Token embeddings as 8-bit integers with one scale a row, which the builder leaves at 32 bits when -p is int8."""
    path = folder / "model.onnx"
    model = onnx.load(path)
    graph = model.graph
    tables = {i.name: i for i in graph.initializer}
    place, node = next((n, node) for n, node in enumerate(graph.node) if node.op_type == "Gather" and node.input[0].endswith("embed_tokens.weight"))
    name, ids, out = node.input[0], node.input[1], node.output[0]
    table = numpy_helper.to_array(tables[name])
    scale = np.abs(table).max(1, keepdims=True) / 127
    graph.initializer.remove(tables[name])
    graph.initializer.extend([numpy_helper.from_array(np.round(table / scale).astype(np.int8), f"{name}_Q8"), numpy_helper.from_array(scale, f"{name}_scale")])
    graph.node.remove(node)
    steps = [("Gather", [f"{name}_Q8", ids], "picked", {}), ("Cast", ["picked"], "cast", {"to": onnx.TensorProto.FLOAT}), ("Gather", [f"{name}_scale", ids], "scales", {})]
    for op, inputs, output, attributes in [*steps, ("Mul", ["cast", "scales"], out, {})]:
        inputs = [i if i.startswith(name) or i == ids else f"{out}/{i}" for i in inputs]
        output = output if output == out else f"{out}/{output}"
        graph.node.insert(place, helper.make_node(op, inputs, [output], name=f"{output}/{op}", **attributes))
        place += 1
    for file in (path, folder / "model.onnx.data"):
        file.unlink()
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=1024)


def unpacked_products(folder: Path) -> None:
    """8-bit weights stay 8-bit in the file, and become 32-bit ones once, when ONNX Runtime opens the graph and folds constants.

    `MatMulNBits` with `accuracy_level` 1 unpacks all weights at every run, which costs a short text more than its
    products do. The products are the same. The head is computed for the last token only.
    """
    path = folder / "model.onnx"
    model = onnx.load(path)
    graph = model.graph
    tables = {i.name: i for i in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "MatMulNBits":
            nodes.append(node)
            continue
        sizes = {a.name: a.i for a in node.attribute}
        (weights, rows), name = (sizes["K"], sizes["N"]), node.name
        blocks = weights // sizes["block_size"]
        packed, scales = (numpy_helper.to_array(tables[i]) for i in node.input[1:3])
        # Without zero points, 128 stands for 0.
        whole = (packed.astype(np.int16) - 128).astype(np.int8).reshape(rows, blocks, -1)
        for old in (tables[i] for i in node.input[1:3]):
            graph.initializer.remove(old)
        constants = {"Q8": whole, "scales": scales.reshape(rows, blocks, 1), "shape": np.array([rows, weights])}
        graph.initializer.extend(numpy_helper.from_array(value, f"{name}/{key}") for key, value in constants.items())
        given = node.input[0]
        if node.output[0] == "logits":
            graph.initializer.append(numpy_helper.from_array(np.array([-1]), f"{name}/last"))
            nodes.append(helper.make_node("Gather", [given, f"{name}/last"], [f"{name}/given"], name=f"{name}/Gather", axis=1))
            given = f"{name}/given"
        steps = [("Cast", ["Q8"], {"to": onnx.TensorProto.FLOAT}), ("Mul", ["Cast", "scales"], {}), ("Reshape", ["Mul", "shape"], {}), ("Transpose", ["Reshape"], {"perm": [1, 0]})]
        nodes += [helper.make_node(op, [f"{name}/{i}" for i in inputs], [f"{name}/{op}"], name=f"{name}/{op}", **attributes) for op, inputs, attributes in steps]
        nodes.append(helper.make_node("MatMul", [given, f"{name}/Transpose"], list(node.output), name=name))
    del graph.node[:]
    graph.node.extend(nodes)
    # One row of logits a text, as genai's builder says it with `prune_lm_head`.
    next(o for o in graph.output if o.name == "logits").type.tensor_type.shape.dim[1].CopyFrom(onnx.TensorShapeProto.Dimension(dim_value=1))
    for file in (path, folder / "model.onnx.data"):
        file.unlink()
    onnx.save(model, path, save_as_external_data=True, location="model.onnx.data", size_threshold=1024)


def export(model: LlamaForCausalLM, tokenizer_json: str, out: Path, precision: str = "fp32", chat: bool = False, **options) -> None:
    """Runs the builder and puts the original tokenizer back, which the builder rewrites."""
    with tempfile.TemporaryDirectory() as work:
        checkpoint, built = Path(work) / "checkpoint", Path(work) / "built"
        model.save_pretrained(checkpoint)
        tokenizer_files(checkpoint, tokenizer_json, chat, model.config.max_position_embeddings)
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", checkpoint, "-o", built, "-p", precision, "-e", "cpu", "-c", Path(work) / "cache"]
        if options:
            command += ["--extra_options", *(f"{name}={value}" for name, value in options.items())]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout[-2000:] + done.stderr[-4000:])
        out.mkdir(parents=True, exist_ok=True)
        for name in ("model.onnx", "model.onnx.data", "genai_config.json"):
            shutil.copy(built / name, out / name)
        tokenizer_files(out, tokenizer_json, chat, model.config.max_position_embeddings)


def small_tokenizer(texts: list[str], vocabulary: int) -> str:
    """tokenizer.json of a byte-fallback BPE with Llama 2's control tokens, normalizer and decoder."""
    from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

    control, bytewise = ["<unk>", "<s>", "</s>"], [f"<0x{value:02X}>" for value in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"▁*\p{L}+|▁?\p{N}|▁+|[^\p{L}\p{N}▁]"), behavior="isolated")
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=control + bytewise, limit_alphabet=vocabulary - 265, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    rules = json.loads(tokenizer.to_str())
    rules["added_tokens"] = [token for token in rules["added_tokens"] if token["content"] in control]
    rules["pre_tokenizer"] = None
    tokenizer = Tokenizer.from_str(json.dumps(rules))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
