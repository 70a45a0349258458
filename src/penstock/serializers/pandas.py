"""Frames, series and indexes of pandas as one Arrow file, exactly.

Columns are named by position in the description, so that labels may be anything and stand twice.
What pandas alone knows (dtypes, the index, the labels) is described in the file's own metadata.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.digest import digest_struct
from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.serializers.arrow import opened, write
from penstock.serializers.series import (
    Column,
    Note,
    pack,
    pack_index,
    pack_label,
    unpack,
    unpack_index,
    unpack_label,
)

FILE = "frame.arrow"
NOTE = b"penstock"
SHOWN = 100
"""Columns that a manifest lists."""


class Pandas:
    name = "pandas"

    def accepts(self, value: object) -> bool:
        pd = sys.modules.get("pandas")
        if pd is None or not hasattr(pd, "Index"):
            return False
        cls = type(value)
        return cls in (pd.DataFrame, pd.Series) or (
            issubclass(cls, pd.Index) and cls.__module__.partition(".")[0] == "pandas"
        )

    def encode(self, value: Any, files: Files) -> Encoded:
        import pyarrow as pa

        note, columns = _taken_apart(value)
        batch = pa.RecordBatch.from_arrays(
            [column.array for column in columns],
            schema=_schema(value, note, columns),
        )
        write(batch, files, FILE)
        return Encoded(meta=_shown(value), content=_content(note, columns))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        reader = opened(files[FILE])
        note = msgspec.json.decode(reader.schema.metadata[NOTE])
        return _put_together(note, list(reader.get_batch(0).columns))

    def digest(self, value: Any) -> str:
        return _content(*_taken_apart(value))


def _content(note: Note, columns: list[Column]) -> str:
    described = msgspec.json.encode(note, order="deterministic")
    return digest_struct("pandas", described, [column.digest() for column in columns])


def _taken_apart(value: Any) -> tuple[Note, list[Column]]:
    """What Arrow does not say, and the columns: first the index's, then the values'."""
    import pandas as pd

    if isinstance(value, pd.Index):
        index = pack_index(value)
        return {"kind": "index", "index": index.note}, list(index.columns)
    index = pack_index(value.index)
    note: Note = {"index": index.note, "rows": len(value)}
    if value.attrs:
        note["attrs"] = pack_label(value.attrs)
    if not value.flags.allows_duplicate_labels:
        note["unique"] = True
    if isinstance(value, pd.Series):
        columns = [pack(value)]
        note |= {"kind": "series", "name": pack_label(value.name)}
    else:
        columns = [pack(column) for _, column in value.items()]
        note |= {"kind": "frame", "columns": _pack_labels(value.columns)}
    note["values"] = [column.note for column in columns]
    return note, [*index.columns, *columns]


def _put_together(note: Note, arrays: list[Any]) -> Any:
    import pandas as pd

    if note["kind"] == "index":
        return unpack_index(note["index"], arrays)
    inner = len(arrays) - len(note["values"])
    index = unpack_index(note["index"], arrays[:inner])
    values = [
        unpack(part, array) for part, array in zip(note["values"], arrays[inner:], strict=True)
    ]
    value: Any
    if note["kind"] == "series":
        only = values[0]
        value = pd.Series(only, index, only.dtype, unpack_label(note["name"]), copy=True)
    else:
        value = _frame(values, index)
        value.columns = _unpack_labels(note["columns"])
    if "attrs" in note:
        value.attrs = unpack_label(note["attrs"])
    return value.set_flags(allows_duplicate_labels=False) if "unique" in note else value


def _frame(values: list[Any], index: Any) -> Any:
    """A frame of its own memory: columns of one dtype lie together, as pandas likes them."""
    import numpy as np
    import pandas as pd

    kinds = {part.dtype for part in values}
    if len(values) > 1 and len(kinds) == 1 and _is_numeric(kinds.pop()):
        # Ten times as fast as what pandas does with a dict of columns.
        block = np.empty((len(values), len(index)), values[0].dtype)
        for place, part in enumerate(values):
            block[place] = part
        return pd.DataFrame(block.T, index=index, copy=False)
    # A series keeps the dtype of objects that pandas would otherwise guess from what they are.
    series = {
        place: pd.Series(part, index, part.dtype, copy=False) if part.dtype == object else part
        for place, part in enumerate(values)
    }
    return pd.DataFrame(series, index=index, copy=True)


def _is_numeric(dtype: Any) -> bool:
    return getattr(dtype, "kind", "O") in "biufc" and type(dtype).__module__.startswith("numpy")


def _pack_labels(labels: Any) -> Note:
    import pyarrow as pa

    index = pack_index(labels)
    if not index.columns:
        return {"index": index.note}
    note = index.columns[0].note
    if len(index.columns) == 1 and (note.get("string") or note.get("objects") == "str"):
        return {"index": index.note, "labels": index.array.to_pylist()}
    names = [str(place) for place in range(len(index.columns))]
    batch = pa.RecordBatch.from_arrays([column.array for column in index.columns], names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return {"index": index.note, "arrow": base64.b64encode(sink.getvalue()).decode()}


def _unpack_labels(note: Note) -> Any:
    import pyarrow as pa

    if "labels" in note:
        return unpack_index(note["index"], [pa.array(note["labels"], pa.large_string())])
    arrays: list[Any] = []
    if "arrow" in note:
        reader = pa.ipc.open_stream(base64.b64decode(note["arrow"]))
        arrays = list(reader.read_next_batch().columns)
    return unpack_index(note["index"], arrays)


def _schema(value: Any, note: Note, columns: list[Column]) -> Any:
    """Fields that a person recognises in any tool that reads Arrow."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(value, pd.Index):
        names = [f"index {place}" for place in range(len(columns))]
    else:
        labels = value.columns if isinstance(value, pd.DataFrame) else [value.name]
        inner = len(columns) - len(labels)
        names = [f"index {place}" for place in range(inner)] + list(map(_legible, labels))
    fields = [
        pa.field(name, column.array.type) for name, column in zip(names, columns, strict=True)
    ]
    return pa.schema(fields, metadata={NOTE: msgspec.json.encode(note)})


def _legible(label: object) -> str:
    """For people and other tools; half a surrogate pair is no text to them."""
    return str(label).encode("utf-8", "replace").decode()


def _shown(value: Any) -> dict[str, Any]:
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        dtypes = {_legible(name): str(kind) for name, kind in value.dtypes.iloc[:SHOWN].items()}
        return {"shape": list(value.shape), "columns": dtypes}
    return {"shape": [len(value)], "dtype": str(getattr(value, "dtype", "multi"))}
