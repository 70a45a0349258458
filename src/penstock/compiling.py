"""A pipeline made into a spec: its function is traced with symbols in place of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import EnumType
from types import NoneType
from typing import Any, get_args

import msgspec
from msgspec.structs import replace

from penstock.compiled import Compiled
from penstock.core.graph import Definition, Graph, GraphNode, Input, Literal, Node
from penstock.core.twins import numbered
from penstock.define.find import address
from penstock.define.markers import DATE
from penstock.define.pipeline import Composed
from penstock.define.trace import Environment, trace
from penstock.errors import DefinitionError, PenstockError, UsageError
from penstock.run.flatten import Flat, StepTemplate, Template, flatten
from penstock.spec.binding import bound
from penstock.spec.literals import changed_input, within
from penstock.spec.parser import parse
from penstock.spec.printer import print_graph
from penstock.spec.reader import read_spec
from penstock.spec.text import value_text
from penstock.spec.values import opaque_in

OPAQUE = "opaque("
"""How what text cannot hold is written; it may stand in a string, too."""


def compile(
    pipeline: Composed[..., Any],
    arguments: Mapping[str, Any],
    environment: Environment,
    logical_date: str,
) -> Graph:
    """The graph of a pipeline with its parameters open, as far as Python lets them be.

    A parameter whose value Python looks at while the graph is built is fixed. What is written is
    read again, and refused where a run of it would not be a run of the pipeline.
    Raises DefinitionError, UsageError.
    """
    compiler = _Compiler(pipeline, arguments, environment, logical_date)
    made = _addressed(compiler.graph(), environment)
    _writable(made.graph, "")
    graph, without = _without_opaque(made.graph)
    compiler.check(graph, without)
    return graph


class _Compiler:
    def __init__(
        self,
        pipeline: Composed[..., Any],
        arguments: Mapping[str, Any],
        environment: Environment,
        logical_date: str,
    ) -> None:
        self._pipeline = pipeline
        self._given = arguments
        self._environment = environment
        self._date = logical_date
        binding = pipeline.callee.binding
        self._names = list(binding.names)
        self._missing = [name for name in binding.required if name not in arguments]
        # Every name with a value must give the same steps as Python itself.
        self._real = None if self._missing else self._trace(set())

    def graph(self) -> Definition:
        """With as few parameters fixed as may be."""
        open = {*self._names, DATE}
        while True:
            looked: set[str] = set()
            try:
                made = self._trace(open, looked)
                if not looked and self._same(made):
                    return self._probed(made, open)
            except Exception as error:  # of the user's own code, which met a symbol
                if not looked:
                    return self._one_by_one(error)
            if not looked:
                return self._one_by_one(None)
            self._need(looked)
            open -= looked

    def _one_by_one(self, error: Exception | None) -> Definition:
        """Opened one after the other, where it is not told which of them Python looked at."""
        if self._real is None:
            names = "', '".join(self._missing)
            flags = " ".join(f"-p {name}=…" for name in self._missing)
            raise DefinitionError(
                f"'{self._pipeline.name}' cannot be built without a value for '{names}'"
                + (f": {type(error).__name__}: {error}" if error else ""),
                hint=f"Add {flags}",
            ) from error
        open: set[str] = set()
        best = self._real
        for name in (*self._names, DATE):
            made = self._tried(open | {name})
            if made is not None:
                open.add(name)
                best = made
        return self._probed(best, open)

    def _tried(self, open: set[str]) -> Definition | None:
        looked: set[str] = set()
        try:
            made = self._trace(open, looked)
            return made if not looked and self._same(made) else None
        except Exception:  # of the user's own code, which met a symbol
            return None

    def _probed(self, made: Definition, open: set[str]) -> Definition:
        """`x is None` cannot be seen; so parameters that may be None are tried as that, too."""
        for name in [name for name in self._names if name in open]:
            for value in self._probes(name):
                if self._real is not None and not self._alike(made, name, value):
                    open.discard(name)
                    found = self._tried(open)
                    if found is not None:
                        return self._probed(found, open)
        return made

    def _probes(self, name: str) -> list[Any]:
        hint = self._pipeline.callee.hints.get(name, Any)
        default = self._pipeline.callee.binding.defaults.get(name, 0)
        own = self._given.get(name, default)
        found: list[Any] = []
        if own is not None and (NoneType in get_args(hint) or default is None):
            found.append(None)
        if isinstance(own, bool):
            found.append(not own)
        if isinstance(type(own), EnumType):
            found += [member for member in type(own) if member is not own][:10]
        return found

    def _alike(self, made: Definition, name: str, value: Any) -> bool:
        """Whether Python builds with this value what the open graph says."""
        given = {**self._given, name: value}
        try:
            real = trace(self._pipeline, (), given, self._environment, logical_date=self._date)
        except PenstockError:
            # Such a value is no argument at all.
            return True
        except Exception:  # of the user's own code
            return False
        return self._fingerprint(made, {name: Literal(value, "")}) == fingerprint(flatten(real))

    def _need(self, names: set[str]) -> None:
        lacking = [name for name in self._missing if name in names]
        if lacking:
            flags = " ".join(f"-p {name}=…" for name in lacking)
            what = "', '".join(lacking)
            raise UsageError(
                f"'{what}' decides which steps '{self._pipeline.name}' has, and needs a value",
                hint=f"Add {flags}",
            )

    def _trace(self, open: set[str], looked: set[str] | None = None) -> Definition:
        return trace(
            self._pipeline,
            (),
            self._given,
            self._environment,
            logical_date=self._date,
            open=open,
            looked=looked,
        )

    def _same(self, made: Definition) -> bool:
        if self._real is None:
            return True
        return self._fingerprint(made, {}) == fingerprint(flatten(self._real))

    def _fingerprint(self, made: Definition, more: Mapping[str, Input]) -> bytes:
        arguments = {**made.graph.arguments, **more}
        graph = bound(made.graph, arguments, self._environment.digest_value, self._date)
        return fingerprint(flatten(replace(made, graph=numbered(graph))))

    def check(self, graph: Graph, given: Mapping[str, Any]) -> None:
        """What is printed is read again, and must be the same pipeline; with what it cannot hold."""
        text = print_graph(graph)
        compiled = Compiled(read_spec(text, "the spec"))
        if self._real is None:
            compiled.graph  # noqa: B018  # raises where a value cannot be made
            return
        again = compiled.define(given, self._environment, self._date)
        ours, theirs = (flatten(one) for one in (again, self._real))
        if fingerprint(ours) == fingerprint(theirs):
            return
        for id, template in theirs.templates.items():
            here = Flat({id: template}, Literal(None, ""), {})
            there = Flat({id: ours.templates[id]}, Literal(None, ""), {})
            if fingerprint(here) != fingerprint(there):
                raise DefinitionError(
                    f"'{id}' cannot be written such that it is read as it is",
                    hint="Its value or its settings have no words in a spec: set them in its decorator, "
                    "or let a step load the value.",
                )
        raise DefinitionError("what the pipeline returns cannot be written in a spec")


def _writable(graph: Graph, prefix: str) -> None:
    """Refuse what text cannot hold, by the step that takes it."""
    hint = "Make it a parameter of the pipeline, or let a step load it."
    for node in graph.nodes:
        guard = [] if node.when is None else [("when", node.when)]
        for name, source in (*node.inputs.items(), *guard):
            if kind := _opaque(source):
                what = f"'{name}' of '{prefix}{node.id}' is a {kind}, which text cannot hold"
                raise DefinitionError(f"{what} ({node.source_line})", hint=hint)
        if isinstance(node, GraphNode):
            _writable(node.graph, f"{prefix}{node.id}/")
    if kind := _opaque(graph.outputs):
        what = f"'{prefix[:-1] or graph.name}' returns a {kind}, which text cannot hold"
        raise DefinitionError(what, hint=hint)


def _without_opaque(graph: Graph) -> tuple[Graph, dict[str, Any]]:
    """Parameters whose values text cannot hold are required; those values."""
    values = {
        param.name: source.value
        for param in graph.params
        if not param.structural
        and isinstance(source := graph.arguments.get(param.name), Literal)
        and _opaque(source)
    }
    given = {name: source for name, source in graph.arguments.items() if name not in values}
    params = (replace(p, required=p.required or p.name in values) for p in graph.params)
    return replace(graph, params=tuple(params), arguments=given), values


def _opaque(source: Input) -> str:
    for literal in within(source):
        text = value_text(literal.value)
        if OPAQUE in text:
            read = parse(text, (), ())
            if isinstance(read, Literal) and (kind := opaque_in(read.value)):
                return kind
    return ""


def _addressed(definition: Definition, environment: Environment) -> Definition:
    """Every step by a name under which it is found again."""

    def named(graph: Graph, prefix: str) -> Graph:
        nodes: list[Node] = []
        for node in graph.nodes:
            if isinstance(node, GraphNode):
                nodes.append(replace(node, graph=named(node.graph, f"{prefix}{node.id}/")))
                continue
            function = definition.functions[prefix + node.id].call
            ref = address(node.ref, function, environment.root)
            if not ref:
                raise DefinitionError(
                    f"'{prefix}{node.id}' has no name to find it by ({node.source_line})",
                    hint="Define the step at the top of a module.",
                )
            nodes.append(replace(node, ref=ref))
        return replace(graph, nodes=tuple(nodes))

    return replace(definition, graph=named(definition.graph, ""))


def fingerprint(flat: Flat) -> bytes:
    """What of a flat graph decides its keys, its order and its results: equal graphs have equal ones."""
    return msgspec.msgpack.encode(
        [[_template(one) for one in flat.templates.values()], _keyed(flat.outputs)], enc_hook=repr
    )


def _template(template: Template) -> Any:
    inputs = [(name, _keyed(source)) for name, source in sorted(template.inputs.items())]
    guards = [_keyed(guard) for guard in template.guards]
    if isinstance(template, StepTemplate):
        own: Any = replace(
            template.node, inputs={}, when=None, source_line="", after=(), id="", reset=()
        )
    else:
        own = [template.each, _keyed(template.outputs)]
    return [template.id, inputs, guards, sorted(template.after), template.group, own]


def _keyed(source: Input) -> Any:
    # A key of a mapping has no digest: it is what it is.
    return changed_input(source, lambda one: Literal(None, one.digest) if one.digest else one)
