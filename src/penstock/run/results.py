"""What a past run returned, put together from its graph and the records of its steps."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from math import prod
from types import GeneratorType
from typing import Any, get_type_hints

from msgspec import Struct

from penstock.core.calls import assemble, follow
from penstock.core.expression import operate
from penstock.core.graph import (
    Build,
    Each,
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
)
from penstock.core.naming import resolve
from penstock.core.records import Made, StepRecord
from penstock.errors import DefinitionError, NotFound

GOOD = frozenset(("done", "reused"))


class _Scope(Struct, frozen=True):
    """One level of nesting: a graph, its prefix, its arguments, and the item that it is seen from."""

    graph: Graph
    prefix: str
    arguments: Mapping[str, Input]
    outer: _Scope | None
    index: str
    depth: int
    each: Each | None = None
    """Of a mapped pipeline: which arguments fan out; `index` ends with the item's position."""


class Skipped(NotFound):
    """A value comes from a step that was skipped."""


def _unrecorded(secret: SecretRef) -> object:
    raise NotFound(f"the secret '{secret.name}' is not recorded")


class Results(Struct, frozen=True):
    """Reads values of one run; `steps` are its records, `load` opens an artifact."""

    graph: Graph
    steps: Callable[[str], Sequence[StepRecord]]
    load: Callable[[Made], object]
    fetch: Callable[[str], object]
    """What an address stands for."""
    secret: Callable[[SecretRef], object] = _unrecorded

    def value(self) -> Any:
        """What the pipeline returned: None where a step was skipped.

        Raises NotFound if a step that it needs gave nothing for another reason.
        """
        return self._or_none(self.graph.outputs, self._top())

    def arguments(self, id: str, index: str = "") -> tuple[StepNode, dict[str, Any]]:
        """A step's node, and the arguments that it was called with. Raises NotFound."""
        scope, rest = self._top(), id
        while True:
            node = next((n for n in scope.graph.nodes if _leads(n, rest)), None)
            if node is None:
                raise NotFound(f"no step '{id}' in the graph of this run")
            if isinstance(node, StepNode):
                break
            depth = scope.depth + (node.each is not None)
            prefix = f"{scope.prefix}{node.id}/"
            at = _indexes(index, depth)
            scope = _Scope(node.graph, prefix, node.inputs, scope, at, depth, node.each)
            rest = rest.removeprefix(f"{node.id}/")
        own = _Scope(scope.graph, scope.prefix, node.inputs, scope, index, scope.depth, node.each)
        return node, {name: self._argument(name, own) for name in node.inputs}

    def _top(self) -> _Scope:
        return _Scope(self.graph, "", self.graph.arguments, None, "", 0)

    def _or_none(self, source: Input, scope: _Scope) -> Any:
        try:
            return self._value(source, scope)
        except Skipped:
            return None

    def _value(self, source: Input, scope: _Scope) -> Any:
        match source:
            case Literal(value=value):
                return value
            case ParamRef(name=name):
                return self._argument(name, scope)
            case OutputRef(node=node, output=output, path=path):
                return follow(self._output(node, output, scope), path)
            case FirstOf(options=options):
                return self._first(options, scope)
            case Build(kind=kind, items=items, keys=keys, cls=cls):
                values = [self._or_none(item, scope) for item in items]
                if kind == "namedtuple" and not isinstance(cls, type):
                    names = [str(key) for key in keys]
                    # Only what the pipeline itself returns has a class that its code tells.
                    ref = scope.graph.ref if source is scope.graph.outputs else ""
                    return _fields(ref, names, "Result")(*values)
                return assemble(kind, values, tuple(keys), cls)
            case Expr(op=op, operands=operands):
                return operate(op, [self._value(item, scope) for item in operands])
            case SourceRef(address=address):
                return self.fetch(address)
            case SecretRef():
                return self.secret(source)

    def _argument(self, name: str, scope: _Scope) -> Any:
        source = scope.arguments.get(name)
        if source is None:
            raise NotFound(f"the parameter '{name}' is not recorded")
        value = self._value(source, scope.outer or scope)
        if scope.each is None or name not in scope.each.names:
            return value
        position = self._position(name, scope, scope.each)
        if isinstance(value, GeneratorType):
            return next(islice(value, position, None))
        return value[position]

    def _position(self, name: str, scope: _Scope, each: Each) -> int:
        """Where in its list an argument of this item stands: crossed ones vary fastest, the last first."""
        position = int(scope.index.rpartition(".")[2])
        for crossed in reversed(each.crossed):
            length = _length(self._value(scope.arguments[crossed], scope.outer or scope))
            position, here = divmod(position, length)
            if crossed == name:
                return here
        return position

    def _first(self, options: Sequence[Input], scope: _Scope) -> Any:
        for option in options[:-1]:
            try:
                self._parts(option, scope)
                return self._value(option, scope)
            except NotFound:
                continue
        return self._value(options[-1], scope)

    def _parts(self, source: Input, scope: _Scope) -> None:
        """A list, tuple or dict is there when all of it is. Raises NotFound."""
        if isinstance(source, Build):
            for item in source.items:
                self._parts(item, scope)
                self._value(item, scope)

    def _output(self, id: str, output: str, scope: _Scope) -> Any:
        node = next((node for node in scope.graph.nodes if node.id == id), None)
        match node:
            case StepNode():
                return self._step(node, output, scope)
            case GraphNode():
                return self._graph(node, output, scope)
        raise NotFound(f"no step '{id}' in the graph of this run")

    def _step(self, node: StepNode, output: str, scope: _Scope) -> Any:
        full = scope.prefix + node.id
        records = {record.index: record for record in self.steps(full)}
        at = _indexes(scope.index, scope.depth)
        if node.each is None:
            return self._made(node, records.get(at), output, full)
        if at in records and records[at].status == "skipped":
            return self._made(node, records[at], output, full)
        return [
            self._made(node, records[index], output, full)
            for index in sorted((i for i in records if _within(i, at)), key=_order)
        ]

    def _graph(self, node: GraphNode, output: str, scope: _Scope) -> Any:
        prefix = f"{scope.prefix}{node.id}/"
        if node.when is not None and not self._value(node.when, scope):
            raise Skipped(f"'{scope.prefix}{node.id}' was skipped: its condition was false")
        if node.each is None:
            inner = _Scope(node.graph, prefix, node.inputs, scope, scope.index, scope.depth)
            return self._returned(node.graph, output, inner)
        at = _indexes(scope.index, scope.depth)
        indexes = [f"{at}.{n}" if at else f"{n}" for n in self._items(node, prefix, at, scope)]
        depth = scope.depth + 1
        return [
            self._returned(
                node.graph,
                output,
                _Scope(node.graph, prefix, node.inputs, scope, index, depth, node.each),
            )
            for index in indexes
        ]

    def _items(self, node: GraphNode, prefix: str, at: str, scope: _Scope) -> Sequence[int]:
        """The positions of a mapped pipeline's items: those that its steps were recorded for."""
        inner = list(_inner(node.graph, prefix))
        if not inner:
            assert node.each is not None
            lengths = {
                name: _length(self._value(node.inputs[name], scope))
                for name in (*node.each.zipped[:1], *node.each.crossed)
            }
            return range(prod(lengths.values()))
        found: set[int] = set()
        for record in (record for step in inner for record in self.steps(step)):
            if record.index == at:  # it never came to its items
                missing = Skipped if record.status == "skipped" else NotFound
                raise missing(f"'{prefix[:-1]}' gave nothing in this run: {record.status}")
            if _indexes(record.index, scope.depth) == at:
                found.add(int(record.index.split(".")[scope.depth]))
        return sorted(found)

    def _returned(self, graph: Graph, output: str, scope: _Scope) -> Any:
        value = self._value(graph.outputs, scope)
        return getattr(value, output) if output else value

    def _made(self, node: StepNode, record: StepRecord | None, output: str, full: str) -> Any:
        if record is None or (record.status not in GOOD and not record.outputs):
            status = record.status if record else "not run"
            missing = Skipped if status == "skipped" else NotFound
            raise missing(f"'{full}' gave nothing in this run: {status}")
        if output:
            return self.load(record.outputs[output])
        values = {name: self.load(made) for name, made in record.outputs.items()}
        if not node.several:
            return next(iter(values.values()))
        names = [output.name for output in node.outputs]
        return _fields(node.ref, names, node.id.replace("-", "_").title())(**values)


def _length(values: Any) -> int:
    return sum(1 for _ in values) if isinstance(values, GeneratorType) else len(values)


def _fields(ref: str, names: Sequence[str], otherwise: str) -> Callable[..., Any]:
    """The NamedTuple class that a step or pipeline returns; one of the same fields if the code is gone."""
    try:
        function: Any = resolve(ref)
        returned = get_type_hints(getattr(function, "__wrapped__", function)).get("return")
    except (DefinitionError, ImportError, NameError, TypeError, AttributeError):
        returned = None
    if isinstance(returned, type) and list(getattr(returned, "_fields", ())) == names:
        return returned
    return namedtuple(otherwise, names)  # its fields are known only now


def _inner(graph: Graph, prefix: str) -> Iterator[str]:
    """Full ids of all steps of a graph."""
    for node in graph.nodes:
        match node:
            case StepNode():
                yield prefix + node.id
            case GraphNode():
                yield from _inner(node.graph, f"{prefix}{node.id}/")


def _leads(node: Node, id: str) -> bool:
    """Whether this node is the step, or the pipeline that the step is in."""
    if isinstance(node, StepNode):
        return node.id == id
    return id.startswith(f"{node.id}/")


def _indexes(index: str, depth: int) -> str:
    return ".".join(index.split(".")[:depth]) if depth else ""


def _within(index: str, at: str) -> bool:
    """Whether this is an item of the map at `at`: "3.0" is one of "3"."""
    head, _, last = index.rpartition(".")
    return bool(last) and head == at


def _order(index: str) -> tuple[int, ...]:
    return tuple(int(part) for part in index.split("."))
