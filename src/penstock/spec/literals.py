"""The plain values of a graph, wherever they stand in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from penstock.core.graph import Build, Expr, FirstOf, Graph, GraphNode, Input, Literal, Node

Change = Callable[[Literal], Literal]
Remake = Callable[[Build], Build]


def with_literals(graph: Graph, change: Change) -> Graph:
    """The graph with each of its literals changed."""
    nodes = tuple(_changed(node, change) for node in graph.nodes)
    given = {name: changed_input(one, change) for name, one in graph.arguments.items()}
    return replace(
        graph, nodes=nodes, outputs=changed_input(graph.outputs, change), arguments=given
    )


def _changed(node: Node, change: Change) -> Node:
    inputs = {name: changed_input(one, change) for name, one in node.inputs.items()}
    when = None if node.when is None else changed_input(node.when, change)
    if isinstance(node, GraphNode):
        return replace(node, inputs=inputs, when=when, graph=with_literals(node.graph, change))
    return replace(node, inputs=inputs, when=when)


def changed_input(source: Input, change: Change, remake: Remake = lambda whole: whole) -> Input:
    """The input with each of its literals changed, then each container that has them inside."""
    match source:
        case Literal():
            return change(source)
        case Build(kind=kind, items=items, keys=keys):
            if kind == "dict" and not all(type(key) is str for key in keys):
                keys = tuple(change(Literal(key, "")).value for key in keys)
            changed = tuple(changed_input(item, change, remake) for item in items)
            return remake(replace(source, items=changed, keys=keys))
        case FirstOf(options=options):
            return FirstOf(tuple(changed_input(option, change, remake) for option in options))
        case Expr(op=op, operands=operands):
            return Expr(op, tuple(changed_input(operand, change, remake) for operand in operands))
        case _:
            return source


def literals(graph: Graph) -> Iterator[Literal]:
    """Each literal of the graph."""
    for node in graph.nodes:
        for source in node.inputs.values():
            if type(source) is Literal:
                yield source
            else:
                yield from within(source)
        if node.when is not None:
            yield from within(node.when)
        if type(node) is GraphNode:
            yield from literals(node.graph)
    yield from within(graph.outputs)
    for source in graph.arguments.values():
        yield from within(source)


def within(source: Input) -> Iterator[Literal]:
    """Each literal of an input."""
    match source:
        case Literal():
            yield source
        case Build(items=inner) | Expr(operands=inner) | FirstOf(options=inner):
            if isinstance(source, Build) and source.kind == "dict":
                # A key is a value as others are: an Enum's member, say.
                yield from (Literal(key, "") for key in source.keys if type(key) is not str)
            for one in inner:
                yield from within(one)
