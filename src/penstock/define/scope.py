"""A pipeline being built: calls of its steps become nodes, and promises of what they will return."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import Any, Union

from msgspec.structs import replace as with_fields

from penstock.core.failure import Failure
from penstock.core.graph import (
    Access,
    Build,
    Each,
    Expr,
    FirstOf,
    Graph,
    GraphNode,
    Input,
    Node,
    OutputRef,
    Param,
    ParamRef,
    references,
)
from penstock.core.naming import module_name
from penstock.define import markers, order
from penstock.define.callee import Callee, Marker, short, type_text
from penstock.define.containers import container, holds_markers, promises_in
from penstock.define.inputs import Inputs
from penstock.define.promise import Origin, Promise, place
from penstock.define.settings import Settings
from penstock.define.site import Site, Use, active
from penstock.define.tracing import Tracing
from penstock.define.types import truthful
from penstock.errors import DefinitionError, TypeMismatch


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

    def step(self, site: Site, settings: Settings) -> Promise:
        """A node for a call of this step, and the promise of what it returns."""
        callee, use, where = site.callee, site.use, place(site.frame)
        tracing = self.tracing
        arguments, defaulted = self._arguments(site, where)
        id = self._id(use.name, site.name, where)
        known = tracing.known(callee, settings)
        inputs, key, each = self._inputs(site, arguments, where)
        number = tracing.number((known.node.ref, key))
        occurrence = tracing.occurrence(number)
        self.nodes.append(
            with_fields(
                known.node,
                id=id,
                inputs=inputs,
                defaulted=defaulted,
                each=each,
                when=self._guard(use, where) if use.when else None,
                after=self._after(id, use, where) if use.after else (),
                occurrence=occurrence,
                source_line=where,
            )
        )
        tracing.functions[self.prefix + id] = known.function
        hint = callee.hints.get("return", Any)
        fields = known.function.fields
        if each is not None:
            hint, fields = many(hint, collect=each.collect), None
        # Equal calls may still draw differently: which one it is tells them apart.
        return Promise(Origin(self, OutputRef(id), hint, (number, occurrence), fields=fields))

    # ---- a pipeline inside this one

    def graph(self, site: Site) -> Any:
        """A node for a call of this pipeline, and what it returns with promises of this scope."""
        callee, use, where = site.callee, site.use, place(site.frame)
        arguments, _ = self._arguments(site, where)
        id = self._id(use.name, site.name, where)
        sources, key, each = self._inputs(site, arguments, where)
        number = self.number((callee.module, callee.qualname, key))
        inner = Scope(self.tracing, f"{self.prefix}{id}/", self)
        values: dict[str, Any] = {}
        for name, value in arguments.items():
            hint = callee.hints.get(name, Any)
            if isinstance(value, markers.Each):
                inner.inputs[name] = sources[name]
                values[name] = Promise(Origin(inner, ParamRef(name), hint, (number, name)))
            else:
                values[name] = inner.stand_in(value, name, hint, where)
        returned = inner.run(callee, values)
        graph = inner.finished(callee, site.name, returned, {}, where)
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
        if each is None:
            guarded = (number, self.tracing.occurrence(number)) if use.when else None
            return self._lifted(returned, id, (), inner, where, guarded)
        hint = many(callee.hints.get("return", Any), collect=each.collect)
        occurrence = self.tracing.occurrence(number)
        return Promise(Origin(self, OutputRef(id), hint, (number, occurrence)))

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
            nodes=self._ordered(),
            outputs=outputs,
            params=params(callee, self.tracing.open if self.parent is None else ()),
            arguments=arguments,
            doc=callee.doc,
        )

    def _ordered(self) -> tuple[Node, ...]:
        nodes = order.ordered(self.nodes, self.named_after, self.lines)
        if any(one.id != other.id for one, other in zip(nodes, self.nodes, strict=True)):
            self.tracing.turned = True
        return nodes

    # ---- values into inputs

    def stand_in(self, value: Any, name: str, hint: Any, where: str) -> Any:
        """An argument as the pipeline's function gets it: promises of around become parameters here."""
        match value:
            case Promise():
                return self.adopt(value, name)
            case markers.LogicalDate() if markers.DATE in self.tracing.open:
                source, key = self.source(value, hint, name, name, where)
                return Promise(Origin(self, source, hint, key))
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

    def symbol(self, name: str, hint: Any) -> Promise:
        """A parameter whose value is not to be known."""
        return Promise(Origin(self, ParamRef(name), hint, ("param", name)))

    def look(self, source: Input) -> None:
        match source:
            case ParamRef(name=name):
                if self.parent is None:
                    self.tracing.looked.add(name)
                elif name in self.inputs:
                    self.parent.look(self.inputs[name])
            case Expr(op=op) if op == markers.DATE:
                self.tracing.looked.add(op)
            case Build(items=inner) | Expr(operands=inner) | FirstOf(options=inner):
                for one in inner:
                    self.look(one)

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

    def _arguments(self, site: Site, where: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Complete arguments, and which of them code leaves to their defaults."""
        binding = site.callee.binding
        given = binding.bind(site.args, site.kwargs, where)
        defaulted = tuple(name for name in binding.defaults if name not in given)
        return binding.complete(given), defaulted

    def _inputs(
        self, site: Site, arguments: Mapping[str, Any], where: str
    ) -> tuple[dict[str, Input], Hashable, Each | None]:
        """Arguments as inputs, what tells them from others, and what a map runs over."""
        hints, owner = site.callee.hints, site.callee.name
        defaults = site.callee.binding.defaults
        inputs: dict[str, Input] = {}
        keys: list[Hashable] = []
        zipped: list[str] = []
        crossed: list[str] = []
        for name, value in arguments.items():
            wanted = hints.get(name, Any)
            if name in defaults and value is defaults[name] and not isinstance(value, Marker):
                # `depth: int = None` is the function's own business.
                wanted = Any
            if site.mapped and isinstance(value, markers.Each):
                source, key = self.elements(value.values, wanted, name, owner, where)
                (crossed if value.crossed else zipped).append(name)
                key = ("cross" if value.crossed else "each", key)
            else:
                source, key = self.source(value, wanted, name, owner, where)
            inputs[name] = source
            keys.append((name, key))
        if not site.mapped:
            return inputs, tuple(keys), None
        if not zipped and not crossed:
            raise DefinitionError(
                f"'{owner}' is mapped over nothing ({where})",
                hint=f"Mark what to run over: {owner}.map({next(iter(arguments), 'x')}=each([…])).",
            )
        return inputs, tuple(keys), Each(tuple(zipped), tuple(crossed), site.collect)

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
        self,
        value: Any,
        id: str,
        path: tuple[Access, ...],
        inner: Scope,
        where: str,
        guarded: Hashable,
    ) -> Any:
        """What a nested pipeline returned, as the pipeline around sees it.

        Of one under a guard all is a promise: what it passes on is there if it was called.
        """
        if isinstance(value, Promise):
            origin = inner.own(value, where)._penstock
            if origin.outer is not None and guarded is None:
                return origin.outer
            source = OutputRef(id, "", path)
            return Promise(
                Origin(
                    self, source, origin.hint, origin.key, fields=origin.fields, free=origin.free
                )
            )
        if guarded is None and not holds_markers(value):
            return value
        kind, cls, keys = container(value)
        if kind in ("list", "dict") and not holds_markers(value):
            kind = ""
        match kind:
            case "dict":
                return {
                    key: self._lifted(item, id, (*path, Access("item", key)), inner, where, guarded)
                    for key, item in value.items()
                }
            case "namedtuple":
                return cls(
                    *(
                        self._lifted(
                            item, id, (*path, Access("attribute", name)), inner, where, guarded
                        )
                        for name, item in zip(keys, value, strict=True)
                    )
                )
            case "":
                return Promise(
                    Origin(self, OutputRef(id, "", path), type(value), ("given", guarded, path))
                )
            case _:
                return type(value)(
                    self._lifted(item, id, (*path, Access("item", n)), inner, where, guarded)
                    for n, item in enumerate(value)
                )


# ---- small things


def params(callee: Callee, open: Collection[str] = ()) -> tuple[Param, ...]:
    binding = callee.binding
    return tuple(
        Param(
            name=name,
            type=type_text(callee.hints[name]) if name in callee.hints else "",
            default=_shown(binding.defaults.get(name)),
            required=name not in binding.defaults,
            structural=name not in open,
            secret=isinstance(binding.defaults.get(name), markers.Secret),
        )
        for name in binding.names
    )


def _shown(default: Any) -> Any:
    return default if isinstance(default, int | float | str | bool | None) else repr(default)


def many(hint: Any, *, collect: bool) -> Any:
    if hint is Any:
        return list[Any]
    return list[Union[hint, Failure]] if collect else list[hint]  # noqa: UP007  # any hint


def _not(source: Input) -> Input:
    return Expr("not_", (source,))


def _and(first: Input, second: Input) -> Input:
    return Expr("and_", (first, second))
