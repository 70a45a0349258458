"""Sparse matrices and arrays of scipy, as the .npy files of what they are made of."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import SerializationError, Unfit
from penstock.serializers import numpy

COMPRESSED = ("csr", "csc", "bsr")
FORMATS = (*COMPRESSED, "coo", "dia", "dok", "lil")


class Scipy:
    """All seven formats, each read as what it was. The order in which entries lie does not count;
    that an entry is there does, also where it is zero.
    """

    name = "scipy"

    def accepts(self, value: object) -> bool:
        sparse = sys.modules.get("scipy.sparse")
        cls = type(value)
        return (
            sparse is not None
            and sparse.issparse(value)
            and getattr(sparse, cls.__name__, None) is cls
        )

    def encode(self, value: Any, files: Files) -> Encoded:
        for name, array in _parts(value).items():
            numpy.write(files, f"{name}.npy", array)
        meta = {
            "class": type(value).__name__,
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "entries": int(value.nnz),
        }
        return Encoded(meta=meta, content=self.digest(value))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        meta = manifest.meta
        cls = _class(meta["class"])
        parts = {name.removesuffix(".npy"): numpy.read(files[name]) for name in files}
        return _put_together(cls, tuple(meta["shape"]), parts)

    def digest(self, value: Any) -> str:
        parts = _parts(_sorted(value))
        contents = [
            part
            for name, array in parts.items()
            for part in (name, list(array.shape), digest_bytes(_memory(array, name)))
        ]
        cls = type(value).__name__
        return digest_struct("sparse", cls, str(value.dtype), list(value.shape), contents)


def _class(name: str) -> Any:
    import scipy.sparse

    cls = getattr(scipy.sparse, name, None)
    if name.partition("_")[0] in FORMATS and isinstance(cls, type):
        return cls
    raise SerializationError(
        f"scipy has no sparse format '{name}' here",
        hint="Run its step again with the packages that are installed now.",
    )


def _parts(value: Any) -> dict[str, Any]:
    """The arrays, by name; of what is kept in dicts or lists, those of the format that it is made from."""
    if not numpy.is_data(value.dtype):
        raise Unfit(f"a sparse matrix of dtype '{value.dtype}' is more than its bytes")
    match value.format:
        case "csr" | "csc" | "bsr":
            return {"data": value.data, "indices": value.indices, "indptr": value.indptr}
        case "dia":
            return {"data": value.data, "offsets": value.offsets}
        case "coo":
            return {"data": value.data} | {
                f"places{number}": places for number, places in enumerate(_coordinates(value))
            }
    return _parts(value.tocoo())


def _coordinates(value: Any) -> tuple[Any, ...]:
    # scipy had two dimensions only, and these names, up to 1.12.
    return value.coords if hasattr(value, "coords") else (value.row, value.col)


def _put_together(cls: Any, shape: tuple[int, ...], parts: dict[str, Any]) -> Any:
    data = parts.pop("data")
    if "indptr" in parts:
        value = cls((data, parts["indices"], parts["indptr"]), shape=shape)
    elif "offsets" in parts:
        value = cls((data, parts["offsets"]), shape=shape)
    else:
        places = tuple(parts.values())
        if not cls.__name__.startswith("coo"):
            # In the order in which they were: only then do they make the same dict.
            return cls(_named("coo", cls)((data, places), shape=shape))
        value = cls((data, places), shape=shape)
        parts = {"coords": places} if hasattr(value, "coords") else {}
    for name, array in parts.items():
        setattr(value, name, array)  # a constructor may have narrowed the indexes
    return value


def _named(kind: str, cls: Any) -> Any:
    """The class of another format, and as `cls` a matrix or an array."""
    return _class(f"{kind}_{cls.__name__.partition('_')[2]}")


def _sorted(value: Any) -> Any:
    """With its entries in order; a copy, unless they are so already."""
    import numpy as np

    if value.format in COMPRESSED:
        if not value.has_sorted_indices:
            value = value.copy()
            value.sort_indices()
        return value
    value = value.tocoo()
    coordinates = _coordinates(value)
    order = np.lexsort(coordinates[::-1])
    return type(value)((value.data[order], tuple(c[order] for c in coordinates)), value.shape)


def _memory(array: Any, name: str) -> memoryview:
    import numpy as np

    if name != "data":  # equal places are equal in 32 bits and in 64
        array = array.astype(np.int64, copy=False)
    flat = np.ascontiguousarray(numpy.bare(array)).reshape(-1)
    return memoryview(flat.view(np.uint8).data) if flat.nbytes else memoryview(b"")
