"""A spec with its parameters given: what can be computed from them is, as Python would have done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from penstock.core.calls import assemble
from penstock.core.expression import operate
from penstock.core.graph import (
    Access,
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
)
from penstock.core.place import Place
from penstock.errors import ConfigError, UsageError
from penstock.spec.text import DATE, phrase
from penstock.spec.values import Digest

Fixed = Literal | SecretRef | SourceRef
"""What is known before anything runs, and needs no step."""
ATOMS = (int, str, bool, type(None))
Where = Callable[..., Place]
"""Where the part stands that these keys lead to."""


def bound(
    graph: Graph,
    arguments: Mapping[str, Input],
    digest: Digest,
    logical_date: str,
    place: Where | None = None,
) -> Graph:
    """The graph with these arguments in place of its parameters, as a trace with them gives it.

    `logical_date` (ISO) is the date of the run. Raises UsageError where something cannot be computed;
    of a file ConfigError, with the place.
    """
    binder = Binder(digest, logical_date, place)
    fixed = {param.name for param in graph.params if param.structural}
    given = {
        name: binder.folded(source, {}, {}, ("fixed" if name in fixed else "parameters", name))
        for name, source in arguments.items()
    }
    return replace(binder.graph(graph, given), arguments=given)


class Binder:
    """Puts arguments into graphs; equal values are digested once."""

    def __init__(self, digest: Digest, logical_date: str, place: Where | None) -> None:
        self._digest = digest
        self._date = logical_date
        self._place = place
        self._digests: dict[tuple[type, object], str] = {}

    def graph(self, graph: Graph, given: Mapping[str, Input], path: tuple[str, ...] = ()) -> Graph:
        passed: dict[str, Input] = {}
        nodes: list[Node] = []
        for node in graph.nodes:
            made = self._node(node, given, passed, (*path, "steps", node.id))
            nodes.append(made)
            if isinstance(made, GraphNode) and made.each is None and made.when is None:
                passed[made.id] = made.graph.outputs
        outputs = self.folded(graph.outputs, given, passed, (*path, "returns"))
        return replace(graph, nodes=tuple(nodes), outputs=outputs)

    def _node(
        self,
        node: Node,
        given: Mapping[str, Input],
        passed: Mapping[str, Input],
        path: tuple[str, ...],
    ) -> Node:
        inputs = {
            name: self.folded(one, given, passed, (*path, "inputs", name))
            for name, one in node.inputs.items()
        }
        for name in _fanned(node.each):
            inputs[name] = self._listed(inputs[name], name, (*path, "inputs", name))
        when = node.when
        if when is not None:
            when = self.folded(when, given, passed, (*path, "when"))
        if not isinstance(node, GraphNode):
            return replace(node, inputs=inputs, when=when)
        inner = {
            name: one
            for name, one in inputs.items()
            if isinstance(one, Fixed) and name not in _fanned(node.each)
        }
        rest = {name: one for name, one in inputs.items() if name not in inner}
        return replace(node, inputs=rest, when=when, graph=self.graph(node.graph, inner, path))

    def folded(
        self,
        source: Input,
        given: Mapping[str, Input],
        passed: Mapping[str, Input],
        path: tuple[str, ...],
    ) -> Input:
        """The same as `fold`, of what stands at this path."""
        try:
            return self.fold(source, given, passed)
        except UsageError as error:
            raise self._placed(error, path) from None

    def _placed(self, error: UsageError, path: tuple[str, ...]) -> UsageError | ConfigError:
        if self._place is None:
            return error
        return ConfigError(f"{self._place(*path)}: {error.message}", hint=error.hint)

    def fold(
        self,
        source: Input,
        given: Mapping[str, Input],
        passed: Mapping[str, Input] = {},
    ) -> Input:
        """The input with parameters replaced, and computed where nothing has to run for it."""
        match source:
            case Literal(value=value, digest=""):
                return self.literal(value)
            case Literal() | SecretRef() | SourceRef():
                return source
            case ParamRef(name=name):
                return given.get(name, source)
            case OutputRef(node=node, output=output, path=path):
                if node not in passed:
                    return source
                steps = (Access("attribute", output), *path) if output else path
                return self._through(passed[node], steps, source) or source
            case FirstOf(options=options):
                return FirstOf(tuple(self.fold(one, given, passed) for one in options))
            case Build(kind=kind, items=items, keys=keys, cls=cls):
                folded = tuple(self.fold(item, given, passed) for item in items)
                values = _values(folded)
                if values is None or (kind == "namedtuple" and not isinstance(cls, type)):
                    return replace(source, items=folded)
                return self._computed(source, assemble, kind, values, keys, cls)
            case Expr(op=op, operands=operands):
                if op == DATE:
                    return self.literal(self._logical(operands[0]))
                folded = tuple(self.fold(operand, given, passed) for operand in operands)
                values = _values(folded)
                return (
                    Expr(op, folded)
                    if values is None
                    else self._computed(source, operate, op, values)
                )

    def literal(self, value: Any) -> Literal:
        if type(value) not in ATOMS:
            return Literal(value, self._digest(value))
        key = (type(value), value)
        if key not in self._digests:
            self._digests[key] = self._digest(value)
        return Literal(value, self._digests[key])

    def _computed(self, source: Input, compute: Callable[..., Any], *arguments: Any) -> Input:
        try:
            return self.literal(compute(*arguments))
        except (
            ArithmeticError, TypeError, ValueError, LookupError, AttributeError, MemoryError
        ) as error:  # fmt: skip
            why = str(error) or "there is no memory for it"
            raise UsageError(
                f"'{phrase(source)}' cannot be computed: {why}",
                hint="Look at the values of the parameters in it.",
            ) from None

    def _listed(self, source: Input, name: str, path: tuple[str, ...]) -> Input:
        """What a map runs over is a list, as `each(…)` makes one of any iterable."""
        if not isinstance(source, Literal) or type(source.value) is list:
            return source
        try:
            return self.literal(list(source.value))
        except TypeError:
            what = f"'{name}' runs over {source.value!r}, which is no list"
            raise self._placed(UsageError(what, hint="Write [a, b]."), path) from None

    def _logical(self, kind: Input) -> Any:
        moment = datetime.fromisoformat(self._date)
        match kind:
            case Literal("datetime"):
                return moment
            case Literal("str"):
                return moment.date().isoformat()
        return moment.date()

    def _through(self, source: Input, path: tuple[Access, ...], asked: Input) -> Input | None:
        """What a nested pipeline passes on without a step, if it does."""
        match source:
            case Literal(value=value) if path:
                return self._computed(asked, _followed, value, path)
            case Literal() | SecretRef() | SourceRef():
                return None if path else source
            case Build(items=items, keys=keys) if path:
                first = path[0].name
                at = keys.index(first) if first in keys else first
                found = isinstance(at, int) and -len(items) <= at < len(items)
                return self._through(items[at], path[1:], asked) if found else None  # type: ignore[index]  # an int, as found says
        return None


def _fanned(each: Each | None) -> tuple[str, ...]:
    return each.names if each is not None else ()


def _followed(value: Any, path: tuple[Access, ...]) -> Any:
    for step in path:
        value = operate("getattr" if step.kind == "attribute" else "getitem", [value, step.name])
    return value


def _values(sources: tuple[Input, ...]) -> list[Any] | None:
    """The values, if all are known."""
    found = [source.value for source in sources if isinstance(source, Literal)]
    return found if len(found) == len(sources) else None


def alike(before: Graph, after: Graph) -> tuple[Graph, Graph]:
    """Both such that they can be compared: a run's values are in its steps, so the other's are put there."""
    if _is_open(before) == _is_open(after):
        return before, after
    return _closed(before), _closed(after)


def _is_open(graph: Graph) -> bool:
    return not graph.params or not all(param.structural for param in graph.params)


def _closed(graph: Graph) -> Graph:
    if not _is_open(graph):
        return graph
    given = bound(graph, graph.arguments, lambda _: "", "0001-01-01")
    return replace(given, params=tuple(replace(one, structural=True) for one in graph.params))
