"""Arrays of NumPy as .npy files, mapped privately when they are read.

The file is canonical: C or Fortran order is kept, padding is zero, nothing else varies. So the
content of an array is the digest of its file, and its bytes are hashed once, while they are written.
"""

from __future__ import annotations

import ast
import math
import mmap
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blake3 import blake3

from penstock.core.digest import digest_files
from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import SerializationError

FILE = "array.npy"
MAGIC = b"\x93NUMPY"
MAPPED = 1 << 16
"""Bytes from which an array is mapped and not read."""


class Numpy:
    """`ndarray` itself (a memory map reads back as one) and single records.

    Not masked arrays, matrices and other subclasses, which are more than their data; nor objects.
    """

    name = "numpy"

    def accepts(self, value: object) -> bool:
        np = sys.modules.get("numpy")
        if np is None:
            return False
        kinds = (np.ndarray, np.void, np.memmap)
        return type(value) in kinds and _is_data(getattr(value, "dtype", None))

    def encode(self, value: Any, files: Files) -> Encoded:
        header, data = _written(value)
        with files.create(FILE, len(header) + data.nbytes) as file:
            file.write(header)
            if data.nbytes:
                file.write(data)
        meta = {"dtype": str(value.dtype), "shape": list(value.shape)}
        return Encoded(meta=meta | {"scalar": True} if self._is_scalar(value) else meta)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        array = _read(files[FILE])
        return array[()] if manifest.meta.get("scalar") else array

    def _is_scalar(self, value: object) -> bool:
        return type(value) is sys.modules["numpy"].void

    def digest(self, value: Any) -> str:
        header, data = _written(value)
        hasher = blake3(header)
        if data.nbytes:
            hasher.update(data)
        return digest_files(self.name, [(FILE, hasher.hexdigest())])


def _is_data(dtype: Any) -> bool:
    """Whether the bytes are all there is: no objects, no metadata, no titles of fields."""
    if dtype.kind not in "biufcSUVmM" or dtype.hasobject or dtype.metadata:
        return False
    if dtype.subdtype is not None:
        return _is_data(dtype.subdtype[0])
    return all(len(field) == 2 and _is_data(field[0]) for field in (dtype.fields or {}).values())


def _written(value: Any) -> tuple[bytes, memoryview]:
    """The header of the .npy file, and the bytes after it."""
    import numpy as np
    from numpy.lib import format as npy

    array = np.asarray(value)
    if array.dtype.fields is not None:
        array = _without_padding(array)
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    described = npy.dtype_to_descr(array.dtype)
    if npy.descr_to_dtype(described) != array.dtype:
        raise SerializationError(f"an array of dtype '{array.dtype}' cannot be written exactly")
    header = _header(described, fortran=fortran, shape=array.shape)
    if not array.nbytes:
        return header, memoryview(b"")
    # A copy only if it does not lie in one piece.
    flat = np.ascontiguousarray(array.ravel("F" if fortran else "C"))
    return header, memoryview(flat.view(np.uint8).data)


def _without_padding(array: Any) -> Any:
    """A copy whose bytes between the fields are zero: they are whatever the memory held before."""
    import numpy as np

    clean = np.zeros(array.shape, array.dtype)
    if array.flags.f_contiguous and not array.flags.c_contiguous:
        clean = np.zeros(array.shape[::-1], array.dtype).T
    for name in array.dtype.names:
        part = array[name]
        clean[name] = _without_padding(part) if part.dtype.fields is not None else part
    return clean


def _header(descr: object, *, fortran: bool, shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    ascii = text.isascii()
    data = text.encode()
    # Format 1.0 holds ASCII up to 64 KiB, 3.0 any text; the data begin at a multiple of 64.
    length = 2 if ascii and len(data) < 65_000 else 4
    data += b" " * (-(8 + length + len(data) + 1) % 64) + b"\n"
    version = b"\x01\x00" if length == 2 else b"\x03\x00"
    return MAGIC + version + len(data).to_bytes(length, "little") + data


def _read(file: Path | bytes) -> Any:
    import numpy as np
    from numpy.lib import format as npy

    if isinstance(file, Path) and file.stat().st_size >= MAPPED:
        with open(file, "rb") as opened:
            buffer: Any = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    else:
        buffer = bytearray(file.read_bytes() if isinstance(file, Path) else file)
    length = 2 if buffer[6] == 1 else 4
    start = 8 + length + int.from_bytes(buffer[8 : 8 + length], "little")
    described = ast.literal_eval(bytes(buffer[8 + length : start]).decode().strip())
    dtype = npy.descr_to_dtype(described["descr"])
    shape = described["shape"]
    order: Any = "F" if described["fortran_order"] else "C"
    count = math.prod(shape)
    if not dtype.itemsize or not count:
        return np.empty(shape, dtype, order=order)
    return np.frombuffer(buffer, dtype, count, start).reshape(shape, order=order)
