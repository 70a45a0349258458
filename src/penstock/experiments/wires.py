"""Wires: which step's output each input of a step takes, followed through nested pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from penstock.core.graph import (
    Build,
    Expr,
    FirstOf,
    Graph,
    GraphNode,
    Input,
    OutputRef,
    ParamRef,
    StepNode,
)

Wires = dict[str, dict[str, list["Wire"]]]
"""By the full id of a step and its parameter."""


def wired(graph: Graph) -> Wires:
    """Of all steps of a graph, those of nested pipelines too."""
    wires: Wires = {}
    _add(_Scope(graph, "", graph.arguments, None), wires)
    return wires


@dataclass(frozen=True, slots=True)
class Wire:
    """A node whose output an input takes; or where the input comes from outside."""

    node: str = ""
    output: str = ""
    outside: Input | None = None


def _add(scope: _Scope, wires: Wires) -> None:
    """The inputs of each step below, followed out of nested pipelines and into those that they take."""
    for node in scope.graph.nodes:
        match node:
            case StepNode():
                wires[scope.prefix + node.id] = {
                    name: list(scope.ends(source)) for name, source in node.inputs.items()
                }
            case GraphNode():
                _add(scope.inner[node.id], wires)


@dataclass(frozen=True)
class _Scope:
    graph: Graph
    prefix: str
    arguments: dict[str, Input]
    outer: _Scope | None

    @cached_property
    def inner(self) -> dict[str, _Scope]:
        """Nested pipelines, by their ids."""
        return {
            node.id: _Scope(node.graph, f"{self.prefix}{node.id}/", node.inputs, self)
            for node in self.graph.nodes
            if isinstance(node, GraphNode)
        }

    def ends(self, source: Input) -> Iterator[Wire]:
        match source:
            case OutputRef(node=id, output=output):
                if (inside := self.inner.get(id)) is not None:
                    yield from inside.ends(_part(inside.graph.outputs, output))
                else:
                    yield Wire(self.prefix + id, output)
            case ParamRef(name=name):
                bound = self.arguments.get(name)
                if bound is not None:
                    yield from (self.outer or self).ends(bound)
            case FirstOf(options=inner) | Build(items=inner) | Expr(operands=inner):
                for one in inner:
                    yield from self.ends(one)
            case _:
                yield Wire(outside=source)


def _part(outputs: Input, name: str) -> Input:
    """Of what a pipeline returns, one field."""
    if isinstance(outputs, Build) and name in outputs.keys:
        return outputs.items[outputs.keys.index(name)]
    return outputs
