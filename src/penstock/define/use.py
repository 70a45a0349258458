"""What steps and pipelines share: they can be called, mapped, guarded, named and ordered."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import partial
from itertools import product
from types import FrameType
from typing import Any, ClassVar, Generic, ParamSpec, Self, TypeVar, cast

from msgspec.structs import replace

from penstock.core.failing import describe
from penstock.core.failure import Failure
from penstock.core.graph import FirstOf
from penstock.core.naming import MAIN, resolve
from penstock.define.callee import Callee, Marker, is_named_tuple
from penstock.define.markers import Each, LogicalDate, Reference, Secret, Skipped
from penstock.define.promise import Origin, Promise, label, place
from penstock.define.scope import Scope
from penstock.define.site import PLAIN, Building, Site, Use, active
from penstock.define.types import elements
from penstock.errors import DefinitionError, PromiseError, UsageError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

plain: ContextVar[bool] = ContextVar("penstock_plain", default=False)
"""A pipeline is being called as plain Python."""


class Usable(ABC, Generic[P, R]):
    """A step or a pipeline, with how this use of it differs from a plain call."""

    kind = "step"
    form: ClassVar[Callable[[Any], str | None] | None] = None
    """What a notebook shows of it: given by `penstock.api`, which can draw."""

    def __init__(self, callee: Callee, name: str, use: Use) -> None:
        self.callee = callee
        self.name = name
        """The name of its nodes, where no other is given."""
        self._use = use
        # As `functools.wraps` has it, so that tools which show functions show this one.
        self.__wrapped__ = callee.function
        self.__module__ = callee.module
        self.__name__ = callee.name
        self.__qualname__ = callee.qualname
        self.__doc__ = callee.doc

    # ---- calling

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        scope = active.get()
        if scope is not None:
            return cast(R, self._place(scope, self._site(args, kwargs, sys._getframe(1))))
        return cast(R, self.plainly(args, kwargs))

    def map(self, /, *args: P.args, **kwargs: P.kwargs) -> list[R]:
        """A call for every element of the arguments that are `each(…)` or `cross(…)`."""
        scope = active.get()
        if scope is not None:
            site = self._site(args, kwargs, sys._getframe(1), mapped=True)
            return cast(list[R], self._place(scope, site))
        if self._use.when and self._skips(args, kwargs):
            return cast(list[R], Skipped(None) if plain.get() else None)
        return [self.plainly(*one) for one in self.spread(args, kwargs)]

    def map_collect(self, /, *args: P.args, **kwargs: P.kwargs) -> list[R | Failure]:
        """As `map`; an element that fails becomes a Failure, and the others go on."""
        scope = active.get()
        if scope is not None:
            site = self._site(args, kwargs, sys._getframe(1), mapped=True, collect=True)
            return cast(list[R | Failure], self._place(scope, site))
        if self._use.when and self._skips(args, kwargs):
            return cast(list[R | Failure], Skipped(None) if plain.get() else None)
        return [self.attempt(*one) for one in self.spread(args, kwargs)]

    def bind(self, /, *args: P.args, **kwargs: P.kwargs) -> Bound[R]:
        """A call with its arguments, to be made later."""
        return Bound(self, args, kwargs)

    # ---- how this use differs

    def when(self, condition: bool) -> Self:
        """Called only if `condition` holds; what depends on it is skipped with it."""
        return self._with(replace(self._use, when=(*self._use.when, (condition, True))))

    def unless(self, condition: bool) -> Self:
        """Called only if `condition` does not hold."""
        return self._with(replace(self._use, when=(*self._use.when, (condition, False))))

    def after(self, *others: object) -> Self:
        """Called only when these have ended: what a step returned, or a step's name."""
        return self._with(replace(self._use, after=(*self._use.after, *others)))

    def named(self, name: str) -> Self:
        """This use under a name of its own."""
        return self._with(replace(self._use, name=checked_name(name)))

    # ---- inner

    def __reduce__(self) -> str | tuple[Any, ...]:
        # What a module holds is found there again; others travel with what they call.
        if "<locals>" not in self.__qualname__ and self.__module__ != MAIN:
            try:
                if resolve(f"{self.__module__}:{self.__qualname__}") is self:
                    return self.__qualname__
            except DefinitionError:
                pass
        return type(self), self._parts()

    @abstractmethod
    def _parts(self) -> tuple[Any, ...]:
        """What it is made anew from."""

    @abstractmethod
    def _with(self, use: Use) -> Self: ...

    @abstractmethod
    def _place(self, building: Building, site: Site) -> Any:
        """Make a node of this call in the pipeline that is being built."""

    def _site(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType,
        *,
        mapped: bool = False,
        collect: bool = False,
    ) -> Site:
        return Site(self.callee, self.name, self._use, args, kwargs, frame, mapped, collect)

    def plainly(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the function itself. Markers become what they stand for."""
        if self._use is PLAIN and not self.callee.marked:
            for value in args:
                if isinstance(value, Marker):
                    break
            else:
                for value in kwargs.values():
                    if isinstance(value, Marker):
                        break
                else:
                    return self._run(args, kwargs)
        return self._settled(args, kwargs)

    def _run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return self.callee.function(*args, **kwargs)

    def _settled(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if self._skips(args, kwargs):
            fixed = elements(self.callee.hints.get("return", Any))
            return Skipped(None if fixed is None else len(fixed)) if plain.get() else None
        binding = self.callee.binding
        if self.callee.marked:
            given = binding.bind(args, kwargs, "")
            marked = {k: v for k, v in binding.defaults.items() if isinstance(v, Marker)}
            kwargs = {**kwargs, **{k: v for k, v in marked.items() if k not in given}}
        names = (*binding.positional, *(["*"] * len(args)))
        hints = self.callee.hints
        return self._run(
            tuple(self._value(v, hints.get(n, Any), n) for n, v in zip(names, args, strict=False)),
            {
                name: self._value(value, hints.get(name, Any), name)
                for name, value in kwargs.items()
            },
        )

    def _value(self, value: Any, hint: Any, name: str) -> Any:
        match value:
            case Secret():
                return value.reveal()
            case Reference():
                return value.load()
            case LogicalDate():
                return value.on("", hint)
            case Each():
                raise DefinitionError(
                    f"each(…) for '{name}' of '{self.name}' stands in a plain call",
                    hint=f"Write {self.name}.map(…).",
                )
            case Promise():
                raise PromiseError(
                    f"'{label(value)}' is used outside of its pipeline",
                    hint="Run the pipeline, and take `run.result()` or `run[step].output`.",
                )
            case _:
                return value

    def _skips(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        for condition, wanted in self._use.when:
            if isinstance(condition, Skipped):
                return True
            if type(condition) is not bool and type(condition).__module__ != "numpy":
                raise UsageError(
                    f"a condition of '{self.name}' is {condition!r}, which is not True or False",
                    hint="Compare it, like `x > 0`; for the opposite use `.unless(…)`.",
                )
            if bool(condition) is not wanted:
                return True
        if self.kind == "pipeline":
            # Its steps know for themselves which of them depend on what was skipped.
            return False
        return any(map(_depends_on_skipped, (*args, *kwargs.values())))

    def spread(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The arguments of every call of a map."""
        every: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        zipped = {k: list(v.values) for k, v in every.items() if _is_each(v, crossed=False)}
        crossed = {k: list(v.values) for k, v in every.items() if _is_each(v, crossed=True)}
        if not zipped and not crossed:
            raise DefinitionError(
                f"'{self.name}' is mapped over nothing",
                hint=f"Mark what to run over: {self.name}.map(each([…])).",
            )
        if len({len(values) for values in zipped.values()}) > 1:
            told = ", ".join(f"'{name}' has {len(values)}" for name, values in zipped.items())
            raise UsageError(
                f"lists that fan out together differ in length: {told}",
                hint="Use cross([...]) for every combination.",
            )
        rows = zip(*zipped.values(), strict=True) if zipped else iter([()])
        for row in rows:
            for cell in product(*crossed.values()):
                one = {
                    **every,
                    **dict(zip(zipped, row, strict=True)),
                    **dict(zip(crossed, cell, strict=True)),
                }
                yield (
                    tuple(one[n] for n in range(len(args))),
                    {k: v for k, v in one.items() if isinstance(k, str)},
                )

    def attempt(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        try:
            return self.plainly(args, kwargs)
        except Exception as error:  # around user code: a failure is a value here
            told = describe(error)
            return Failure(told.type, told.message, told.traceback)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"

    def _repr_html_(self) -> str | None:
        return Usable.form(self) if Usable.form is not None else None


class Bound(Generic[R]):
    """A step or a pipeline with its arguments; `()` makes the call."""

    __slots__ = ("args", "kwargs", "used")

    def __init__(
        self, used: Usable[Any, R], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.used = used
        self.args = args
        self.kwargs = dict(kwargs)

    def __call__(self) -> R:
        return partial(self.used, *self.args, **self.kwargs)()

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.kwargs.items())]
        return f"{self.used!r}({', '.join(given)})"


def either(*options: T) -> T:
    """The first of these that was not skipped."""
    if not options:
        raise DefinitionError("either() has nothing to choose from", hint="Give it two results.")
    scope = active.get()
    if not isinstance(scope, Scope):
        return _first(options)
    return cast(T, _either(scope, options, place(sys._getframe(1))))


def _first(options: tuple[T, ...]) -> T:
    for option in options:
        if not isinstance(option, Skipped):
            return option
    return options[-1]


def _either(scope: Scope, options: tuple[Any, ...], where: str) -> Any:
    first = options[0]
    if isinstance(first, tuple | list) and all(
        type(one) is type(first) and len(one) == len(first) for one in options
    ):
        inner = [_either(scope, parts, where) for parts in zip(*options, strict=True)]
        return type(first)(*inner) if is_named_tuple(type(first)) else type(first)(inner)
    if isinstance(first, dict) and all(
        isinstance(one, dict) and one.keys() == first.keys() for one in options
    ):
        return {key: _either(scope, tuple(one[key] for one in options), where) for key in first}
    if not any(isinstance(option, Promise) for option in options):
        raise DefinitionError(
            f"either(…) is given no step's output ({where})",
            hint="Give it what two guarded steps return.",
        )
    sources = [scope.operand(option, where) for option in options]
    key = scope.number(("either", *(key for _, key in sources)))
    hints = [o._penstock.hint if isinstance(o, Promise) else type(o) for o in options]
    hint = hints[0]
    for other in hints[1:]:
        hint = hint if hint is other else Any if Any in (hint, other) else hint | other
    fields = [o._penstock.fields if isinstance(o, Promise) else None for o in options]
    whole = fields[0] if all(one is fields[0] for one in fields) else None
    source = FirstOf(tuple(source for source, _ in sources))
    return Promise(Origin(scope, source, hint, key, fields=whole))


def _is_each(value: object, *, crossed: bool) -> bool:
    return isinstance(value, Each) and value.crossed is crossed


def _depends_on_skipped(value: object) -> bool:
    if isinstance(value, Skipped):
        return True
    if isinstance(value, dict):
        return any(map(_depends_on_skipped, value.values()))
    return isinstance(value, list | tuple) and any(map(_depends_on_skipped, value))


def checked_name(name: str) -> str:
    """A name that can address a step: no "/" (nested pipelines), no "[" (items of a map), no "."."""
    if not name or not isinstance(name, str) or any(mark in name for mark in "/[]. \t\n"):
        raise DefinitionError(
            f"{name!r} cannot be the name of a step", hint="Letters, digits, '-' and '_' are safe."
        )
    return name
