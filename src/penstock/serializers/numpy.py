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

from penstock.core.digest import digest_files, digest_struct
from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import Unfit

FILE = "array.npy"
MASK, FILL = "mask.npy", "fill.npy"
MAGIC = b"\x93NUMPY"
MAPPED = 1 << 16
"""Bytes from which an array is mapped and not read."""


class Numpy:
    """`ndarray` itself (a memory map reads back as one), masked arrays, and single records.

    Not matrices and other subclasses, which are more than their data; nor objects.
    """

    name = "numpy"

    def accepts(self, value: object) -> bool:
        np = sys.modules.get("numpy")
        if np is None:
            return False
        kinds = (np.ndarray, np.void, np.memmap, np.ma.MaskedArray)
        return type(value) in kinds and is_data(getattr(value, "dtype", None))

    def encode(self, value: Any, files: Files) -> Encoded:
        import numpy as np

        meta: dict[str, Any] = {"dtype": str(value.dtype), "shape": list(value.shape)}
        if isinstance(value, np.ma.MaskedArray):
            write(files, FILE, value.data)
            if value.mask is not np.ma.nomask:
                write(files, MASK, value.mask)
            if not _fills_by_default(value):
                write(files, FILL, np.asarray(value.fill_value))
            meta |= {"masked": True, "hard": value.hardmask}
            return Encoded(meta=meta, content=_masked(value))
        write(files, FILE, value)
        return Encoded(meta=meta | {"scalar": True} if isinstance(value, np.void) else meta)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        import numpy as np

        array, meta = read(files[FILE]), manifest.meta
        if not meta.get("masked"):
            return array[()] if meta.get("scalar") else array
        mask: Any = read(files[MASK]) if MASK in files else np.ma.nomask
        fill = read(files[FILL])[()] if FILL in files else None
        return np.ma.MaskedArray(array, mask, fill_value=fill, hard_mask=meta["hard"])

    def digest(self, value: Any) -> str:
        if type(value) is sys.modules["numpy"].ma.MaskedArray:
            return _masked(value)
        return digest_files(self.name, [(FILE, _digest(value))])


def _masked(value: Any) -> str:
    """Of a masked array, whatever stands under its mask."""
    import numpy as np

    nothing: Any = np.zeros((), value.dtype)[()]
    parts = [np.ma.filled(value, nothing), np.ma.getmaskarray(value)]
    if not _fills_by_default(value):
        parts.append(np.asarray(value.fill_value))
    return digest_struct("masked", [_digest(part) for part in parts], value.hardmask)


def _fills_by_default(value: Any) -> bool:
    import numpy as np

    return str(value.fill_value) == str(np.ma.default_fill_value(value.dtype))


def _digest(value: Any) -> str:
    header, data = _written(value)
    return blake3(header).update(data).hexdigest()


def write(files: Files, name: str, value: Any) -> None:
    header, data = _written(value)
    with files.create(name, len(header) + data.nbytes) as file:
        file.write(header)
        if data.nbytes:
            file.write(data)


def is_data(dtype: Any) -> bool:
    """Whether the bytes are all there is: no objects, no metadata, no titles of fields."""
    if dtype.kind not in "biufcSUVmM" or dtype.hasobject or dtype.metadata:
        return False
    if dtype.subdtype is not None:
        return is_data(dtype.subdtype[0])
    return all(len(field) == 2 and is_data(field[0]) for field in (dtype.fields or {}).values())


def _written(value: Any) -> tuple[bytes, memoryview]:
    """The header of the .npy file, and the bytes after it."""
    import numpy as np
    from numpy.lib import format as npy

    array = bare(np.asarray(value))
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    try:
        described = npy.dtype_to_descr(array.dtype)
    except ValueError:  # fields in another order than they lie: `records[["b", "a"]]`
        described = None
    if described is None or npy.descr_to_dtype(described) != array.dtype:
        raise Unfit(f"an array of dtype '{array.dtype}' cannot be written exactly")
    header = _header(described, fortran=fortran, shape=array.shape)
    if not array.nbytes:
        return header, memoryview(b"")
    # A copy only if it does not lie in one piece.
    flat = np.ascontiguousarray(array.ravel("F" if fortran else "C"))
    return header, memoryview(flat.view(np.uint8).data)


def bare(array: Any) -> Any:
    """The array; or a copy whose padding is zero: it is whatever the memory held before."""
    import numpy as np

    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    if array.dtype.fields is not None:
        clean = np.zeros(array.shape, array.dtype, order="F" if fortran else "C")
        for name in array.dtype.names:
            clean[name] = bare(array[name])
        return clean
    if array.dtype.char in "gG" and np.finfo(np.longdouble).nmant == _EXTENDED:
        clean = array.copy(order="F" if fortran else "C")
        flat = (clean.T if fortran else clean).reshape(-1)
        flat.view(np.uint8).reshape(-1, np.dtype(np.longdouble).itemsize)[:, 10:] = 0
        return clean
    return array


_EXTENDED = 63
"""Bits after the point of a long double of 80 bits, which lies in 96 or 128."""


def _header(descr: object, *, fortran: bool, shape: tuple[int, ...]) -> bytes:
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    ascii = text.isascii()
    data = text.encode()
    # Format 1.0 holds ASCII up to 64 KiB, 3.0 any text; the data begin at a multiple of 64.
    length = 2 if ascii and len(data) < 65_000 else 4
    data += b" " * (-(8 + length + len(data) + 1) % 64) + b"\n"
    version = b"\x01\x00" if length == 2 else b"\x03\x00"
    return MAGIC + version + len(data).to_bytes(length, "little") + data


def read(file: Path | bytes) -> Any:
    """The array in a .npy file; a large one is mapped."""
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
