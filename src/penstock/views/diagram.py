"""A diagram: the boxes and arrows of a graph, few enough to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal as OneOf

from penstock.core.graph import (
    Build,
    Expr,
    FirstOf,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
    StepNode,
    references,
)
from penstock.views.words import cut

ALIKE = 6
"""Boxes that are alike in function and neighbours are one from so many on."""
MOST = 80
"""Boxes of a diagram, those inside of others counted."""
ROUNDS = 4
"""How far neighbours of neighbours tell boxes apart."""
RESULT = "\0result"

Kind = OneOf["data", "guard", "order"]


@dataclass(frozen=True, slots=True)
class Mark:
    """What a run adds to a step: how it went."""

    status: str
    note: str = ""
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """A step, or a pipeline with its own diagram inside."""

    id: str
    label: str
    kind: str = ""
    """Boxes of one kind are of the same function."""
    note: str = ""
    tip: str = ""
    status: str = ""
    many: bool = False
    """It stands for several calls."""
    guarded: bool = False
    inner: Diagram | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    kind: Kind = "data"


@dataclass(frozen=True, slots=True)
class Diagram:
    """Boxes in an order in which they could run. Edges go forward only."""

    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]

    @property
    def size(self) -> int:
        return sum(1 + (box.inner.size if box.inner else 0) for box in self.boxes)


def diagram(graph: Graph, marks: Mapping[str, Mark] | None = None) -> Diagram:
    """Of a graph; `marks` by full id say how its steps went. At most `MOST` boxes, about."""
    whole = _drawn(graph, "", marks or {}, result=True)
    drawn = _gathered(whole)
    if drawn.size > MOST:
        # What is inside of pipelines is the first that nobody misses.
        closed = (replace(box, inner=None, many=True) if box.inner else box for box in drawn.boxes)
        drawn = replace(drawn, boxes=tuple(closed))
    if drawn.size > MOST:
        drawn = _merged(drawn, {box.id: box.kind for box in drawn.boxes})
    return _first(drawn) if drawn.size > MOST else drawn


# ---- from the graph


def _drawn(graph: Graph, prefix: str, marks: Mapping[str, Mark], *, result: bool) -> Diagram:
    boxes: list[Box] = []
    edges: list[Edge] = []
    for node in graph.nodes:
        boxes.append(_box(node, prefix, marks))
        edges += _edges(node)
    names = {node.id for node in graph.nodes}
    given = {reference.node for reference in references(graph.outputs)} & names
    if result and given:
        boxes.append(Box(RESULT, "result", RESULT))
        edges += [Edge(name, RESULT) for name in sorted(given)]
    known = [edge for edge in edges if edge.source in names]
    return Diagram(tuple(boxes), tuple(dict.fromkeys(known)))


def _box(node: Node, prefix: str, marks: Mapping[str, Mark]) -> Box:
    id = prefix + node.id
    guarded = node.when is not None
    notes = [f"when {words(node.when)}" if node.when is not None else ""]
    if node.each is not None:
        notes.insert(0, "for each " + ", ".join(node.each.names))
    note = "; ".join(filter(None, notes))
    inputs = "".join(f"\n{name} = {words(source)}" for name, source in node.inputs.items())
    match node:
        case GraphNode(graph=graph):
            inner = _drawn(graph, id + "/", marks, result=False)
            tip = f"pipeline {graph.ref or graph.name}{inputs}"
            return Box(
                node.id, node.id, "graph:" + (graph.ref or graph.name), note, tip,
                many=node.each is not None, guarded=guarded, inner=inner,
            )  # fmt: skip
        case StepNode():
            mark = marks.get(id)
            tip = f"{node.role or 'step'} {node.ref}{inputs}"
            status = mark.status if mark is not None else ""
            if mark is not None:
                note = mark.note
                tip = f"{mark.status}: {mark.tip}\n{tip}" if mark.tip else f"{mark.status}\n{tip}"
            return Box(
                node.id, node.id, "step:" + node.ref, note, tip, status,
                many=node.each is not None, guarded=guarded,
            )  # fmt: skip


def _edges(node: Node) -> Iterator[Edge]:
    for source in node.inputs.values():
        for reference in references(source):
            yield Edge(reference.node, node.id)
    if node.when is not None:
        for reference in references(node.when):
            yield Edge(reference.node, node.id, "guard")
    for name in node.after:
        yield Edge(name, node.id, "order")


SIGNS: Mapping[str, str] = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "and_": "and", "or_": "or",
    "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!=",
}  # fmt: skip


def words(source: Input) -> str:
    """Where an argument comes from, as people would write it."""
    match source:
        case Literal(value=value):
            return cut(repr(value), 60)
        case ParamRef(name=name):
            return name
        case OutputRef(node=node, output=output, path=path):
            steps = "".join(
                f".{one.name}" if one.kind == "attribute" else f"[{one.name!r}]" for one in path
            )
            return f"{node}{f'.{output}' if output else ''}{steps}"
        case FirstOf(options=options):
            return f"either({', '.join(map(words, options))})"
        case SecretRef(name=name):
            return f"secret {name}"
        case SourceRef(address=address):
            return address
        case Build(kind=kind, items=items):
            return f"{kind} of {len(items)}" if len(items) > 4 else ", ".join(map(words, items))
        case Expr(op="not_", operands=(operand,)):
            return f"not {words(operand)}"
        case Expr(op=op, operands=(first, second)) if op in SIGNS:
            return f"{words(first)} {SIGNS[op]} {words(second)}"
        case Expr(op=op, operands=operands):
            return f"{op}({', '.join(map(words, operands))})"


# ---- fewer


def _gathered(drawn: Diagram) -> Diagram:
    """Boxes that are alike become one, here and inside."""
    boxes = tuple(replace(b, inner=_gathered(b.inner)) if b.inner else b for b in drawn.boxes)
    drawn = replace(drawn, boxes=boxes)
    if len(boxes) < ALIKE:
        return drawn
    before: dict[str, list[str]] = {box.id: [] for box in boxes}
    after: dict[str, list[str]] = {box.id: [] for box in boxes}
    for edge in drawn.edges:
        before[edge.target].append(edge.source)
        after[edge.source].append(edge.target)
    class_of: dict[str, int] = _numbered({box.id: box.kind for box in boxes})
    for _ in range(ROUNDS):
        class_of = _numbered(
            {
                id: (own, _classes(before[id], class_of), _classes(after[id], class_of))
                for id, own in class_of.items()
            }
        )
    sizes: dict[int, int] = {}
    for number in class_of.values():
        sizes[number] = sizes.get(number, 0) + 1
    alike = {
        id: f"class {number}" if sizes[number] >= ALIKE else id for id, number in class_of.items()
    }
    return _merged(drawn, alike)


def _numbered(keys: Mapping[str, object]) -> dict[str, int]:
    numbers: dict[object, int] = {}
    return {id: numbers.setdefault(key, len(numbers)) for id, key in keys.items()}


def _classes(ids: Iterable[str], class_of: Mapping[str, int]) -> frozenset[int]:
    return frozenset(class_of[id] for id in ids)


def _merged(drawn: Diagram, group_of: Mapping[str, str]) -> Diagram:
    """One box for each group. An edge that would go back is left out."""
    groups: dict[str, list[Box]] = {}
    for box in drawn.boxes:
        groups.setdefault(group_of[box.id], []).append(box)
    boxes = {name: _one(members) for name, members in groups.items()}
    place = {box.id: n for n, box in enumerate(boxes.values())}
    edges: dict[Edge, None] = {}
    for edge in drawn.edges:
        source, target = boxes[group_of[edge.source]].id, boxes[group_of[edge.target]].id
        if place[source] < place[target]:
            edges[Edge(source, target, edge.kind)] = None
    return Diagram(tuple(boxes.values()), tuple(edges))


def _one(members: list[Box]) -> Box:
    first = members[0]
    if len(members) == 1:
        return first
    counts: dict[str, int] = {}
    for box in members:
        if box.status:
            counts[box.status] = counts.get(box.status, 0) + 1
    status = next((s for s in ("failed", "running", "cancelled", "done") if s in counts), "")
    note = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    return replace(
        first,
        label=f"{first.label.rstrip('0123456789').rstrip('-') or first.label} × {len(members):,}",
        note=note,
        tip=f"{len(members):,} of {first.kind.partition(':')[2]}",
        status=status or next(iter(counts), ""),
        many=True,
    )


def _first(drawn: Diagram) -> Diagram:
    kept = drawn.boxes[:MOST]
    ids = {box.id for box in kept}
    rest = Box("\0rest", f"… and {len(drawn.boxes) - MOST:,} more", "rest")
    edges = (edge for edge in drawn.edges if edge.source in ids and edge.target in ids)
    return Diagram((*kept, rest), tuple(edges))
