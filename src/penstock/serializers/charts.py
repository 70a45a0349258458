"""Figures of plotly: their traces, layout and frames as data, every array as it is; never a pickle of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from penstock.core.digest import digest_struct
from penstock.core.ports import Encoded, Family, Files, Part
from penstock.core.records import Manifest
from penstock.errors import SerializationError
from penstock.serializers.parts import read_part

PREFIX = "figure/"
KINDS = ("Figure", "FigureWidget")


class Objects(NamedTuple):
    """An array of texts or other objects, which NumPy would pickle."""

    shape: tuple[int, ...]
    items: list[Any]


@dataclass(frozen=True)
class Charts:
    name: str = field(default="plotly", init=False)
    walked: bool = field(default=False, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Charts:
        return Charts(family)

    def accepts(self, value: object) -> bool:
        module = sys.modules.get("plotly.basedatatypes")
        return (
            module is not None
            and isinstance(value, module.BaseFigure)
            and type(value).__module__.startswith("plotly.")
            and type(value).__name__ in KINDS
        )

    def encode(self, value: Any, files: Files) -> Encoded:
        parts = _parts(value)
        part = self._joined().write(parts, files, PREFIX)
        meta = {
            "kind": type(value).__name__,
            "traces": [trace.type for trace in value.data],
            "titles": [text for text in [value.layout.title.text] if text],
            "part": msgspec.to_builtins(part),
        }
        return Encoded(meta, self._content(value, parts), part.unsafe)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        from plotly import graph_objects

        part = msgspec.convert(manifest.meta["part"], Part)
        parts = _unpacked(read_part(self._joined(), part, PREFIX, manifest, files))
        return getattr(graph_objects, manifest.meta["kind"])(**parts)

    def digest(self, value: Any) -> str:
        return self._content(value, _parts(value))

    def _content(self, value: Any, parts: dict[str, Any]) -> str:
        inner = self._joined().digest(_ordered(parts))
        return digest_struct("plotly", type(value).__name__, inner)

    def _joined(self) -> Family:
        if self.family is None:
            raise SerializationError(
                "the data of a figure need the other serializers",
                hint="Use it by way of a stack's artifacts, or of `joined`.",
            )
        return self.family


def _parts(value: Any) -> dict[str, Any]:
    """By way of its parts: the figure's own dict makes its integers as small as they can be."""
    return {
        "data": [_packed(trace.to_plotly_json()) for trace in value.data],
        "layout": _packed(value.layout.to_plotly_json()),
        "frames": [_packed(frame.to_plotly_json()) for frame in value.frames],
    }


def _packed(value: Any) -> Any:
    match value:
        case dict():
            return {key: _packed(item) for key, item in value.items()}
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(_packed(item) for item in value)
    if getattr(getattr(value, "dtype", None), "hasobject", False) and hasattr(value, "ravel"):
        return Objects(value.shape, value.ravel().tolist())
    return value


def _ordered(value: Any) -> Any:
    """By name: a copy of a figure has its attributes in another order."""
    match value:
        case dict():
            return {key: _ordered(value[key]) for key in sorted(value)}
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(_ordered(item) for item in value)
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, Objects):
        import numpy as np

        array = np.empty(value.shape, dtype=object)
        array.ravel()[:] = value.items
        return array
    match value:
        case dict():
            return {key: _unpacked(item) for key, item in value.items()}
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(_unpacked(item) for item in value)
    return value
