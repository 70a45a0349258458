"""A look into a stored artifact, by the formats of its files: its first rows, values, names. Never a pickle.

Nothing here builds the value itself, so that no class is imported and no code of anybody runs; a
table of any length costs a few rows.
"""

from __future__ import annotations

import base64
import io
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from penstock.artifacts.streams import STREAM, first_frames
from penstock.core.records import Manifest
from penstock.serializers import untree

ROWS, COLUMNS, ITEMS = 10, 30, 10
"""Rows and columns of a table, and items of a stream, that are looked at."""
LONGEST = 2000
"""Characters of a text."""
READ = 1 << 20
"""Bytes of a file that are read, at most."""
IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
PICKLES = (".pickle", ".pkl", ".joblib")

Files = Mapping[str, Path | bytes]


class Preview(Struct, frozen=True, kw_only=True):
    """What can be shown: a table, some text, and the name of a file that is a picture."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    picture: str = ""
    more: bool = False
    """There is more than is shown."""


def preview(manifest: Manifest, files: Files) -> Preview:
    """Of the value itself where its format is plain; else of what the serializer noted."""
    picture = next((name for name in files if name.lower().endswith(IMAGES)), "")
    if manifest.serializer == STREAM:
        return _stream(manifest, files)
    if manifest.serializer == "path":
        return _paths(manifest, files, picture)
    if "value.json" in files:
        text, more = _json(_head(files["value.json"]), manifest.meta)
        return Preview(text=text, more=more)
    for name in (name for name in files if "/" not in name):
        if name.endswith(".arrow"):
            return _table(files[name], described=manifest.serializer == "pandas")
        if name.endswith(".npy"):
            return Preview(text=_array(files[name]))
        if name.endswith(".safetensors"):
            return _tensors(files[name])
    return Preview(text=_noted(manifest), picture=picture)


# ---- tables and arrays


def _table(file: Path | bytes, *, described: bool) -> Preview:
    """`described`: by pandas' serializer, which keeps objects as text."""
    import pyarrow as pa

    source = pa.py_buffer(file) if isinstance(file, bytes) else pa.memory_map(str(file))
    reader = pa.ipc.open_file(source)
    names = [str(name) for name in reader.schema.names]
    coded = _coded(reader.schema.metadata[b"penstock"], len(names)) if described else ()
    rows: list[tuple[str, ...]] = []
    total = 0
    for number in range(reader.num_record_batches):
        batch = reader.get_batch(number)
        total += batch.num_rows
        # By position: two columns may have one name.
        first = batch.slice(0, ROWS - len(rows))
        cells = [
            _said(column) if place in coded else _cells(column)
            for place, column in enumerate(first.columns[:COLUMNS])
        ]
        rows += zip(*cells, strict=True)
        if len(rows) >= ROWS and total > ROWS:
            break
    more = total > len(rows) or len(names) > COLUMNS
    return Preview(columns=tuple(names[:COLUMNS]), rows=tuple(rows), more=more)


def _coded(about: bytes, columns: int) -> set[int]:
    """Columns of objects, whose cells are tagged JSON."""
    values = msgspec.json.decode(about).get("values", ())
    inner = columns - len(values)  # what stands before them is the index
    return {inner + place for place, kind in enumerate(values) if kind.get("objects") == "json"}


def _said(column: Any) -> list[str]:
    cells = ["null" if text is None else text for text in column.to_pylist()]
    return [_json(text.encode(), {})[0] for text in cells]


def _cells(column: Any) -> list[str]:
    try:
        return ["" if value is None else str(value) for value in column.to_pylist()]
    except (ValueError, OverflowError):  # moments that Python has no word for
        return [str(getattr(value, "value", "")) for value in column]


def _array(file: Path | bytes) -> str:
    import numpy as np

    from penstock.serializers.numpy import read

    array = read(file)
    return np.array2string(array, threshold=60, edgeitems=3, max_line_width=100)[:LONGEST]


def _tensors(file: Path | bytes) -> Preview:
    """From the head of the file, which is JSON."""
    data = _head(file)
    (length,) = struct.unpack_from("<Q", data)
    if 8 + length > len(data):
        return Preview(more=True)
    head: dict[str, Any] = msgspec.json.decode(data[8 : 8 + length])
    head.pop("__metadata__", None)
    rows = [
        (name, str(about["dtype"]), " × ".join(map(str, about["shape"])) or "scalar")
        for name, about in list(head.items())[: 3 * ROWS]
    ]
    columns = ("tensor", "type", "shape")
    return Preview(columns=columns, rows=tuple(rows), more=len(head) > len(rows))


# ---- plain values


def _json(data: bytes, meta: Mapping[str, Any]) -> tuple[str, bool]:
    """As Python would write it, about; and whether that is not all."""
    if len(data) >= READ:
        return data[:LONGEST].decode(errors="replace"), True
    said = _Said(meta.get("parts", ()), meta.get("leaves", ()))
    text = "".join(said.value(msgspec.json.decode(data)))
    return text[:LONGEST], len(text) > LONGEST or said.length > LONGEST


_MARKS = {"tuple": ("(", ")"), "set": ("{", "}"), "frozenset": ("frozenset({", "})")}


class _Said:
    """Tagged JSON in words, no longer than is looked at."""

    def __init__(self, parts: Sequence[Any], leaves: Sequence[Any]) -> None:
        self._parts, self._leaves = parts, leaves
        self.length = 0

    def value(self, data: Any) -> Iterator[str]:
        if self.length > LONGEST:
            return
        match data:
            case {"$": [str(tag), *rest]}:
                yield from self._tagged(tag, rest)
            case dict():
                yield from self._inside("{", ((repr(k), ": ", v) for k, v in data.items()), "}")
            case list():
                yield from self._inside("[", (("", "", one) for one in data), "]")
            case _:
                yield self._told(repr(data))

    def _told(self, text: str) -> str:
        self.length += len(text)
        return text

    def _inside(self, start: str, inner: Any, end: str) -> Iterator[str]:
        yield start
        for at, (name, mark, one) in enumerate(inner):
            if self.length > LONGEST:
                yield "…"
                break
            yield self._told((", " if at else "") + name + mark)
            yield from self.value(one)
        yield end

    def _tagged(self, tag: str, rest: list[Any]) -> Iterator[str]:
        match tag, rest:
            case (("tuple" | "set" | "frozenset" | "deque"), [list(items), *_]):
                start, end = _MARKS.get(tag, (f"{tag}([", "])"))
                end = ",)" if tag == "tuple" and len(items) == 1 else end
                yield from self._inside(start, (("", "", one) for one in items), end)
            case "dict", [list(pairs)]:
                yield from self._inside("{", self._pairs(pairs), "}")
            case (("object" | "model" | "namedtuple" | "enum"), [name, *_]):
                yield from self._class(tag, name if isinstance(name, str) else name[0], rest[1:])
            case (("str" | "bytes"), [str(coded)]):
                data = base64.b64decode(coded[: 2 * LONGEST])
                said = data.decode("utf-8", "surrogatepass") if tag == "str" else data
                yield self._told(repr(said))
            case "int", [str(digits)]:
                number = int(digits, 16)
                # Very many decimal digits Python refuses to give.
                yield self._told(str(number) if len(digits) < 500 else f"{number:#x}")
            case "leaf", [int(number)]:
                yield self._told(f"<{self._leaf(number)}>")
            case (("float" | "Decimal" | "UUID" | "date" | "datetime" | "time"), [text, *_]):
                yield self._told(str(text) if tag == "float" else f"{tag}({text!r})")
            case "numpy", [str(), value] if value is not None:
                yield self._told(str(value))
            case (("numpy" | "pandas"), _) if known := _scalar(tag, rest):
                yield self._told(known)
            case _:
                yield from self._inside(f"{tag}(", (("", "", one) for one in rest), ")")

    def _pairs(self, pairs: list[Any]) -> Iterator[tuple[str, str, Any]]:
        for key, value in pairs:
            yield "".join(self.value(key)), ": ", value

    def _class(self, tag: str, name: str, rest: list[Any]) -> Iterator[str]:
        short = name.rpartition(":")[2]
        match tag, rest:
            case "enum", [str(member)]:
                yield self._told(f"{short}.{member}")
            case "object", [list(pairs)]:
                yield from self._inside(f"{short}(", ((k, "=", v) for k, v in pairs), ")")
            case "namedtuple", [list(names), list(values)]:
                inner = ((k, "=", v) for k, v in zip(names, values, strict=True))
                yield from self._inside(f"{short}(", inner, ")")
            case "model", [dict(state)]:
                fields = state.get("__dict__") or {}
                yield from self._inside(f"{short}(", ((k, "=", v) for k, v in fields.items()), ")")
            case _:
                yield self._told(short)

    def _leaf(self, number: int) -> str:
        part, index = self._leaves[number]
        return said_of(self._parts[part]) if index is None else "pickled"


def _scalar(tag: str, rest: list[Any]) -> str:
    """A number, text or moment of NumPy or pandas; "" if this cannot be told here."""
    try:
        value: Any = untree.loads(msgspec.json.encode({"$": [tag, *rest]}), lambda number: "")
    except (ImportError, ArithmeticError, LookupError, TypeError, ValueError):
        return ""
    is_text = tag == "numpy" and value.dtype.kind in "US"
    return repr(value.item()) if is_text else str(value)


def said_of(part: Mapping[str, Any]) -> str:
    """A part in a few words: "ndarray 5 × 2"."""
    meta = part.get("meta") or {}
    if part["serializer"] == "path":
        return str(meta.get("name") or meta.get("path"))
    shape = meta.get("shape") or ([meta["rows"]] if "rows" in meta else [])
    return f"{str(part['type']).rpartition(':')[2]} {' × '.join(map(str, shape))}".strip()


# ---- others


def _stream(manifest: Manifest, files: Files) -> Preview:
    """Its first items, one a line."""
    lines: list[str] = []
    for part, batch, inside in first_frames(files):
        data = next((data for name, data in inside.items() if name == "value.json"), None)
        if data is None or part.unsafe:
            about = msgspec.to_builtins(part)
            lines.append(said_of(about) + (", pickled" if part.unsafe else ""))
        elif not batch:
            lines.append(_json(data, part.meta)[0])
        else:
            items = msgspec.json.decode(data)
            said = (_Said((), ()) for _ in items)
            lines += ["".join(one.value(item)) for one, item in zip(said, items, strict=True)]
        if len(lines) >= ITEMS:
            break
    count = int(manifest.meta.get("count", len(lines)))
    return Preview(text="\n".join(lines[:ITEMS]), more=count > min(len(lines), ITEMS))


def _paths(manifest: Manifest, files: Files, picture: str) -> Preview:
    if "path" in manifest.meta:
        return Preview(text=str(manifest.meta["path"]))
    rows = tuple((file.name, f"{file.size:,}") for file in manifest.files[: 3 * ROWS])
    more = len(manifest.files) > len(rows)
    if len(manifest.files) == 1 and not picture:
        text = _text(_head(files[manifest.files[0].name]))
        return Preview(columns=("file", "bytes"), rows=rows, text=text, more=more)
    return Preview(columns=("file", "bytes"), rows=rows, picture=picture, more=more)


def _text(data: bytes) -> str:
    """The first lines of a file, if it is one of text."""
    try:
        text = data[: READ - 4].decode() if len(data) < READ else data.decode(errors="replace")
    except UnicodeDecodeError:
        return ""
    if "\0" in text:
        return ""
    return "\n".join(text.splitlines()[:ROWS])[:LONGEST]


def _noted(manifest: Manifest) -> str:
    """What the serializer noted of it, one fact a line."""
    plain = {
        name: value
        for name, value in manifest.meta.items()
        if (
            name != "shape"  # which is told of every artifact
            and isinstance(value, str | int | float)
        )
        or (
            name != "shape"
            and isinstance(value, list)
            and all(isinstance(one, str | int | float) for one in value)
        )
    }
    return "\n".join(f"{name}: {_fact(value)}" for name, value in plain.items())[:LONGEST]


def _fact(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return ", ".join(map(str, value[:ROWS])) if isinstance(value, list) else str(value)


def _head(file: Path | bytes) -> bytes:
    """The beginning of a file: all of it, unless it is large."""
    with io.BytesIO(file) if isinstance(file, bytes) else open(file, "rb") as opened:
        return opened.read(READ)
