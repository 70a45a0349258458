"""What differs between two specs: steps, wiring, parameters, settings; not how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal as OneOf

from msgspec import Struct

from penstock.core.graph import Graph, GraphNode, Input, Literal, Node, StepNode
from penstock.spec.layout import in_line, shape, value_shape
from penstock.spec.printer import options

Kind = OneOf["added", "removed", "changed", "renamed"]


class Difference(Struct, frozen=True):
    """One thing that differs. `path` names it: ("steps", "fit", "inputs", "depth")."""

    path: tuple[str, ...]
    kind: Kind
    before: str = ""
    after: str = ""


def difference(before: Graph, after: Graph) -> list[Difference]:
    """In the order of the files. Nothing if they are one pipeline with the same values."""
    found: list[Difference] = []
    if before.name != after.name:
        found.append(Difference(("pipeline",), "changed", before.name, after.name))
    found += _words(("parameters",), _params(before, fixed=False), _params(after, fixed=False))
    found += _words(("fixed",), _params(before, fixed=True), _params(after, fixed=True))
    found += _graphs((), before, after)
    return found


def _params(graph: Graph, *, fixed: bool) -> dict[str, str]:
    return {
        param.name: _text(graph.arguments[param.name])
        if param.name in graph.arguments
        else "= required"
        for param in graph.params
        if param.structural is fixed
    }


def _graphs(path: tuple[str, ...], before: Graph, after: Graph) -> Iterator[Difference]:
    old = {node.id: node for node in before.nodes}
    new = {node.id: node for node in after.nodes}
    renamed = dict(_renamed(old, new))
    for id in [*old, *(id for id in new if id not in old)]:
        here = (*path, "steps", id)
        if id in old and id in new:
            yield from _nodes(here, old[id], new[id])
        elif id in renamed:
            yield Difference(here, "renamed", id, renamed[id])
        elif id in old:
            yield Difference(here, "removed", before=_what(old[id]))
        elif id not in renamed.values():
            yield Difference(here, "added", after=_what(new[id]))
    kept = [id for id in old if id in new]
    if kept != [id for id in new if id in old]:
        both = (", ".join(ids) for ids in (kept, [id for id in new if id in old]))
        yield Difference((*path, "order"), "changed", *both)
    yield from _words(path, {"returns": _text(before.outputs)}, {"returns": _text(after.outputs)})


def _renamed(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    """Steps that have gone, and come under another name: all of them but the name is the same."""
    came = [id for id in new if id not in old]
    for id in old:
        if id not in new:
            alike = next((one for one in came if _same(old[id], new[one])), None)
            if alike is not None:
                came.remove(alike)
                yield id, alike


def _same(old: Node, new: Node) -> bool:
    return type(old) is type(new) and _what(old) == _what(new) and _parts(old) == _parts(new)


def _nodes(path: tuple[str, ...], old: Node, new: Node) -> Iterator[Difference]:
    yield from _words(path, {_kind(old): _what(old)}, {_kind(new): _what(new)})
    ours, theirs = _parts(old), _parts(new)
    both = _defaults(old).keys() & _defaults(new).keys()
    for name in both:
        # Left to its default on both sides: the default itself may have changed.
        ours["inputs"][name], theirs["inputs"][name] = _defaults(old)[name], _defaults(new)[name]
    for title in ours:
        yield from _words((*path, title), ours[title], theirs[title])
    match old, new:
        case GraphNode(graph=before), GraphNode(graph=after):
            yield from _graphs(path, before, after)


def _kind(node: Node) -> str:
    return "step" if isinstance(node, StepNode) else "pipeline"


def _what(node: Node) -> str:
    return node.ref if isinstance(node, StepNode) else node.graph.ref or node.graph.name


def _parts(node: Node) -> dict[str, dict[str, str]]:
    """Wiring and settings, in the words of the file."""
    each = node.each
    zipped, crossed = (each.zipped, each.crossed) if each is not None else ((), ())
    defaulted = _defaults(node)
    texts = {name: _text(source) for name, source in node.inputs.items() if name not in defaulted}
    settings: dict[str, str] = {}
    if each is not None and each.collect:
        settings["collect"] = "true"
    if node.when is not None:
        settings["when"] = _text(node.when)
    if node.after:
        settings["after"] = ", ".join(sorted(node.after))
    if isinstance(node, StepNode):
        settings |= {name: in_line(value_shape(value)) for name, value in options(node).items()}
    return {
        "inputs": {n: text for n, text in texts.items() if n not in (*zipped, *crossed)},
        "each": {name: texts[name] for name in zipped},
        "cross": {name: texts[name] for name in crossed},
        "settings": settings,
    }


def _defaults(node: Node) -> dict[str, str]:
    names = node.defaulted if isinstance(node, StepNode) else ()
    return {name: _text(node.inputs[name]) for name in names}


def _words(
    path: tuple[str, ...], before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Difference]:
    for name in dict.fromkeys((*before, *after)):
        here = (*path, name)
        if name not in after:
            yield Difference(here, "removed", before=before[name])
        elif name not in before:
            yield Difference(here, "added", after=after[name])
        elif before[name] != after[name]:
            yield Difference(here, "changed", before[name], after[name])


def _text(source: Input) -> str:
    if isinstance(source, Literal) and source.value is None:
        return "null"
    return in_line(shape(source))
