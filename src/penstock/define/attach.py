"""A graph from outside of the code joined with the code that it names: functions, defaults, types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from penstock.core import graph as ir
from penstock.core.graph import (
    Definition,
    Function,
    Graph,
    GraphNode,
    Input,
    Node,
    StepNode,
)
from penstock.core.naming import resolve
from penstock.core.place import near
from penstock.define import order
from penstock.define.callee import Callee, Marker
from penstock.define.inputs import Inputs
from penstock.define.known import Environment
from penstock.define.outside import Coerce, Level, Path, Types
from penstock.define.pipeline import Composed
from penstock.define.scope import many
from penstock.define.settings import Cache, Retry, Settings, exception
from penstock.define.step import Step
from penstock.define.tracing import Tracing
from penstock.define.types import element
from penstock.errors import DefinitionError, PenstockError


class Attached:
    """Joins one graph with its code. `place` says where a part stands, `coerce` makes text a value.

    Every error names that place, like "p.yaml:17".
    """

    def __init__(
        self,
        environment: Environment,
        logical_date: str,
        coerce: Coerce,
        place: Callable[..., object],
    ) -> None:
        self._tracing = Tracing(environment, logical_date)
        self._sources = Inputs(self._tracing, ())
        self._types = Types(self._tracing, coerce, place)
        self._place = place
        self._steps: dict[str, Step[..., Any]] = {}
        self._set: dict[tuple[str, bytes], Settings] = {}

    def definition(self, graph: Graph) -> Definition:
        """Raises ConfigError, DefinitionError."""
        made, _ = self._graph(graph, "", (), {})
        self._tracing.settle()
        return Definition(made, self._tracing.functions)

    def _graph(
        self, graph: Graph, prefix: str, path: Path, params: Mapping[str, Any]
    ) -> tuple[Graph, Any]:
        """The graph, and the type of what it returns."""
        level = Level(params)
        lines = {node.id: str(self._place(*path, "steps", node.id)) for node in graph.nodes}
        try:
            nodes = order.ordered(graph.nodes, {node.id: () for node in graph.nodes}, lines)
        except DefinitionError as error:
            raise self._types.wrong((*path, "steps"), error.message, error.hint) from None
        made = tuple(self._node(node, prefix, (*path, "steps", node.id), level) for node in nodes)
        returns = (*path, "returns")
        outputs = self._types.checked(graph.outputs, Any, returns, "what is returned", level)
        hint = self._types.hint(graph.outputs, level, returns)
        return replace(graph, nodes=made, outputs=outputs), hint

    def _node(self, node: Node, prefix: str, path: Path, level: Level) -> Node:
        when = None
        if node.when is not None:
            when = self._types.condition(node.when, (*path, "when"), level)
        match node:
            case StepNode():
                made = self._step(node, prefix, path, level)
                return replace(made, when=when)
            case GraphNode():
                return replace(self._nested(node, prefix, path, level), when=when)

    # ---- steps

    def _step(self, node: StepNode, prefix: str, path: Path, level: Level) -> StepNode:
        step = self._found(node.ref, (*path, "step"))
        callee = step.callee
        settings = self._settings(node, step.settings, path)
        try:
            known = self._tracing.known(callee, settings)
        except PenstockError as error:
            raise self._types.wrong(path, error.message, error.hint) from None
        inputs, defaulted = self._inputs(node, callee, path, level)
        self._tracing.functions[prefix + node.id] = self._function(known.function, node, path)
        hint = callee.hints.get("return", Any)
        fields = known.function.fields
        if node.each is not None:
            hint, fields = many(hint, collect=node.each.collect), None
        level.hints[node.id], level.fields[node.id] = hint, fields
        return replace(
            known.node,
            id=node.id,
            inputs=inputs,
            defaulted=defaulted,
            each=node.each,
            after=node.after,
            reset=node.reset,
            source_line=str(self._place(*path)),
        )

    def _found(self, ref: str, path: Path) -> Step[..., Any]:
        if ref not in self._steps:
            try:
                found = resolve(ref)
            except PenstockError as error:
                raise self._types.wrong(path, error.message, _nearest(ref) or error.hint) from None
            if isinstance(found, Composed):
                raise self._types.wrong(
                    path, f"'{ref}' is a pipeline, not a step", "Compile it to have its steps here."
                )
            if not isinstance(found, Step):
                raise self._types.wrong(
                    path, f"'{ref}' is no step", _nearest(ref) or "Put @step above the function."
                )
            self._steps[ref] = found
        return self._steps[ref]

    def _inputs(
        self, node: StepNode, callee: Callee, path: Path, level: Level
    ) -> tuple[dict[str, Input], tuple[str, ...]]:
        binding = callee.binding
        fanned = node.each.names if node.each is not None else ()
        known = (*binding.names, f"*{binding.rest}")
        given: dict[str, Input] = {}
        for name, source in node.inputs.items():
            here = (*path, "inputs", name)
            if name not in known and not binding.keywords:
                raise self._types.wrong(
                    here, f"'{callee.name}' has no parameter '{name}'", near(name, binding.names)
                )
            hint = callee.hints.get(name, Any)
            owner = f"'{name}' of '{callee.name}'"
            check = self._types.elements if name in fanned else self._types.checked
            given[name] = check(source, hint, here, owner, level)
        if missing := [name for name in binding.required if name not in given]:
            what = "', '".join(missing)
            raise self._types.wrong(
                path, f"'{node.id}' gives '{callee.name}' no '{what}'", "Add it to inputs."
            )
        defaulted = tuple(name for name in binding.defaults if name not in given)
        for name in defaulted:
            value = binding.defaults[name]
            hint = callee.hints.get(name, Any) if isinstance(value, Marker) else Any
            given[name] = self._sources.source(value, hint, name, callee.name, callee.where)[0]
        return binding.complete(given), defaulted

    def _settings(self, node: StepNode, declared: Settings, path: Path) -> Settings:
        """The decorator's settings, with what the file sets in their place."""
        plain = StepNode(id="", ref="", code="")
        changed: dict[str, Any] = {}
        if node.retry != plain.retry or "retries" in node.reset:
            changed["retries"] = self._retries(node.retry, declared, path)
        if node.cache != plain.cache or "cache" in node.reset:
            changed["cache"] = self._cache(node.cache, declared, path)
        for name in ("timeout", "env", "resources", "executor"):
            value = getattr(node, name)
            if value != getattr(plain, name) or name in node.reset:
                changed[name] = value
        named = {output.name: output.serializer for output in node.outputs if output.serializer}
        if named or "serializer" in node.reset:
            # One for all outputs has no name.
            changed["options"] = {"serializer": named.get("", named)} if named else {}
        if not changed:
            return declared
        settings = replace(declared, **changed)
        return self._set.setdefault((node.ref, repr(changed).encode()), settings)

    def _retries(self, retry: ir.Retry, declared: Settings, path: Path) -> Retry | int:
        if declared.retry() == retry:
            return declared.retries
        if retry == ir.Retry(retry.times):
            return retry.times
        known = {f"{cls.__module__}.{cls.__qualname__}": cls for cls in declared.exceptions()}
        classes = []
        for name in retry.on:
            found = known.get(name) or exception(name)
            if found is None:
                hint = "Write it as in `import`: builtins.ValueError, requests.ConnectionError."
                raise self._types.wrong((*path, "retries", "on"), f"'{name}' is no exception", hint)
            classes.append(found)
        return Retry(retry.times, retry.delay, retry.backoff, tuple(classes))

    def _cache(self, policy: ir.CachePolicy, declared: Settings, path: Path) -> bool | Cache | None:
        if policy == ir.CachePolicy(enabled=policy.enabled):
            return policy.enabled
        own = declared.cache if isinstance(declared.cache, Cache) else Cache()
        for word, asked, there in (
            ("also", policy.also, own.also), ("key", policy.has_key, own.key is not None)
        ):  # fmt: skip
            if asked and not there:
                hint = "Only the decorator can say what it is; leave it out here."
                raise self._types.wrong(
                    (*path, "cache", word), f"its code has no Cache({word}=…)", hint
                )
        return Cache(
            ttl=policy.ttl,
            ignore=policy.ignore,
            version=policy.version,
            also=own.also if policy.also else (),
            key=own.key if policy.has_key else None,
            environment=policy.environment,
        )

    def _function(self, function: Function, node: StepNode, path: Path) -> Function:
        names = {output.name for output in node.outputs if output.serializer} - {""}
        fields = getattr(function.fields, "_fields", ("result",))
        for name in names:
            if name not in fields:
                raise self._types.wrong(
                    (*path, "serializer"), f"'{node.id}' has no output '{name}'", near(name, fields)
                )
        return function

    # ---- nested pipelines

    def _nested(self, node: GraphNode, prefix: str, path: Path, level: Level) -> GraphNode:
        fanned = node.each.names if node.each is not None else ()
        inputs: dict[str, Input] = {}
        params: dict[str, Any] = {}
        for name, source in node.inputs.items():
            here = (*path, "inputs", name)
            owner = f"'{name}' of '{node.id}'"
            check = self._types.elements if name in fanned else self._types.checked
            inputs[name] = check(source, Any, here, owner, level)
            hint = self._types.hint(inputs[name], level, here)
            params[name] = element(hint)[1] if name in fanned else hint
        graph, hint = self._graph(node.graph, f"{prefix}{node.id}/", path, params)
        if node.each is not None:
            hint = many(hint, collect=node.each.collect)
        level.hints[node.id], level.fields[node.id] = hint, None
        return replace(node, graph=graph, inputs=inputs, source_line=str(self._place(*path)))


def _nearest(ref: str) -> str:
    """The steps that the module has, where the name of one is not quite right."""
    module, _, name = ref.partition(":")
    try:
        names = [key for key, value in vars(resolve(module)).items() if isinstance(value, Step)]
    except (PenstockError, TypeError):
        return ""
    return near(name, names)
