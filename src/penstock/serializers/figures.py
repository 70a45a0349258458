"""Figures of matplotlib: a picture for everybody, and the figure itself, pickled, for those who trust it.

matplotlib's own way to keep a figure is to pickle it. The picture beside it can be looked at without
running code. A figure's content is what it shows and the data that it was drawn from: two pickles
of one figure differ.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.core import unsafe
from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.ports import Encoded, Family, Files
from penstock.core.records import Manifest
from penstock.core.walk import digest_plain, unfold
from penstock.errors import SerializationError
from penstock.serializers.pickle import read

FILE, PICTURE = "figure.pickle", "picture.png"


@dataclass(frozen=True)
class Figures:
    """`Figure`, and an `Axes` with the figure that it stands in."""

    name: str = field(default="matplotlib", init=False)
    walked: bool = field(default=False, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Figures:
        return Figures(family)

    def accepts(self, value: object) -> bool:
        figures, axes = sys.modules.get("matplotlib.figure"), sys.modules.get("matplotlib.axes")
        return (figures is not None and isinstance(value, figures.Figure)) or (
            axes is not None and isinstance(value, axes.Axes) and value.get_figure() is not None
        )

    def encode(self, value: Any, files: Files) -> Encoded:
        figure = _figure(value)
        picture = _picture(figure)
        with files.create(PICTURE, len(picture)) as file:
            file.write(picture)
        with files.create(FILE) as file, _unmanaged(figure):
            unsafe.dump(value, file)
        meta = {
            "matplotlib": sys.modules["matplotlib"].__version__,
            "shape": [round(length * figure.dpi) for length in figure.get_size_inches()],
            "titles": [text for axes in figure.axes if (text := axes.get_title())],
        }
        return Encoded(meta, self._content(figure, picture), unsafe=True)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        return read(FILE, manifest, files, self.family)

    def digest(self, value: Any) -> str:
        figure = _figure(value)
        return self._content(figure, _picture(figure))

    def _content(self, figure: Any, picture: bytes) -> str:
        data = list(_data(figure))
        inner = digest_plain(data, unfold) if self.family is None else self.family.digest(data)
        return digest_struct("figure", digest_bytes(picture), inner)


def _figure(value: Any) -> Any:
    """The outermost one: a part of a figure is drawn with all of it."""
    figure = value if hasattr(value, "savefig") else value.get_figure()
    while getattr(figure, "figure", figure) is not figure:
        figure = figure.figure
    return figure


def _picture(figure: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        # Without the name of the program, which has its version in it.
        figure.savefig(buffer, format="png", dpi=figure.dpi, metadata={"Software": None})
    except Exception as error:  # the user's own code: formatters, callbacks, TeX
        raise SerializationError(
            f"a figure cannot be drawn: {type(error).__name__}: {error}",
            hint="Does `figure.savefig(…)` work where the step runs?",
        ) from error
    return buffer.getvalue()


@contextmanager
def _unmanaged(figure: Any) -> Iterator[None]:
    """Without its window: whoever reads it back opens none, and pyplot does not count it."""
    manager, figure.canvas.manager = figure.canvas.manager, None
    try:
        yield
    finally:
        figure.canvas.manager = manager


def _data(figure: Any) -> Iterator[object]:
    """What lines, points, pictures, patches and texts were drawn from: a pixel is coarser than that."""
    for axes in figure.axes:
        for line in axes.lines:
            yield line.get_xydata()
        for points in axes.collections:
            yield points.get_offsets()
            yield points.get_array()
        for image in axes.images:
            yield image.get_array()
        for patch in axes.patches:
            yield patch.get_path().vertices
            yield patch.get_patch_transform().get_matrix()
        for text in axes.texts:
            yield text.get_text()
