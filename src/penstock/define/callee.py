"""The callable of a step or a pipeline: its parameters, types and outputs, read once."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Container, Mapping
from functools import lru_cache, partial
from types import CodeType, FrameType, MethodType
from typing import Annotated, Any, ForwardRef, TypeVar, get_args, get_origin, get_type_hints

from penstock.core.graph import Output
from penstock.core.place import nearest
from penstock.errors import DefinitionError

QUALIFIED = re.compile(r"(?:\w+[.:])+(?:<locals>\.)?(?=\w)")
UNRESOLVED = (
    NameError,
    AttributeError,
    TypeError,
    SyntaxError,
    ValueError,
    LookupError,
    ImportError,
)
"""What evaluating an annotation raises, where it names what only type checkers see."""
COROUTINE = 0x80 | 0x200
"""Flags of code objects: `async def`, with and without `yield`."""
OPTIMIZED = 0x1
"""Flag of a function's code, not of a class body's."""
RESULT = "result"
UNKNOWN: Any = object()
"""An annotation that names what is only there for type checkers."""


class Callee:
    """What is called, whatever it is: a function, a method, a class instance, a partial.

    Everything but the name is read on first use, so that importing a module of steps costs nothing.
    """

    __slots__ = (
        "_binding",
        "_hints",
        "_locals",
        "_outputs",
        "function",
        "marked",
        "name",
        "qualname",
        "where",
    )

    def __init__(self, function: Callable[..., Any], kind: str, frame: FrameType | None) -> None:
        inner = _innermost(function)
        self.function = function
        self.qualname: str = getattr(inner, "__qualname__", type(inner).__qualname__)
        name: str = getattr(inner, "__name__", type(inner).__name__)
        self.name = "lambda" if name == "<lambda>" else name
        code = _code(inner)
        self.where = f"{file_text(code.co_filename)}:{code.co_firstlineno}" if code else ""
        self._binding: Binding | None = None
        self._hints: Mapping[str, Any] | None = None
        self._outputs: tuple[tuple[Output, ...], type | None] | None = None
        self._locals = _names_around(function, frame)
        defaults = (*(getattr(inner, "__defaults__", None) or ()),)
        keywords = (getattr(inner, "__kwdefaults__", None) or {}).values()
        self.marked = any(isinstance(value, Marker) for value in (*defaults, *keywords))
        if not callable(function):
            raise DefinitionError(
                f"{function!r} cannot be a {kind}: it is not callable",
                hint=f"Put @{kind} above a function.",
            )
        if code and code.co_flags & COROUTINE:
            raise DefinitionError(
                f"'{self.name}' is an `async def`, and a {kind} is a plain function ({self.where})",
                hint=f"Write `def {self.name}(…)` and call `asyncio.run(…)` inside.",
            )

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """The function called with complete arguments by parameter."""
        binding = self.binding
        rest = f"*{binding.rest}"
        args = [arguments[name] for name in binding.positional]
        named = {k: v for k, v in arguments.items() if k not in binding.positional and k != rest}
        return self.function(*args, *arguments.get(rest, ()), **named)

    @property
    def identity(self) -> tuple[int, ...]:
        """The same for equal callables, also for a method that was taken from its instance twice."""
        function = self.function
        if isinstance(function, MethodType):
            return id(function.__func__), id(function.__self__)
        return (id(function),)

    def bound(self, instance: object, owner: type | None) -> Callee:
        """The method of this instance, or of its class."""
        if not hasattr(self.function, "__get__"):  # a callable object, a partial
            return self
        taken = self.function.__get__(instance, owner)
        if taken is self.function:
            return self
        callee: Callee = _restored(taken, self.name, self.qualname, self.where, self.marked)
        callee._hints, callee._outputs = self.hints, self.outputs
        return callee

    @property
    def module(self) -> str:
        inner = _innermost(self.function)
        return getattr(inner, "__module__", None) or type(inner).__module__

    @property
    def doc(self) -> str:
        return getattr(_innermost(self.function), "__doc__", None) or ""

    @property
    def binding(self) -> Binding:
        if self._binding is None:
            self._binding = Binding(self)
        return self._binding

    @property
    def hints(self) -> Mapping[str, Any]:
        """Resolved annotations by parameter, and "return"; what cannot be resolved is left out."""
        if self._hints is None:
            self._hints = _resolved(self.function, self._locals)
        return self._hints

    @property
    def outputs(self) -> tuple[tuple[Output, ...], type | None]:
        """What a step returns, and its NamedTuple class if it returns one."""
        if self._outputs is None:
            returned: Any = self.hints.get("return")
            whole = get_args(returned)[0] if get_origin(returned) is Annotated else returned
            kind: Any = get_origin(whole) or whole
            if is_named_tuple(kind):
                hints = field_hints(kind)
                given = dict(
                    zip(getattr(kind, "__parameters__", ()), get_args(whole), strict=False)
                )
                self._outputs = (
                    tuple(
                        Output(name, type_text(_filled(hints.get(name, Any), given)))
                        for name in kind._fields
                    ),
                    kind,
                )
            else:
                text = type_text(returned) if "return" in self.hints else ""
                self._outputs = (Output(RESULT, text),), None
        return self._outputs

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.function, self.name, self.qualname, self.where, self.marked)


def _restored(
    function: Callable[..., Any], name: str, qualname: str, where: str, marked: bool
) -> Callee:
    callee = Callee.__new__(Callee)
    callee.function, callee.name, callee.qualname = function, name, qualname
    callee.where, callee.marked = where, marked
    callee._binding = callee._hints = callee._outputs = None
    callee._locals = {}
    return callee


class Marker:
    """Something that may stand where a value goes, and is replaced by one before a step sees it."""

    __slots__ = ()


class Binding:
    """How arguments become parameters, without what `inspect` adds in time on every call."""

    __slots__ = (
        "defaults",
        "keywords",
        "names",
        "owner",
        "positional",
        "required",
        "rest",
        "simple",
    )

    def __init__(self, callee: Callee) -> None:
        from inspect import Parameter, signature

        try:
            parameters = signature(callee.function).parameters.values()
        except (TypeError, ValueError):
            raise DefinitionError(
                f"cannot read the parameters of '{callee.name}'",
                hint="Wrap it in a function with named parameters.",
            ) from None
        kinds = {p.name: p.kind for p in parameters}
        self.owner = callee.name
        plain = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        self.positional = tuple(name for name, kind in kinds.items() if kind in plain)
        self.rest = next((n for n, k in kinds.items() if k is Parameter.VAR_POSITIONAL), "")
        self.keywords = next((n for n, k in kinds.items() if k is Parameter.VAR_KEYWORD), "")
        self.names = tuple(n for n in kinds if n not in (self.rest, self.keywords))
        self.defaults = {p.name: p.default for p in parameters if p.default is not Parameter.empty}
        self.required = tuple(n for n in self.names if n not in self.defaults)
        self.simple = not self.rest and not self.keywords and self.names == self.positional

    def bind(
        self,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        where: str,
        *,
        partial: bool = False,
        without: Container[str] = (),
    ) -> dict[str, Any]:
        """Arguments by parameter, without defaults; "*rest" and further keywords under their names.

        None but those in `without` may be missing, unless it is `partial`.
        """
        count = len(args)
        if count > len(self.positional) and not self.rest:
            raise self._wrong(
                f"takes {len(self.positional)} arguments by position, but {count} are given", where
            )
        given = dict(zip(self.positional, args, strict=False))
        if count > len(self.positional):
            given[f"*{self.rest}"] = args[len(self.positional) :]
        for name, value in kwargs.items():
            if name in given:
                raise self._wrong(f"is given '{name}' twice", where)
            if name not in self.names and not self.keywords:
                raise self._unknown(name, where)
            given[name] = value
        if not partial:
            for name in self.required:
                if name not in given and name not in without:
                    raise self._wrong(f"is called without '{name}'", where, self._usage())
        return given

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """With defaults, in the order of the signature: equal calls have equal arguments."""
        if len(given) == len(self.names) and self.simple:
            return {name: given[name] for name in self.names}
        star = f"*{self.rest}"
        done: dict[str, Any] = {}
        for name in self.positional:
            done[name] = given[name] if name in given else self.defaults[name]
        if star in given:
            done[star] = given[star]
        for name in self.names:
            if name not in done:
                done[name] = given[name] if name in given else self.defaults[name]
        # Keywords beyond the signature have no order of their own.
        for name in sorted(given.keys() - done.keys()):
            done[name] = given[name]
        return done

    def _usage(self) -> str:
        shown = (n if n not in self.defaults else f"{n}=…" for n in self.names)
        return f"Its parameters: {', '.join(shown)}."

    def _unknown(self, name: str, where: str) -> DefinitionError:
        meant = nearest(name, self.names)
        hint = f"Did you mean '{meant}'?" if meant else self._usage()
        return self._wrong(f"has no parameter '{name}'", where, hint)

    def _wrong(self, what: str, where: str, hint: str = "") -> DefinitionError:
        return DefinitionError(
            f"'{self.owner}' {what} ({where})" if where else f"'{self.owner}' {what}",
            hint=hint or self._usage(),
        )


# ---- annotations


def type_text(hint: Any) -> str:
    """A type as people write it, its module named where it is not obvious."""
    if hint is None or hint is type(None):
        return "None"
    if isinstance(hint, type) and not get_args(hint):
        return hint.__qualname__ if hint.__module__ == "builtins" else class_text(hint)
    return repr(hint).replace("typing.", "")


def short(hint: Any) -> str:
    """A type in an error: without its module."""
    return QUALIFIED.sub("", type_text(hint))


def is_named_tuple(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def class_text(cls: type) -> str:
    from penstock.core.naming import type_name

    return type_name(cls)


@lru_cache(maxsize=512)
def field_hints(cls: type) -> Mapping[str, Any]:
    """The annotations of a class's fields, as far as they can be resolved."""
    try:
        return get_type_hints(cls)
    except UNRESOLVED:
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            names = _globals_of(base)
            for name, hint in vars(base).get("__annotations__", {}).items():
                found[name] = _evaluated(hint, names, {})
        return {name: hint for name, hint in found.items() if hint is not UNKNOWN}


def _filled(hint: Any, given: Mapping[Any, Any]) -> Any:
    """An annotation with types for its type variables."""
    free = getattr(hint, "__parameters__", ())
    if isinstance(hint, TypeVar):
        return given.get(hint, hint)
    return hint[tuple(given.get(one, one) for one in free)] if free else hint


def _globals_of(thing: object) -> dict[str, Any]:
    own = getattr(thing, "__globals__", None)
    if own is not None:
        return dict(own)
    module = sys.modules.get(getattr(thing, "__module__", ""))
    return vars(module) if module else {}


def _resolved(function: Callable[..., Any], around: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = _innermost(function)
    if not hasattr(inner, "__annotations__") or isinstance(inner, type):
        inner = inner.__init__ if isinstance(inner, type) else type(inner).__call__  # type: ignore[misc]  # only its annotations are read
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    inner = getattr(inner, "__func__", inner)
    names = {**_globals_of(inner), **around, **_enclosed(inner)}
    hints: dict[str, Any] = {}
    for name, hint in getattr(inner, "__annotations__", {}).items():
        found = _evaluated(hint, names, around)
        if found is not UNKNOWN:
            hints[name] = found
    if isinstance(function, type):
        hints["return"] = function
    return hints


def _evaluated(hint: Any, names: dict[str, Any], around: Mapping[str, Any]) -> Any:
    """The annotation itself; UNKNOWN where it names what is only there for type checkers."""
    if hint is None:
        return type(None)
    if not isinstance(hint, str) and not _quoted(hint):
        return hint

    def holder() -> None: ...

    holder.__annotations__ = {"it": hint}
    try:
        return get_type_hints(holder, names, dict(around))["it"]
    except UNRESOLVED:
        return UNKNOWN


def _quoted(hint: Any) -> bool:
    return isinstance(hint, str | ForwardRef) or any(_quoted(arg) for arg in get_args(hint))


def _enclosed(function: Any) -> dict[str, Any]:
    code, cells = getattr(function, "__code__", None), getattr(function, "__closure__", None) or ()
    found = {}
    for name, cell in zip(code.co_freevars if code else (), cells, strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # The cell is still empty.
            continue
    return found


def _names_around(function: Callable[..., Any], frame: FrameType | None) -> dict[str, Any]:
    """Of the names that quoted annotations use, those defined in the function around the decorator."""
    if frame is None or frame.f_locals is frame.f_globals:
        return {}
    quoted = [h for h in getattr(function, "__annotations__", {}).values() if isinstance(h, str)]
    around: dict[str, Any] = {}
    while quoted and frame is not None and frame.f_locals is not frame.f_globals:
        for text in quoted:
            try:
                names = compile(text, "<annotation>", "eval").co_names
            except SyntaxError:
                continue
            for name in names:
                if name in frame.f_locals:
                    around.setdefault(name, frame.f_locals[name])
        # Only a class body sees the names of what stands around it without a closure.
        frame = None if frame.f_code.co_flags & OPTIMIZED else frame.f_back
    return around


# ---- what is called


def _innermost(function: Any) -> Any:
    while isinstance(function, partial):
        function = function.func
    return function


def _code(function: Any) -> CodeType | None:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None and not isinstance(function, type):
        code = getattr(vars(type(function)).get("__call__"), "__code__", None)
    return code if isinstance(code, CodeType) else None


@lru_cache(maxsize=256)
def file_text(file: str) -> str:
    """A file's name as errors show it."""
    # IPython gives each cell a file that is not there.
    if "ipykernel_" in file or file.startswith("<ipython-input"):
        return "cell"
    return file.replace("\\", "/").rpartition("/")[2]
