"""Where the boxes of a diagram stand: in layers from top to bottom, with few crossings.

The method of Sugiyama, Tagawa and Toda (1981) in its plain form: layers by the longest path, order
by barycentres, positions that pull boxes towards their neighbours. What is inside of a box is laid
out first, on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from penstock.views.diagram import Box, Diagram, Kind
from penstock.views.words import cells, fit

LETTER, SMALL = 6.7, 5.7
"""Width of a letter of a label, and of a note, about."""
LABEL, NOTE = 30, 38
"""Characters of a label, of a note."""
HEIGHT, TALL = 28.0, 42.0
"""Of a box, without and with a note."""
ACROSS, DOWN = 22.0, 34.0
"""Between boxes of a layer, and between layers."""
INSIDE, TITLE = 14.0, 26.0
"""Around what is inside of a box, and above it."""
SWEEPS = 6

Point = tuple[float, float]


@dataclass(slots=True)
class Placed:
    """A box with its place. `x`, `y` are its upper left corner."""

    box: Box
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inner: Layout | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow through its points; each pair of them stands on one layer."""

    points: tuple[Point, ...]
    kind: Kind


@dataclass(slots=True)
class Layout:
    width: float
    height: float
    boxes: list[Placed] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class _Spot:
    """A box, or where a long arrow passes a layer."""

    width: float
    height: float
    rank: int
    placed: Placed | None = None
    above: list[_Spot] = field(default_factory=list)
    below: list[_Spot] = field(default_factory=list)
    place: float = 0.0
    """In the order of its layer."""
    x: float = 0.0
    """Of its middle."""


def layout(drawn: Diagram) -> Layout:
    """All of it, and what is inside."""
    placed = {box.id: _sized(box) for box in drawn.boxes}
    ranks = _ranks(drawn)
    spots = {id: _Spot(one.width, one.height, ranks[id], one) for id, one in placed.items()}
    layers: list[list[_Spot]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for spot in spots.values():
        layers[spot.rank].append(spot)
    chains = [
        (_chain(spots[edge.source], spots[edge.target], layers), edge.kind) for edge in drawn.edges
    ]
    _order(layers)
    _spread(layers)
    tops, bottom = _tops(layers)
    left = min((s.x - s.width / 2 for layer in layers for s in layer), default=0.0)
    right = max((s.x + s.width / 2 for layer in layers for s in layer), default=0.0)
    for spot in spots.values():
        assert spot.placed is not None
        spot.placed.x, spot.placed.y = spot.x - left - spot.width / 2, tops[spot.rank]
    lines = [Line(_points(chain, tops, layers, left), kind) for chain, kind in chains]
    return Layout(right - left, bottom, [*placed.values()], lines)


def _sized(box: Box) -> Placed:
    label = cells(fit(box.label, LABEL)) * LETTER + 44
    note = cells(fit(box.note, NOTE)) * SMALL + 24 if box.note else 0.0
    width = max(label, note, 84.0)
    if box.inner is None:
        return Placed(box, width, TALL if box.note else HEIGHT)
    inner = layout(box.inner)
    title = TITLE + (14.0 if box.note else 0.0)
    return Placed(
        box,
        max(width, inner.width + 2 * INSIDE),
        inner.height + title + INSIDE,
        inner=inner,
    )


# ---- layers


def _ranks(drawn: Diagram) -> dict[str, int]:
    """The longest path from above; what nothing leads to stands close to what it leads to."""
    ranks = dict.fromkeys((box.id for box in drawn.boxes), 0)
    outgoing: dict[str, list[str]] = {box.id: [] for box in drawn.boxes}
    incoming: dict[str, list[str]] = {box.id: [] for box in drawn.boxes}
    for edge in drawn.edges:
        outgoing[edge.source].append(edge.target)
        incoming[edge.target].append(edge.source)
    for box in drawn.boxes:
        for source in incoming[box.id]:
            ranks[box.id] = max(ranks[box.id], ranks[source] + 1)
    for box in reversed(drawn.boxes):
        if not incoming[box.id] and outgoing[box.id]:
            ranks[box.id] = min(ranks[target] for target in outgoing[box.id]) - 1
    lowest = min(ranks.values(), default=0)
    return {id: rank - lowest for id, rank in ranks.items()}


def _chain(source: _Spot, target: _Spot, layers: Sequence[list[_Spot]]) -> list[_Spot]:
    """From layer to layer: a spot of its own in each that the arrow passes."""
    chain = [source]
    for rank in range(source.rank + 1, target.rank):
        spot = _Spot(2.0, 0.0, rank)
        layers[rank].append(spot)
        chain.append(spot)
    chain.append(target)
    for upper, lower in pairwise(chain):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def _order(layers: Sequence[list[_Spot]]) -> None:
    for layer in layers:
        _number(layer)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            middles = {}
            for spot in layer:
                beside = spot.above if down else spot.below
                middles[id(spot)] = (
                    sum(one.place for one in beside) / len(beside) if beside else spot.place
                )
            layer.sort(key=lambda spot: middles[id(spot)])
            _number(layer)


def _number(layer: Sequence[_Spot]) -> None:
    # As shares of the layer: layers of different length compare.
    for n, spot in enumerate(layer):
        spot.place = (n + 0.5) / len(layer)


# ---- positions


def _spread(layers: Sequence[list[_Spot]]) -> None:
    """Each box as near to the middle of its neighbours as the others of its layer allow."""
    for layer in layers:
        x = -sum(spot.width + ACROSS for spot in layer) / 2
        for spot in layer:
            spot.x = x + spot.width / 2
            x += spot.width + ACROSS
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wanted = []
            for spot in layer:
                beside = (spot.above if down else spot.below) or [spot]
                wanted.append(sum(one.x for one in beside) / len(beside))
            for spot, x in zip(layer, _apart(layer, wanted), strict=True):
                spot.x = x


def _apart(layer: Sequence[_Spot], wanted: Sequence[float]) -> list[float]:
    """The nearest positions in this order that do not overlap: pool adjacent violators."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (left.width + right.width) / 2 + ACROSS)
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        blocks.append((want - offset, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    flat = [value for value, count in blocks for _ in range(count)]
    return [value + offset for value, offset in zip(flat, offsets, strict=True)]


def _tops(layers: Sequence[Sequence[_Spot]]) -> tuple[list[float], float]:
    tops, y = [], 0.0
    for layer in layers:
        tops.append(y)
        y += max(spot.height for spot in layer) + DOWN
    return tops, max(y - DOWN, 0.0)


def _points(
    chain: Sequence[_Spot], tops: Sequence[float], layers: Sequence[Sequence[_Spot]], left: float
) -> tuple[Point, ...]:
    first, last = chain[0], chain[-1]
    points = [(first.x - left, tops[first.rank] + first.height)]
    for spot in chain[1:-1]:
        height = max(one.height for one in layers[spot.rank])
        points += [(spot.x - left, tops[spot.rank]), (spot.x - left, tops[spot.rank] + height)]
    points.append((last.x - left, tops[last.rank]))
    return tuple(points)


def places(of: Layout) -> Mapping[str, Placed]:
    """The boxes of this layout by id."""
    return {one.box.id: one for one in of.boxes}
