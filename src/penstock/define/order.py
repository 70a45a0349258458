"""The nodes of a graph in an order in which they could run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from penstock.core.graph import Node, references
from penstock.core.place import near
from penstock.errors import DefinitionError


def ordered(
    nodes: Sequence[Node], named: Mapping[str, tuple[str, ...]], lines: Mapping[str, str]
) -> tuple[Node, ...]:
    """The nodes in the order of their calls, but for what `.after("name")` turns round.

    A promise comes before what uses it, so only names can make a circle. Raises DefinitionError.
    """
    if not named:
        return tuple(nodes)
    known = {node.id: _with_after(node, named, lines) for node in nodes}
    done: dict[str, Node] = {}
    for id in known:
        _visit(id, known, done, lines)
    return tuple(done.values())


def _with_after(node: Node, named: Mapping[str, tuple[str, ...]], lines: Mapping[str, str]) -> Node:
    for name in named.get(node.id, ()):
        if name not in lines:
            raise DefinitionError(
                f"'{node.id}' runs after '{name}', which is no step ({node.source_line})",
                hint=near(name, lines),
            )
    return replace(node, after=(*node.after, *named.get(node.id, ())))


def _visit(
    start: str, nodes: Mapping[str, Node], done: dict[str, Node], lines: Mapping[str, str]
) -> None:
    # By hand, as a chain of steps may be longer than Python's stack.
    path: dict[str, list[str]] = {}
    here = start
    while True:
        if here not in done and here not in path:
            path[here] = _needs(nodes[here])
        waiting = path.get(here, [])
        step = next((need for need in waiting if need not in done), None)
        if step is None:
            if here in path:
                del path[here]
                done[here] = nodes[here]
            if not path:
                return
            here = next(reversed(path))
        elif step in path:
            circle = [*list(path)[list(path).index(step) :], step]
            told = " -> ".join(f"'{id}' ({lines[id]})" for id in circle)
            # Of code only `.after` can do it; of a file, what a step takes.
            turned = any(nodes[id].after for id in circle)
            raise DefinitionError(
                f"these steps wait for each other: {told}",
                hint="Remove one `.after`." if turned else "Let one of them take something else.",
            )
        else:
            here = step


def _needs(node: Node) -> list[str]:
    sources = [*node.inputs.values()] + ([node.when] if node.when is not None else [])
    return [*node.after, *(ref.node for source in sources for ref in references(source))]
