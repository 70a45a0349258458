"""A spec run as a pipeline: its values made, its parameters given, its code found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from penstock.config.coerce import coerce
from penstock.core.graph import (
    Definition,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    ParamRef,
    StepNode,
)
from penstock.core.naming import resolve
from penstock.core.place import near
from penstock.core.twins import numbered
from penstock.define.attach import Attached
from penstock.define.pipeline import Composed
from penstock.define.step import Step
from penstock.define.trace import Environment
from penstock.define.types import value_fits
from penstock.errors import ConfigError, PenstockError, UsageError
from penstock.spec.binding import bound
from penstock.spec.opening import opened_graph
from penstock.spec.reader import Spec, read_spec
from penstock.spec.values import OF_CODE

Where = Callable[[str], str]


@dataclass(frozen=True)
class Compiled:
    """A pipeline from a spec."""

    spec: Spec

    @property
    def name(self) -> str:
        return self.spec.graph.name

    @cached_property
    def graph(self) -> Graph:
        """The spec's graph with its values made. Raises ConfigError."""
        return opened_graph(self.spec)

    def arguments(self, given: Mapping[str, Any], where: Where = lambda name: "") -> dict[str, Any]:
        """Parameters from outside, of the types that the pipeline asks for.

        `where` begins a message with the place where a parameter was set. Raises UsageError.
        """
        free = {param.name for param in self.graph.params if not param.structural}
        for name in given:
            if name in self._fixed:
                raise UsageError(
                    f"{where(name)}'{name}' is fixed in '{self.spec.file}': steps were built from it",
                    hint=f"Compile it again: penstock compile {self._origin} -p {name}=…",
                )
            if name not in free:
                raise UsageError(
                    f"{where(name)}'{self.name}' has no parameter '{name}'", hint=near(name, free)
                )
        return {name: self._coerced(name, value, where(name)) for name, value in given.items()}

    def define(
        self, given: Mapping[str, Any], environment: Environment, logical_date: str
    ) -> Definition:
        """What a trace of the pipeline with these arguments would give. Raises ConfigError."""
        arguments = {
            **{
                name: source if name in self._fixed else self._own(name, source)
                for name, source in self.graph.arguments.items()
            },
            **{name: Literal(value, "") for name, value in given.items()},
        }
        missing = [
            param.name
            for param in self.graph.params
            if param.name not in arguments and not param.structural
        ]
        if missing:
            flags = " ".join(f"-p {name}=…" for name in missing)
            what = "', '".join(missing)
            raise UsageError(f"'{self.name}' needs a value for '{what}'", hint=f"Add {flags}")
        graph = bound(
            self.graph, arguments, environment.digest_value, logical_date, self.spec.place
        )
        attached = Attached(environment, logical_date, coerce, self.spec.place)
        made = attached.definition(graph)
        kept = with_code(self.graph, made.graph)
        written = replace(kept, arguments={n: graph.arguments[n] for n in arguments})
        return replace(made, graph=numbered(made.graph), written=written)

    @property
    def modules(self) -> Sequence[str]:
        """The modules that it names, each once."""
        return list(dict.fromkeys(ref.partition(":")[0] for ref in _refs(self.spec.graph)))

    @property
    def _origin(self) -> str:
        module, _, name = self.spec.graph.ref.partition(":")
        return f"{module.replace('.', '/')}.py:{name}" if name else "FILE.py:PIPELINE"

    @cached_property
    def _fixed(self) -> frozenset[str]:
        return frozenset(param.name for param in self.graph.params if param.structural)

    # ---- types of parameters

    def _own(self, name: str, source: Input) -> Input:
        """The file's own value, as the type that is asked for."""
        if not isinstance(source, Literal) or type(source.value) in OF_CODE:
            return source
        try:
            return replace(source, value=self._coerced(name, source.value, ""))
        except UsageError as error:
            place = self.spec.place("parameters", name)
            raise ConfigError(f"{place}: {error.message}", hint=error.hint) from None

    def _coerced(self, name: str, value: Any, place: str) -> Any:
        hint = self._hints.get(name, Any)
        # A mapping may stand for a dataclass; text of which nothing is known, for a number.
        more = isinstance(value, dict) or (isinstance(value, str) and hint is Any)
        if not more and value_fits(value, hint):
            return value
        try:
            return coerce(value, hint, name)
        except UsageError as error:
            raise UsageError(f"{place}{error.message}", hint=error.hint) from None

    @cached_property
    def _hints(self) -> Mapping[str, Any]:
        """What the pipeline's own annotations say, else those of the steps, else the file's value."""
        found: dict[str, Any] = {}
        for param in self.graph.params:
            own = self.graph.arguments.get(param.name)
            if isinstance(own, Literal) and own.value is not None:
                found[param.name] = type(own.value)
        for node, name, source in _uses(self.graph):
            if isinstance(source, ParamRef):
                step = _resolved(node.ref)
                if isinstance(step, Step) and name in step.callee.hints:
                    found[source.name] = step.callee.hints[name]
        pipeline = _resolved(self.spec.graph.ref)
        if isinstance(pipeline, Composed):
            found |= pipeline.callee.hints
        return found


def read(path: Path) -> Compiled:
    """The pipeline of a spec's file. Raises ConfigError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read '{path}': {error.strerror}") from None
    return Compiled(read_spec(data, str(path)))


def _refs(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        if isinstance(node, StepNode):
            yield node.ref
        else:
            yield from _refs(node.graph)


def _uses(graph: Graph) -> Iterator[tuple[StepNode, str, Input]]:
    """Where the outermost steps take what."""
    for node in graph.nodes:
        if isinstance(node, StepNode):
            fanned = node.each.names if node.each is not None else ()
            for name, source in node.inputs.items():
                if name not in fanned:
                    yield node, name, source


def _resolved(ref: str) -> object:
    try:
        return resolve(ref) if ref else None
    except PenstockError:
        return None


def with_code(graph: Graph, made: Graph) -> Graph:
    """The graph as it was written, with what the code says of its steps: outputs, defaults, docs."""
    known = {node.id: node for node in made.nodes}
    return replace(graph, nodes=tuple(_with_code(node, known[node.id]) for node in graph.nodes))


def _with_code(node: Node, made: Node) -> Node:
    match node, made:
        case GraphNode(graph=graph), GraphNode(graph=inner):
            return replace(node, graph=with_code(graph, inner))
        case StepNode(ref=ref, inputs=inputs), StepNode(defaulted=defaulted):
            rest = {name: made.inputs[name] for name in defaulted}
            return replace(made, ref=ref, inputs={**inputs, **rest}, when=node.when)
    raise AssertionError(node)
