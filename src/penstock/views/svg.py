"""A layout as SVG, in the colours of the form that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from penstock.views.colors import MARKS
from penstock.views.diagram import RESULT, Box, Diagram
from penstock.views.forms.parts import HUES, Html, html, tag
from penstock.views.layout import LABEL, NOTE, Layout, Line, Placed, layout
from penstock.views.words import fit

MARGIN = 4.0
WIDEST = 4000.0
"""Pixels: a wider drawing is made smaller."""


def svg(drawn: Diagram, title: str) -> Html:
    """The drawing. `title` is what a screen reader says."""
    found = layout(drawn)
    width, height = found.width + 2 * MARGIN, found.height + 2 * MARGIN
    scale = min(1.0, WIDEST / width)
    return tag(
        "svg",
        tag("title", title),
        *_drawing(found, MARGIN, MARGIN),
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width * scale:.0f}",
        height=f"{height * scale:.0f}",
    )


def _drawing(found: Layout, x: float, y: float) -> Iterator[Html]:
    for line in found.lines:
        yield from _arrow(line, x, y)
    for placed in found.boxes:
        yield _box(placed, x, y)


def _arrow(line: Line, x: float, y: float) -> Iterator[Html]:
    points = [(px + x, py + y) for px, py in line.points]
    # The last points of a line are the arrow's head.
    tip_x, tip_y = points[-1]
    points[-1] = (tip_x, tip_y - 5)
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for n, ((ax, ay), (bx, by)) in enumerate(pairwise(points)):
        middle = (ay + by) / 2
        if n % 2:
            path += f"L{bx:.1f} {by:.1f}"  # straight through a layer
        else:
            path += f"C{ax:.1f} {middle:.1f} {bx:.1f} {middle:.1f} {bx:.1f} {by:.1f}"
    dashes = {"guard": " dashed", "order": " order", "data": ""}[line.kind]
    yield tag("path", cls="edge" + dashes, d=path)
    head = f"M{tip_x:.1f} {tip_y:.1f}l-3.5 -6.5h7z"
    yield tag("path", cls="head", d=head)


def _box(placed: Placed, x: float, y: float) -> Html:
    box = placed.box
    left, top = placed.x + x, placed.y + y
    parts: list[Html] = []
    if box.tip:
        parts.append(tag("title", box.tip))
    look = "cluster" if box.inner is not None else "box" if box.status else "box plain"
    look += " dashed" if box.guarded else ""
    radius = placed.height / 2 if box.id == RESULT else 8 if box.inner is not None else 6
    if box.many:
        # Another sheet behind it.
        parts.append(_rectangle(left + 4, top - 4, placed, radius, look))
        parts.append(_ground(left, top, placed, radius))
    parts.append(_rectangle(left, top, placed, radius, look))
    parts += _texts(box, left, top, placed)
    if placed.inner is not None:
        inset = (placed.width - placed.inner.width) / 2
        deep = placed.height - placed.inner.height - 14.0
        parts += _drawing(placed.inner, left + inset, top + deep)
    hue = HUES.get(box.status, "")
    return tag("g", *parts, **({"style": f"--hue:{hue}"} if hue else {}))


def _rectangle(x: float, y: float, placed: Placed, radius: float, look: str) -> Html:
    return tag(
        "rect",
        cls=look,
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        width=f"{placed.width:.1f}",
        height=f"{placed.height:.1f}",
        rx=f"{radius:g}",
    )


def _ground(x: float, y: float, placed: Placed, radius: float) -> Html:
    return _rectangle(x, y, placed, radius, "ground")


def _texts(box: Box, left: float, top: float, placed: Placed) -> Iterator[Html]:
    mark = f"{MARKS[box.status]} " if box.status in MARKS else ""
    label = fit(box.label, LABEL)
    if box.inner is not None:
        yield _text(html(label), left + 10, top + 17, "start", "")
        if box.note:
            yield _text(html(fit(box.note, NOTE)), left + 10, top + 31, "start", "note")
        return
    middle = left + placed.width / 2
    base = top + (18 if box.note else placed.height / 2 + 4)
    yield _text(html(mark + label), middle, base, "middle", "")
    if box.note:
        yield _text(html(fit(box.note, NOTE)), middle, top + 33, "middle", "note")


def _text(words: Html, x: float, y: float, anchor: str, look: str) -> Html:
    given = {"text-anchor": anchor, "x": f"{x:.1f}", "y": f"{y:.1f}"}
    return tag("text", words, cls=look, **given)
