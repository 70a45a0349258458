"""A graph from outside of the code joined with the code that it names: functions, defaults, types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Union

from msgspec.structs import replace

from penstock.core import graph as ir
from penstock.core.graph import (
    Access,
    Build,
    Definition,
    Expr,
    FirstOf,
    Function,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    OutputRef,
    ParamRef,
    StepNode,
)
from penstock.core.naming import resolve
from penstock.core.place import near
from penstock.define import order
from penstock.define.callee import Callee, Marker, short
from penstock.define.inputs import Inputs
from penstock.define.known import Environment
from penstock.define.pipeline import Composed
from penstock.define.scope import many
from penstock.define.settings import Cache, Retry, Settings, exception
from penstock.define.step import Step
from penstock.define.tracing import Tracing
from penstock.define.types import at, element, parts, truthful, value_fits
from penstock.define.types import fits as fitting
from penstock.errors import ConfigError, DefinitionError, PenstockError, UsageError

Path = tuple[str, ...]
Coerce = Callable[[Any, Any, str], Any]


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
        self._coerce = coerce
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
        scope = _Scope(params)
        lines = {node.id: str(self._place(*path, "steps", node.id)) for node in graph.nodes}
        try:
            nodes = order.ordered(graph.nodes, {node.id: () for node in graph.nodes}, lines)
        except DefinitionError as error:
            raise self._wrong((*path, "steps"), error.message, error.hint) from None
        made = tuple(self._node(node, prefix, (*path, "steps", node.id), scope) for node in nodes)
        returns = (*path, "returns")
        outputs = self._checked(graph.outputs, Any, returns, "what is returned", scope)
        hint = self._hint(graph.outputs, scope, returns)
        return replace(graph, nodes=made, outputs=outputs), hint

    def _node(self, node: Node, prefix: str, path: Path, scope: _Scope) -> Node:
        when = None
        if node.when is not None:
            when = self._condition(node.when, (*path, "when"), scope)
        match node:
            case StepNode():
                made = self._step(node, prefix, path, scope)
                return replace(made, when=when)
            case GraphNode():
                return replace(self._nested(node, prefix, path, scope), when=when)

    # ---- steps

    def _step(self, node: StepNode, prefix: str, path: Path, scope: _Scope) -> StepNode:
        step = self._found(node.ref, (*path, "step"))
        callee = step.callee
        settings = self._settings(node, step.settings, path)
        try:
            known = self._tracing.known(callee, settings)
        except PenstockError as error:
            raise self._wrong(path, error.message, error.hint) from None
        inputs, defaulted = self._inputs(node, callee, path, scope)
        self._tracing.functions[prefix + node.id] = self._function(known.function, node, path)
        hint = callee.hints.get("return", Any)
        fields = known.function.fields
        if node.each is not None:
            hint, fields = many(hint, collect=node.each.collect), None
        scope.hints[node.id], scope.fields[node.id] = hint, fields
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
                raise self._wrong(path, error.message, _nearest(ref) or error.hint) from None
            if isinstance(found, Composed):
                raise self._wrong(
                    path, f"'{ref}' is a pipeline, not a step", "Compile it to have its steps here."
                )
            if not isinstance(found, Step):
                raise self._wrong(
                    path, f"'{ref}' is no step", _nearest(ref) or "Put @step above the function."
                )
            self._steps[ref] = found
        return self._steps[ref]

    def _inputs(
        self, node: StepNode, callee: Callee, path: Path, scope: _Scope
    ) -> tuple[dict[str, Input], tuple[str, ...]]:
        binding = callee.binding
        fanned = (*node.each.zipped, *node.each.crossed) if node.each is not None else ()
        known = (*binding.names, f"*{binding.rest}")
        given: dict[str, Input] = {}
        for name, source in node.inputs.items():
            here = (*path, "inputs", name)
            if name not in known and not binding.keywords:
                raise self._wrong(
                    here, f"'{callee.name}' has no parameter '{name}'", near(name, binding.names)
                )
            hint = callee.hints.get(name, Any)
            owner = f"'{name}' of '{callee.name}'"
            check = self._elements if name in fanned else self._checked
            given[name] = check(source, hint, here, owner, scope)
        if missing := [name for name in binding.required if name not in given]:
            what = "', '".join(missing)
            raise self._wrong(
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
                raise self._wrong((*path, "retries", "on"), f"'{name}' is no exception", hint)
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
                raise self._wrong((*path, "cache", word), f"its code has no Cache({word}=…)", hint)
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
                raise self._wrong(
                    (*path, "serializer"), f"'{node.id}' has no output '{name}'", near(name, fields)
                )
        return function

    # ---- nested pipelines

    def _nested(self, node: GraphNode, prefix: str, path: Path, scope: _Scope) -> GraphNode:
        fanned = (*node.each.zipped, *node.each.crossed) if node.each is not None else ()
        inputs: dict[str, Input] = {}
        params: dict[str, Any] = {}
        for name, source in node.inputs.items():
            here = (*path, "inputs", name)
            owner = f"'{name}' of '{node.id}'"
            check = self._elements if name in fanned else self._checked
            inputs[name] = check(source, Any, here, owner, scope)
            hint = self._hint(inputs[name], scope, here)
            params[name] = element(hint)[1] if name in fanned else hint
        graph, hint = self._graph(node.graph, f"{prefix}{node.id}/", path, params)
        if node.each is not None:
            hint = many(hint, collect=node.each.collect)
        scope.hints[node.id], scope.fields[node.id] = hint, None
        return replace(node, graph=graph, inputs=inputs, source_line=str(self._place(*path)))

    # ---- inputs against types

    def _checked(self, source: Input, wanted: Any, path: Path, owner: str, scope: _Scope) -> Input:
        """The input as the code takes it. Raises ConfigError where the types cannot fit."""
        match source:
            case Literal(value=value):
                return self._literal(value, source, wanted, path, owner)
            case Build(kind=kind, items=items, keys=keys, cls=cls):
                if isinstance(cls, str):
                    cls = self._class(cls, path)
                whole = cls or {"list": list, "tuple": tuple, "dict": dict}.get(kind, tuple)
                if not fitting(whole, wanted):
                    raise self._mismatch(f"a {kind}", wanted, path, owner)
                hints = parts(cls or wanted, kind, keys, len(items))
                inner = tuple(
                    self._checked(item, hint, path, owner, scope)
                    for item, hint in zip(items, hints, strict=True)
                )
                return replace(source, items=inner, cls=cls)
            case FirstOf(options=options):
                return FirstOf(
                    tuple(self._checked(one, wanted, path, owner, scope) for one in options)
                )
            case Expr(op=op, operands=operands):
                inner = tuple(self._checked(one, Any, path, owner, scope) for one in operands)
                return Expr(op, inner)
            case OutputRef():
                hint = self._hint(source, scope, path)
                if not self._tracing.fits(hint, wanted):
                    raise self._mismatch(
                        f"'{_shown(source)}' is {short(hint)}", wanted, path, owner
                    )
                return scope.settled(source)
            case ParamRef(name=name):
                hint = scope.params.get(name, Any)
                if not self._tracing.fits(hint, wanted):
                    raise self._mismatch(f"'${name}' is {short(hint)}", wanted, path, owner)
                return source
            case _:
                return source

    def _elements(self, source: Input, wanted: Any, path: Path, owner: str, scope: _Scope) -> Input:
        """What a map runs over."""
        match source:
            case Literal(value=list(values)):
                made = [self._fitted(value, wanted, path, owner) for value in values]
                same = all(new is old for new, old in zip(made, values, strict=True))
                return source if same else self._digested(made)
            case Build(items=items):
                inner = (self._checked(item, wanted, path, owner, scope) for item in items)
                return replace(source, items=tuple(inner))
        checked = self._checked(source, Any, path, owner, scope)
        hint = self._hint(source, scope, path)
        iterable, inner = element(hint)
        if not iterable:
            raise self._wrong(
                path, f"'{_shown(source)}' is {short(hint)}, which no map can run over for {owner}"
            )
        if not self._tracing.fits(inner, wanted):
            raise self._mismatch(
                f"an element of '{_shown(source)}' is {short(inner)}", wanted, path, owner
            )
        return checked

    def _literal(self, value: Any, source: Literal, wanted: Any, path: Path, owner: str) -> Literal:
        made = self._fitted(value, wanted, path, owner)
        return source if made is value else self._digested(made)

    def _fitted(self, value: Any, wanted: Any, path: Path, owner: str) -> Any:
        """The value; where it does not fit, what it means as text: a path, a date, a member."""
        if value_fits(value, wanted):
            return value
        try:
            made = self._coerce(value, wanted, owner.split("'")[1])
        except UsageError as error:
            raise self._wrong(path, error.message, error.hint) from None
        if not value_fits(made, wanted):
            raise self._mismatch(repr(value), wanted, path, owner)
        return made

    def _digested(self, value: Any) -> Literal:
        return Literal(value, self._tracing.environment.digest_value(value))

    def _class(self, name: str, path: Path) -> Any:
        try:
            return resolve(name)
        except PenstockError as error:
            raise self._wrong(path, error.message, error.hint) from None

    def _condition(self, source: Input, path: Path, scope: _Scope) -> Input:
        checked = self._checked(source, Any, path, "a condition", scope)
        hint = self._hint(source, scope, path)
        if not truthful(hint):
            raise self._wrong(
                path, f"{short(hint)} is no condition", "Compare it, like `= score > 0.9`."
            )
        return checked

    def _hint(self, source: Input, scope: _Scope, path: Path) -> Any:
        """The type of an input, as far as it is known."""
        match source:
            case Literal(value=value):
                return type(value)
            case OutputRef(node=node, output=output, path=steps):
                hint = scope.hints.get(node, Any)
                for access in (Access("attribute", output), *steps) if output else steps:
                    known, hint, names = at(hint, access)
                    if not known:
                        word = (
                            f"'{_shown(source)}': {short(scope.hints[node])} has no '{access.name}'"
                        )
                        raise self._wrong(path, word, near(str(access.name), names))
                return hint
            case ParamRef(name=name):
                return scope.params.get(name, Any)
            case FirstOf(options=options):
                hints = [self._hint(option, scope, path) for option in options]
                return Any if not hints or Any in hints else Union[tuple(hints)]  # noqa: UP007  # any number
            case _:
                return Any

    def _mismatch(self, given: str, wanted: Any, path: Path, owner: str) -> ConfigError:
        return self._wrong(path, f"{given}, but {owner} is {short(wanted)}")

    def _wrong(self, path: Path, what: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{self._place(*path)}: {what}", hint=hint)


class _Scope:
    """One level of nesting: the types of its parameters and of what its nodes return."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params
        self.hints: dict[str, Any] = {}
        self.fields: dict[str, Any] = {}

    def settled(self, source: OutputRef) -> OutputRef:
        """One of several outputs by its name, not as a step into the whole."""
        fields = self.fields.get(source.node)
        if fields is None or source.output or not source.path:
            return source
        first, *rest = source.path
        name = fields._fields[first.name] if isinstance(first.name, int) else first.name
        return OutputRef(source.node, name, tuple(rest))


def _shown(source: Input) -> str:
    match source:
        case OutputRef(node=node, output=output, path=path):
            steps = "".join(
                f".{a.name}" if a.kind == "attribute" else f"[{a.name!r}]" for a in path
            )
            return node + (f".{output}" if output else "") + steps
        case ParamRef(name=name):
            return f"${name}"
        case _:
            return "it"


def _nearest(ref: str) -> str:
    """The steps that the module has, where the name of one is not quite right."""
    module, _, name = ref.partition(":")
    try:
        names = [key for key, value in vars(resolve(module)).items() if isinstance(value, Step)]
    except (PenstockError, TypeError):
        return ""
    return near(name, names)
