"""A pipeline being built: calls of its steps become nodes, and promises of what they will return."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any

from penstock.core.calls import apply
from penstock.core.failure import Failure
from penstock.core.graph import (
    Access,
    Build,
    Each,
    Expr,
    Function,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    OutputRef,
    Param,
    ParamRef,
    SecretRef,
    SourceRef,
    StepNode,
    references,
)
from penstock.core.naming import module_name
from penstock.define import markers, order
from penstock.define.callee import UNKNOWN, Callee, Marker, is_named_tuple, type_text
from penstock.define.known import Environment, Known, known
from penstock.define.promise import Origin, Promise, label, place
from penstock.define.settings import Settings
from penstock.define.types import element, fits, truthful, value_fits
from penstock.errors import DefinitionError, PromiseError, TypeMismatch

ATOMS = (int, str, bool, type(None))
"""Their digests are remembered: equal values of one type have equal content."""
COPIED = (list, tuple, dict, set, frozenset)


@dataclass(frozen=True, slots=True)
class Use:
    """How one use of a step or a pipeline differs from a plain call."""

    name: str = ""
    when: tuple[tuple[object, bool], ...] = ()
    """Conditions, each with what it must be."""
    after: tuple[object, ...] = ()


PLAIN = Use()


class Tracing:
    """What all pipelines of one trace share."""

    def __init__(self, environment: Environment, logical_date: str) -> None:
        self.environment = environment
        self.logical_date = logical_date
        self.functions: dict[str, Function] = {}
        self._numbers: dict[Hashable, int] = {}
        self._occurred: dict[int, int] = {}
        self._digests: dict[tuple[type, object], str] = {}
        self._large: dict[int, tuple[object, str, str]] = {}
        self._known: dict[tuple[Hashable, int], tuple[Known, object]] = {}
        self._fits: dict[tuple[int, int], tuple[bool, Any, Any]] = {}

    def known(self, callee: Callee, settings: Settings) -> Known:
        key = (callee.identity, id(settings))
        found = self._known.get(key)
        if found is None:
            # The objects are kept, so that no other takes over their ids.
            found = known(callee, settings, self.environment), (callee, settings)
            self._known[key] = found
        return found[0]

    def number(self, key: Hashable) -> int:
        """A number for each different key, so that a chain of keys does not nest."""
        return self._numbers.setdefault(key, len(self._numbers))

    def occurrence(self, number: int) -> int:
        """How many calls of the same function with the same inputs came before."""
        count = self._occurred.get(number, 0)
        self._occurred[number] = count + 1
        return count

    def fits(self, given: Any, wanted: Any) -> bool:
        key = (id(given), id(wanted))
        found = self._fits.get(key)
        if found is None:
            found = self._fits[key] = fits(given, wanted), given, wanted
        return found[0]

    def literal(self, value: Any, where: str) -> Literal:
        """A value with its digest; a plain container is copied, so that it stays as it is now."""
        kind = type(value)
        if kind in ATOMS:
            digest = self._digests.get((kind, value))
            if digest is None:
                digest = self._digests[kind, value] = self.environment.digest_value(value)
            return Literal(value, digest)
        if kind in COPIED:
            return Literal(_copied(value), self.environment.digest_value(value))
        if kind is float or kind.__module__ in ("datetime", "pathlib", "decimal"):
            return Literal(value, self.environment.digest_value(value))
        found = self._large.get(id(value))
        if found is None:
            digest = self.environment.digest_value(value)
            found = self._large[id(value)] = value, digest, where
        return Literal(value, found[1])

    def settle(self) -> None:
        """Large values are not copied: one that has changed since it was taken is refused."""
        for value, digest, where in self._large.values():
            if self.environment.digest_value(value) != digest:
                raise DefinitionError(
                    f"a {type(value).__name__} was changed after it was passed to a step ({where})",
                    hint="Change a copy, or change it inside a step.",
                )


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    if kind in (list, tuple):
        return kind(map(_copied, value))
    return set(value) if kind is set else value


active: ContextVar[Scope | None] = ContextVar("penstock_scope", default=None)
"""The pipeline being built, if one is."""


class Scope:
    """One pipeline of a trace."""

    def __init__(self, tracing: Tracing, prefix: str = "", parent: Scope | None = None) -> None:
        self.tracing = tracing
        self.prefix = prefix
        self.parent = parent
        self.nodes: list[Node] = []
        self.lines: dict[str, str] = {}
        """Id of a node to where it stands."""
        self.explicit: set[str] = set()
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
            return apply(callee.function, values)
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

    def number(self, key: Hashable) -> int:
        return self.tracing.number(key)

    def operand(self, value: object, where: str) -> tuple[Input, Hashable]:
        return self.source(value, Any, "", "an expression", where)

    def source(
        self, value: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        """A value, or a promise, or a container of both, as an input; and what tells it from others."""
        kind = type(value)
        if kind is Promise:
            origin = self._own(value, where)._penstock
            if not self.tracing.fits(origin.hint, wanted):
                raise _mismatch(self._said(value), origin.hint, wanted, name, owner, where)
            return origin.source, origin.key
        if kind in ATOMS or not (
            isinstance(value, Marker) or kind in COPIED or isinstance(value, tuple)
        ):
            return self._literal(value, wanted, name, owner, where)
        match value:
            case markers.Secret():
                return SecretRef(value.source, value.name), ("secret", value.source, value.name)
            case markers.Reference():
                return SourceRef(value.address), ("source", value.address)
            case markers.LogicalDate():
                value = value.on(self.tracing.logical_date, wanted)
                return self._literal(value, wanted, name, owner, where)
            case markers.Each():
                raise DefinitionError(
                    f"each(…) for '{name}' of '{owner}' stands in a plain call ({where})",
                    hint=f"Write {owner}.map(…), and each(…) as an argument itself.",
                )
        if not _holds_markers(value):
            return self._literal(value, wanted, name, owner, where)
        return self._build(value, wanted, name, owner, where)

    def _literal(
        self, value: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        if wanted is not Any and type(value) is not wanted and not value_fits(value, wanted):
            shown = repr(value) if len(repr(value)) < 60 else f"a {type(value).__name__}"
            raise _mismatch(shown, type(value), wanted, name, owner, where)
        literal = self.tracing.literal(value, where)
        return literal, literal.digest

    def _build(
        self, value: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        kind, cls, keys = _container(value)
        if kind == "":
            raise DefinitionError(
                f"a promise stands in a {type(value).__name__} for '{name}' of '{owner}' ({where})",
                hint="Promises go into lists, tuples, NamedTuples and dicts.",
            )
        if not self.tracing.fits(cls or type(value), wanted):
            raise _mismatch(f"a {kind}", type(value), wanted, name, owner, where)
        items = value.values() if kind == "dict" else value
        inner_hint = element(wanted)[1] if kind in ("list", "tuple") else Any
        parts = [self.source(item, inner_hint, name, owner, where) for item in items]
        source = Build(kind, tuple(part for part, _ in parts), keys, cls)  # type: ignore[arg-type]  # one of its four kinds
        return source, (kind, keys, *(key for _, key in parts))

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
        if not _holds_markers(value):
            return value
        kind, cls, keys = _container(value)
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

    def _own(self, promise: Promise, where: str) -> Promise:
        scope = promise._penstock.scope
        if scope is not self:
            raise PromiseError(
                f"'{label(promise)}' belongs to another pipeline ({where})",
                hint="Pass it as an argument of this pipeline."
                if self.parent is not None and scope in self.around()
                else "Use it in the pipeline whose step returned it; an old result is ref(…).",
            )
        return promise

    def around(self) -> list[Scope]:
        return [self.parent, *self.parent.around()] if self.parent else []

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
                source, key = self._elements(value.values, wanted, name, owner, where)
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

    def _elements(
        self, values: Any, wanted: Any, name: str, owner: str, where: str
    ) -> tuple[Input, Hashable]:
        """What each(…) runs over: a list that is known, or the promise of one."""
        if isinstance(values, Promise):
            origin = self._own(values, where)._penstock
            iterable, inner = element(origin.hint)
            if not iterable:
                raise TypeMismatch(
                    f"{self._said(values)} is {type_text(origin.hint)}, which each(…) for '{name}' "
                    f"of '{owner}' cannot run over ({where})",
                    hint="each(…) takes a list, or the output of a step that returns one.",
                )
            if not self.tracing.fits(inner, wanted):
                raise _mismatch(
                    f"an element of {self._said(values)}", inner, wanted, name, owner, where
                )
            return origin.source, origin.key
        if isinstance(values, Marker):
            return self.source(values, Any, name, owner, where)
        try:
            items = list(values)
        except TypeError:
            raise TypeMismatch(
                f"each({values!r}) for '{name}' of '{owner}' is no list ({where})",
                hint="each(…) takes a list, or the output of a step that returns one.",
            ) from None
        if not _holds_markers(items):
            for item in items[:100]:
                if not value_fits(item, wanted):
                    raise _mismatch(repr(item), type(item), wanted, name, owner, where)
            return self._literal(items, Any, name, owner, where)
        parts = [self.source(item, wanted, name, owner, where) for item in items]
        source = Build("list", tuple(part for part, _ in parts))
        return source, ("list", *(key for _, key in parts))

    def _said(self, promise: Promise) -> str:
        """A promise by name, with the line where its step stands."""
        refs = list(references(promise._penstock.source))
        line = self.lines.get(refs[0].node, "") if refs else ""
        return f"'{label(promise)}' ({line})" if line else f"'{label(promise)}'"

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
                hint = self._own(condition, where)._penstock.hint
            else:
                hint = type(condition)
            if not truthful(hint):
                raise TypeMismatch(
                    f"{self._said(condition) if isinstance(condition, Promise) else repr(condition)}"
                    f" is {type_text(hint)}, which is no condition ({where})",
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
            promises = list(_promises(one))
            if not promises:
                raise DefinitionError(
                    f"`.after` is given {one!r} ({where})",
                    hint="Give it what a step returned, or a step's name.",
                )
            for promise in promises:
                self._run_after(self._own(promise, where), nodes)
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
            origin = inner._own(value, where)._penstock
            if origin.outer is not None:
                return origin.outer
            source = OutputRef(id, "", path)
            return Promise(
                Origin(
                    self, source, origin.hint, origin.key, fields=origin.fields, free=origin.free
                )
            )
        if not _holds_markers(value):
            return value
        kind, cls, keys = _container(value)
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
    if hint is Any or hint is UNKNOWN:
        return list[Any]
    return list[hint | Failure] if collect else list[hint]


def _not(source: Input) -> Input:
    return Expr("not_", (source,))


def _and(first: Input, second: Input) -> Input:
    return Expr("and_", (first, second))


def _holds_markers(value: Any) -> bool:
    if isinstance(value, Marker):
        return True
    if isinstance(value, dict):
        return any(map(_holds_markers, value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return any(map(_holds_markers, value))
    return False


def _promises(value: Any) -> list[Promise]:
    if isinstance(value, Promise):
        return [value]
    if isinstance(value, dict):
        return [p for item in value.values() for p in _promises(item)]
    if isinstance(value, list | tuple):
        return [p for item in value for p in _promises(item)]
    return []


def _container(value: Any) -> tuple[str, Any, tuple[Any, ...]]:
    """What kind of container a value is, its NamedTuple class, its keys."""
    kind = type(value)
    if kind is dict:
        return "dict", None, tuple(value)
    if is_named_tuple(kind):
        return "namedtuple", kind, kind._fields
    if kind is list or kind is tuple:
        return kind.__name__, None, ()
    return "", None, ()


def _mismatch(
    given: str, hint: Any, wanted: Any, name: str, owner: str, where: str
) -> TypeMismatch:
    if not name:
        return TypeMismatch(
            f"{given} is {type_text(hint)}, but '{owner}' returns {type_text(wanted)} ({where})",
            hint="Change the annotation, or what is returned.",
        )
    return TypeMismatch(
        f"{given} is {type_text(hint)}, but '{name}' of '{owner}' is {type_text(wanted)} ({where})",
        hint="Change one of the two annotations, or what is passed.",
    )
