"""The format of safetensors: a header of JSON, then the bytes of each tensor; mapped privately when read.

Written by hand, so that each tensor goes to the store from where it lies: the library's own writer
needs all bytes in memory once more, or a path. https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.ports import Files

DTYPES: Mapping[str, str] = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
_NAMES = {code: name for name, code in DTYPES.items()}
NOTE = "penstock"
RESERVED = "__metadata__"
ALIGNED = 64


def dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def write(files: Files, name: str, tensors: Mapping[str, Any], note: str) -> None:
    """Tensors of real numbers, each copied only if it must be, and only while it is written.

    `note` goes into the header, where other tools leave it be.
    """
    # The widest first: then each begins at a multiple of its width, and there are no gaps.
    order = sorted(tensors, key=lambda key: -tensors[key].element_size())
    places, end = {}, 0
    for key in order:
        begin, end = end, end + tensors[key].numel() * tensors[key].element_size()
        places[key] = (begin, end)
    header: dict[str, Any] = {RESERVED: {NOTE: note}} if note else {}
    for key, tensor in tensors.items():
        dtype = DTYPES[dtype_name(tensor)]
        header[key] = {
            "dtype": dtype,
            "shape": list(tensor.shape),
            "data_offsets": list(places[key]),
        }
    text = msgspec.json.encode(header)
    text += b" " * (-(8 + len(text)) % ALIGNED)
    with files.create(name, 8 + len(text) + end) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for key in order:
            if tensors[key].numel():
                plain = in_order(tensors[key])
                file.write(memory(plain))


def read(file: Path | bytes) -> tuple[dict[str, Any], str]:
    """The tensors, each over a private part of the file's memory, and the note."""
    if isinstance(file, bytes):
        buffer: Any = bytearray(file)
    else:
        with open(file, "rb") as opened:
            buffer = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    start = 8 + int.from_bytes(buffer[:8], "little")
    header = msgspec.json.decode(bytes(buffer[8:start]))
    note = header.pop(RESERVED, {}).get(NOTE, "")
    return {key: _tensor(buffer, start, **described) for key, described in header.items()}, note


def _tensor(buffer: Any, start: int, dtype: str, shape: list[int], data_offsets: list[int]) -> Any:
    import torch

    kind = getattr(torch, _NAMES[dtype])
    count = math.prod(shape)
    if not count:
        return torch.empty(shape, dtype=kind)
    flat = torch.frombuffer(buffer, dtype=kind, count=count, offset=start + data_offsets[0])
    return flat.reshape(shape)


def in_order(tensor: Any) -> Any:
    """On the CPU, its elements one after the other."""
    return tensor.cpu().contiguous()


def memory(tensor: Any) -> memoryview:
    """The bytes of a tensor whose elements lie in order; only as long as the tensor lives."""
    return memory_at(tensor.data_ptr(), tensor.numel() * tensor.element_size())


def memory_at(address: int, size: int) -> memoryview:
    import ctypes  # 8 ms; and not by NumPy, which torch may be without and which has no bfloat16

    return memoryview((ctypes.c_char * size).from_address(address)).cast("B")
