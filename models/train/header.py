"""The header of a safetensors file in one order, so that the same numbers are the same bytes: the library writes metadata in an order that changes from run to run."""

import json
from pathlib import Path

LENGTH = 8


def in_order(path: Path) -> None:
    """Writes the file's header anew with its members sorted; what they say and the tensors stay."""
    whole = path.read_bytes()
    end = LENGTH + int.from_bytes(whole[:LENGTH], "little")
    header = json.dumps(json.loads(whole[LENGTH:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % LENGTH)
    path.write_bytes(len(header).to_bytes(LENGTH, "little") + header + whole[end:])
