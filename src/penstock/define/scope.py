"""A pipeline being built: calls of its steps become nodes, and promises of what they will return."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextvars import ContextVar
from types import FrameType
from typing import Any, Protocol, Union

from msgspec import Struct

from penstock.core.failure import Failure
from penstock.core.graph import (
    Access,
    Each,
    Expr,
    Graph,
    GraphNode,
    Input,
    Node,
    OutputRef,
    Param,
    ParamRef,
    StepNode,
    references,
)
from penstock.core.naming import module_name
from penstock.define import markers, order
from penstock.define.callee import Callee, short, type_text
from penstock.define.containers import container, holds_markers, promises_in
from penstock.define.inputs import Inputs
from penstock.define.promise import Origin, Promise, place
from penstock.define.settings import Settings
from penstock.define.tracing import Tracing
from penstock.define.types import truthful
from penstock.errors import DefinitionError, TypeMismatch


class Use(Struct, frozen=True):
    """How one use of a step or a pipeline differs from a plain call."""

    name: str = ""
    when: tuple[tuple[object, bool], ...] = ()
    """Conditions, each with what it must be."""
    after: tuple[object, ...] = ()


PLAIN = Use()


class Building(Protocol):
    """What calls of steps and pipelines go to, in place of being plain calls."""

    def step(
        self,
        callee: Callee,
        settings: Settings,
        use: Use,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType,
        *,
        mapped: bool = False,
        collect: bool = False,
        default: str = "",
    ) -> Any: ...

    def graph(
        self,
        callee: Callee,
        use: Use,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType,
        *,
        mapped: bool = False,
        collect: bool = False,
        default: str = "",
    ) -> Any: ...


active: ContextVar[Building | None] = ContextVar("penstock_scope", default=None)
"""The pipeline being built, if one is."""


class Scope(Inputs):
    """One pipeline of a trace."""

    def __init__(self, tracing: Tracing, prefix: str = "", parent: Scope | None = None) -> None:
        super().__init__(tracing, () if parent is None else (parent, *parent.around))
        self.prefix = prefix
        self.parent = parent
        self.nodes: list[Node] = []
        self.named_after: dict[str, tuple[str, ...]] = {}
        """Names given to `.after` as text, which may come later."""
        self.inputs: dict[str, Input] = {}
        """What this pipeline takes from the one around it."""
        self.after: list[str] = []
        """Nodes of the pipeline around that something here runs after."""
        self._next: dict[str, int] = {}

    # ---- a step

    def step(
        self,
        callee: Callee,
        settings: Settings,
        use: Use,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType,
        *,
        mapped: bool = False,
        collect: bool = False,
        default: str = "",
    ) -> Promise:
        """A node for a call of this step, and the promise of what it returns."""
        where = place(frame)
        tracing = self.tracing
        arguments, defaulted = self._arguments(callee, args, kwargs, where)
        id = self._id(use.name, default or callee.name, where)
        base = tracing.known(callee, settings)
        inputs, key, each = self._inputs(callee, arguments, where, mapped=mapped, collect=collect)
        node = base.node
        number = tracing.number((node.ref, key))
        occurrence = tracing.occurrence(number)
        self.nodes.append(
            StepNode(
                id=id,
                ref=node.ref,
                code=node.code,
                distributions=node.distributions,
                problems=node.problems,
                outputs=node.outputs,
                several=node.several,
                inputs=inputs,
                defaulted=defaulted,
                each=each,
                when=self._guard(use, where) if use.when else None,
                after=self._after(id, use, where) if use.after else (),
                role=node.role,
                aspects=node.aspects,
                cache=node.cache,
                retry=node.retry,
                timeout=node.timeout,
                resources=node.resources,
                env=node.env,
                executor=node.executor,
                occurrence=occurrence,
                doc=node.doc,
                source_line=where,
            )
        )
        tracing.functions[self.prefix + id] = base.function
        hint = callee.hints.get("return", Any)
        fields = base.function.fields
        if mapped:
            hint, fields = _many(hint, collect=collect), None
        # Equal calls may still draw differently: which one it is tells them apart.
        return Promise(Origin(self, OutputRef(id), hint, (number, occurrence), fields=fields))

    # ---- a pipeline inside this one

    def graph(
        self,
        callee: Callee,
        use: Use,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType,
        *,
        mapped: bool = False,
        collect: bool = False,
        default: str = "",
    ) -> Any:
        """A node for a call of this pipeline, and what it returns with promises of this scope."""
        where = place(frame)
        arguments, _ = self._arguments(callee, args, kwargs, where)
        id = self._id(use.name, default or callee.name, where)
        sources, key, each = self._inputs(callee, arguments, where, mapped=mapped, collect=collect)
        inner = Scope(self.tracing, f"{self.prefix}{id}/", self)
        values: dict[str, Any] = {}
        for name, value in arguments.items():
            hint = callee.hints.get(name, Any)
            if isinstance(value, markers.Each):
                inner.inputs[name] = sources[name]
                origin = Origin(inner, ParamRef(name), hint, ("item", key, name))
                values[name] = Promise(origin)
            else:
                values[name] = inner.stand_in(value, name, hint, where)
        returned = inner.run(callee, values)
        graph = inner.finished(callee, default or callee.name, returned, {}, where)
        self.nodes.append(
            GraphNode(
                id=id,
                graph=graph,
                inputs=inner.inputs,
                each=each,
                when=self._guard(use, where) if use.when else None,
                after=(*self._after(id, use, where), *dict.fromkeys(inner.after)),
                source_line=where,
            )
        )
        if mapped:
            hint = _many(callee.hints.get("return", Any), collect=collect)
            return Promise(Origin(self, OutputRef(id), hint, self.number(("graph", key, where))))
        return self._lifted(returned, id, (), inner, where)

    def run(self, callee: Callee, values: Mapping[str, Any]) -> Any:
        """Call the pipeline's function with this scope active."""
        token = active.set(self)
        try:
            return callee.call(values)
        finally:
            active.reset(token)

    def finished(
        self,
        callee: Callee,
        name: str,
        returned: Any,
        arguments: dict[str, Input],
        where: str,
    ) -> Graph:
        """The graph of all that was called, checked."""
        outputs, _ = self.source(returned, callee.hints.get("return", Any), "", callee.name, where)
        return Graph(
            name=name,
            ref=f"{module_name(callee.module, self.tracing.environment.root)}:{callee.qualname}",
            nodes=order.ordered(self.nodes, self.named_after, self.lines),
            outputs=outputs,
            params=params(callee),
            arguments=arguments,
            doc=callee.doc,
        )

    # ---- values into inputs

    def stand_in(self, value: Any, name: str, hint: Any, where: str) -> Any:
        """An argument as the pipeline's function gets it: promises of around become parameters here."""
        match value:
            case Promise():
                return self.adopt(value, name)
            case markers.LogicalDate():
                return value.on(self.tracing.logical_date, hint)
            case markers.Secret() | markers.Reference():
                scope = self.parent or self
                source, key = scope.source(value, Any, name, name, where)
                return Promise(Origin(self, source, hint, key, free=True))
        if not holds_markers(value):
            return value
        kind, cls, keys = container(value)
        items = value.values() if kind == "dict" else value
        inner = [self.stand_in(item, f"{name}.{n}", Any, where) for n, item in enumerate(items)]
        match kind:
            case "dict":
                return dict(zip(keys, inner, strict=True))
            case "namedtuple":
                return cls(*inner)
            case _:
                return tuple(inner) if kind == "tuple" else inner

    def adopt(self, outer: Promise, name: str) -> Promise:
        """A promise of the pipeline around this one, as a parameter here."""
        origin = outer._penstock
        self.inputs[name] = origin.source
        return Promise(
            Origin(
                self,
                ParamRef(name),
                origin.hint,
                origin.key,
                fields=origin.fields,
                free=origin.free,
                outer=outer,
            )
        )

    # ---- inner

    def _arguments(
        self, callee: Callee, args: tuple[Any, ...], kwargs: Mapping[str, Any], where: str
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        binding = callee.binding
        given = binding.bind(args, kwargs, where)
        defaulted = tuple(name for name in binding.defaults if name not in given)
        return binding.complete(given), defaulted

    def _inputs(
        self,
        callee: Callee,
        arguments: Mapping[str, Any],
        where: str,
        *,
        mapped: bool,
        collect: bool,
    ) -> tuple[dict[str, Input], Hashable, Each | None]:
        hints, owner = callee.hints, callee.name
        inputs: dict[str, Input] = {}
        keys: list[Hashable] = []
        zipped: list[str] = []
        crossed: list[str] = []
        for name, value in arguments.items():
            wanted = hints.get(name.lstrip("*"), Any)
            if mapped and isinstance(value, markers.Each):
                source, key = self.elements(value.values, wanted, name, owner, where)
                (crossed if value.crossed else zipped).append(name)
                key = ("cross" if value.crossed else "each", key)
            else:
                if name[0] == "*":
                    wanted = Any
                source, key = self.source(value, wanted, name, owner, where)
            inputs[name] = source
            keys.append((name, key))
        if not mapped:
            return inputs, tuple(keys), None
        if not zipped and not crossed:
            raise DefinitionError(
                f"'{owner}' is mapped over nothing ({where})",
                hint=f"Mark what to run over: {owner}.map({next(iter(arguments), 'x')}=each([…])).",
            )
        return inputs, tuple(keys), Each(tuple(zipped), tuple(crossed), collect)

    def _id(self, explicit: str, default: str, where: str) -> str:
        if explicit:
            if explicit in self.lines:
                raise DefinitionError(
                    f"the name '{explicit}' is given twice ({self.lines[explicit]} and {where})",
                    hint="Names address steps: give each its own, or leave `.named` out.",
                )
            self.lines[explicit] = where
            return explicit
        if default not in self.lines:
            self.lines[default] = where
            return default
        count = self._next.get(default, 2)
        while f"{default}-{count}" in self.lines:
            count += 1
        self._next[default] = count + 1
        id = f"{default}-{count}"
        self.lines[id] = where
        return id

    def _guard(self, use: Use, where: str) -> Input:
        """All conditions as one input."""
        guards: list[Input] = []
        for condition, wanted in use.when:
            if isinstance(condition, Promise):
                hint = self.own(condition, where)._penstock.hint
            else:
                hint = type(condition)
            if not truthful(hint):
                raise TypeMismatch(
                    f"{self.said(condition) if isinstance(condition, Promise) else repr(condition)}"
                    f" is {short(hint)}, which is no condition ({where})",
                    hint="Compare it, like `x > 0`; for the opposite use `.unless(…)`.",
                )
            source, _ = self.operand(condition, where)
            guards.append(source if wanted else _not(source))
        joined = guards[0]
        for guard in guards[1:]:
            joined = _and(joined, guard)
        return joined

    def _after(self, id: str, use: Use, where: str) -> tuple[str, ...]:
        nodes: dict[str, None] = {}
        for one in use.after:
            if isinstance(one, str):
                self.named_after[id] = (*self.named_after.get(id, ()), one)
                continue
            promises = list(promises_in(one))
            if not promises:
                raise DefinitionError(
                    f"`.after` is given {one!r} ({where})",
                    hint="Give it what a step returned, or a step's name.",
                )
            for promise in promises:
                self._run_after(self.own(promise, where), nodes)
        return tuple(nodes)

    def _run_after(self, promise: Promise, nodes: dict[str, None]) -> None:
        origin = promise._penstock
        for reference in references(origin.source):
            nodes[reference.node] = None
        if origin.outer is not None and self.parent is not None:
            around: dict[str, None] = {}
            self.parent._run_after(origin.outer, around)
            self.after.extend(around)

    def _lifted(
        self, value: Any, id: str, path: tuple[Access, ...], inner: Scope, where: str
    ) -> Any:
        """What a nested pipeline returned, as the pipeline around sees it."""
        if isinstance(value, Promise):
            origin = inner.own(value, where)._penstock
            if origin.outer is not None:
                return origin.outer
            source = OutputRef(id, "", path)
            return Promise(
                Origin(
                    self, source, origin.hint, origin.key, fields=origin.fields, free=origin.free
                )
            )
        if not holds_markers(value):
            return value
        kind, cls, keys = container(value)
        match kind:
            case "dict":
                return {
                    key: self._lifted(item, id, (*path, Access("item", key)), inner, where)
                    for key, item in value.items()
                }
            case "namedtuple":
                return cls(
                    *(
                        self._lifted(item, id, (*path, Access("attribute", name)), inner, where)
                        for name, item in zip(keys, value, strict=True)
                    )
                )
            case _:
                return type(value)(
                    self._lifted(item, id, (*path, Access("item", n)), inner, where)
                    for n, item in enumerate(value)
                )


# ---- small things


def params(callee: Callee) -> tuple[Param, ...]:
    binding = callee.binding
    return tuple(
        Param(
            name=name,
            type=type_text(callee.hints[name]) if name in callee.hints else "",
            default=_shown(binding.defaults.get(name)),
            required=name not in binding.defaults,
            secret=isinstance(binding.defaults.get(name), markers.Secret),
        )
        for name in binding.names
    )


def _shown(default: Any) -> Any:
    return default if isinstance(default, int | float | str | bool | None) else repr(default)


def _many(hint: Any, *, collect: bool) -> Any:
    if hint is Any:
        return list[Any]
    return list[Union[hint, Failure]] if collect else list[hint]  # noqa: UP007  # any hint


def _not(source: Input) -> Input:
    return Expr("not_", (source,))


def _and(first: Input, second: Input) -> Input:
    return Expr("and_", (first, second))
