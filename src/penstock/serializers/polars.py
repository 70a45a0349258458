"""Frames and series of polars, as Arrow's IPC files that are mapped when they are read."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import SerializationError, Unfit
from penstock.serializers.arrow import content, opened, write

FILE = "frame.arrow"
KINDS = ("DataFrame", "Series", "LazyFrame")
SHOWN = 100
"""Columns that a manifest lists."""


class Polars:
    """A lazy frame is taken only to be refused: it is a plan, and what it reads may change.

    Text is written as Arrow's large strings, which every reader of Arrow knows, and which hold the
    rows of a slice and not all that it was cut from.
    """

    name = "polars"

    def accepts(self, value: object) -> bool:
        polars = sys.modules.get("polars")
        return polars is not None and any(type(value) is getattr(polars, k, None) for k in KINDS)

    def encode(self, value: Any, files: Files) -> Encoded:
        kind, table = _table(value)
        write(table, files, FILE)
        return Encoded(meta=_shown(kind, value), content=content("polars", kind, table))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        import polars

        table = opened(files[FILE]).read_all()
        if not table.num_columns:
            return polars.DataFrame(height=table.num_rows)
        frame: Any = polars.from_arrow(table, rechunk=False)
        frame.columns = table.column_names  # polars gives a column without a name one of its own
        return frame if manifest.meta["kind"] == "DataFrame" else frame.to_series()

    def digest(self, value: Any) -> str:
        return content("polars", *_table(value))


def _table(value: Any) -> tuple[str, Any]:
    """In one piece: a file holds one dictionary for each column, and chunks may have their own."""
    import polars

    kind = type(value).__name__
    if kind == "LazyFrame":
        raise SerializationError(
            "a polars LazyFrame is a plan, not data", hint="Return `frame.collect()` instead."
        )
    frame = value.to_frame() if kind == "Series" else value
    for name, dtype in frame.schema.items():
        for part in _parts(dtype):
            _check(name, part)
    table = frame.rechunk().to_arrow(compat_level=polars.CompatLevel.oldest())
    return kind, table


def _check(name: str, dtype: Any) -> None:
    """Known from the type alone: what neither Arrow nor a pickle brings back is refused."""
    import polars

    if dtype == polars.Object:
        raise SerializationError(
            f"column '{name}' of a polars frame holds Python objects, which polars cannot write",
            hint="Give it a type of polars', or return it as a list.",
        )
    if isinstance(dtype, polars.Array) and dtype.size == 0:
        raise SerializationError(
            f"column '{name}' of a polars frame holds arrays of no width, which polars cannot read",
            hint="Leave the column out.",
        )
    if any("\0" in one for one in (name, *(field.name for field in getattr(dtype, "fields", ())))):
        raise Unfit("a name in a polars frame has a NUL, which polars does not give to Arrow")
    if dtype in (polars.Int128, getattr(polars, "UInt128", None)):
        raise Unfit(f"column '{name}' of a polars frame is '{dtype}', which Arrow does not have")


def _parts(dtype: Any) -> Iterator[Any]:
    """A type, and those inside it."""
    yield dtype
    inner = getattr(dtype, "inner", None)
    if inner is not None:
        yield from _parts(inner)
    for field in getattr(dtype, "fields", ()):
        yield from _parts(field.dtype)


def _shown(kind: str, value: Any) -> dict[str, Any]:
    if kind == "Series":
        return {"kind": kind, "shape": [len(value)], "dtype": str(value.dtype)}
    columns = {name: str(dtype) for name, dtype in list(value.schema.items())[:SHOWN]}
    return {"kind": kind, "shape": list(value.shape), "columns": columns}
