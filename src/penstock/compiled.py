"""Pipelines and their specs: a pipeline made into a spec, and a spec run as a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import EnumType
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import msgspec
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
from penstock.define.find import address
from penstock.define.markers import DATE
from penstock.define.pipeline import Composed
from penstock.define.step import Step
from penstock.define.trace import Environment, trace
from penstock.define.types import value_fits
from penstock.errors import ConfigError, DefinitionError, PenstockError, UsageError
from penstock.run.flatten import Flat, StepTemplate, Template, flatten
from penstock.spec.binding import bound
from penstock.spec.literals import changed_input
from penstock.spec.opening import opened_graph
from penstock.spec.printer import print_graph
from penstock.spec.reader import Spec, read_spec

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
        fixed = {param.name for param in self.graph.params if param.structural}
        for name in given:
            if name in fixed:
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
            **{name: self._own(name, source) for name, source in self.graph.arguments.items()},
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
        try:
            graph = bound(self.graph, arguments, environment.digest_value, logical_date)
        except UsageError as error:
            raise ConfigError(f"{self.spec.file}: {error.message}", hint=error.hint) from None
        attached = Attached(environment, logical_date, coerce, self.spec.place)
        made = attached.definition(graph)
        kept = with_code(self.graph, made.graph)
        written = replace(kept, arguments={n: graph.arguments[n] for n in arguments})
        return replace(made, graph=numbered(made.graph), written=written)

    # ---- types of parameters

    @property
    def modules(self) -> Sequence[str]:
        """The modules that it names, each once."""
        return list(dict.fromkeys(ref.partition(":")[0] for ref in _refs(self.spec.graph)))

    @property
    def _origin(self) -> str:
        module, _, name = self.spec.graph.ref.partition(":")
        return f"{module.replace('.', '/')}.py:{name}" if name else "FILE.py:PIPELINE"

    def _own(self, name: str, source: Input) -> Input:
        """The file's own value, as the type that is asked for."""
        if not isinstance(source, Literal):
            return source
        try:
            return replace(source, value=self._coerced(name, source.value, ""))
        except UsageError as error:
            place = self.spec.place("parameters", name)
            raise ConfigError(f"{place}: {error.message}", hint=error.hint) from None

    def _coerced(self, name: str, value: Any, place: str) -> Any:
        hint = self._hints.get(name, Any)
        if not isinstance(value, str | dict) and value_fits(value, hint):
            return value
        if isinstance(value, str) and hint is not Any and value_fits(value, hint):
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
            fanned = (*node.each.zipped, *node.each.crossed) if node.each is not None else ()
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


# ---- a pipeline made into a spec


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
    graph = _addressed(compiler.graph(), environment)
    compiler.check(graph)
    return graph.graph


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
                    self._need({name})
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

    def check(self, made: Definition) -> None:
        """What is printed is read again, and must be the same pipeline."""
        text = print_graph(made.graph)
        compiled = Compiled(read_spec(text, "the spec"))
        if self._real is None:
            compiled.graph  # noqa: B018  # raises where a value cannot be made
            return
        again = compiled.define({}, self._environment, self._date)
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
    return changed_input(source, lambda literal: Literal(None, literal.digest))
