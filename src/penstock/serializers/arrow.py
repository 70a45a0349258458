"""Tables, record batches and arrays of Arrow, as IPC files that are mapped when they are read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penstock.core.digest import digest_struct
from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import Unfit
from penstock.serializers.columns import digest_column

FILE = "table.arrow"
KINDS = ("Table", "RecordBatch", "ChunkedArray", "Array")


class Arrow:
    name = "arrow"

    def accepts(self, value: object) -> bool:
        return _kind(value) is not None

    def encode(self, value: Any, files: Files) -> Encoded:
        kind, table = _table(value)
        # A dictionary may stand once in a file: chunks that have their own are brought to one.
        table = table.unify_dictionaries()
        write(table, files, FILE)
        meta = {"kind": kind, "rows": table.num_rows, "columns": _described(table)}
        return Encoded(meta=meta, content=content("arrow", kind, table))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        import pyarrow as pa

        table = opened(files[FILE]).read_all()
        match manifest.meta["kind"]:
            case "RecordBatch":
                batches = table.combine_chunks().to_batches()
                return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
            case "ChunkedArray":
                return table.column(0)
            case "Array":
                return table.column(0).combine_chunks()
        return table

    def digest(self, value: Any) -> str:
        return content("arrow", *_table(value))


def _kind(value: object) -> str | None:
    pa = sys.modules.get("pyarrow")
    if pa is None:
        return None
    return next((kind for kind in KINDS if isinstance(value, getattr(pa, kind))), None)


def _table(value: Any) -> tuple[str, Any]:
    import pyarrow as pa

    kind = _kind(value)
    match kind:
        case "Table":
            return kind, value
        case "RecordBatch":
            return kind, pa.Table.from_batches([value])
        case "ChunkedArray" | "Array":
            return kind, pa.table([value], names=[""])
    raise Unfit(f"'{type(value).__name__}' is nothing of Arrow's that is stored")


def _described(table: Any) -> dict[str, str]:
    return {field.name: str(field.type) for field in table.schema}


def write(table: Any, files: Files, name: str) -> None:
    """A table, or a record batch, as an IPC file."""
    import pyarrow as pa

    with (
        files.create(name, table.nbytes) as file,
        pa.PythonFile(file, mode="w") as sink,
        pa.ipc.new_file(sink, table.schema) as writer,
    ):
        writer.write(table)


def opened(file: Path | bytes) -> Any:
    """A reader of an IPC file, which is mapped and not read."""
    import pyarrow as pa

    source = pa.py_buffer(file) if isinstance(file, bytes) else pa.memory_map(str(file))
    return pa.ipc.open_file(source)


def content(library: str, kind: str, table: Any) -> str:
    """Of the values, however they are cut into chunks, and whatever stands under nulls."""
    schema = table.schema.serialize().to_pybytes()
    columns = [digest_column(column) for column in table.columns]
    return digest_struct(library, kind, schema, table.num_rows, columns)
