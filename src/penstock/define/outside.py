"""Inputs from outside of the code against the types of the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Union

from msgspec.structs import replace

from penstock.core.graph import (
    Access,
    Build,
    Expr,
    FirstOf,
    Input,
    Literal,
    OutputRef,
    ParamRef,
)
from penstock.core.place import near
from penstock.define.callee import short
from penstock.define.tracing import Tracing
from penstock.define.types import at, element, parts, truthful, value_fits
from penstock.define.types import fits as fitting
from penstock.errors import ConfigError, UsageError

Path = tuple[str, ...]
Coerce = Callable[[Any, Any, str], Any]


class Level:
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


class Types:
    """Checks inputs; what does not fit is made to, or refused with its place."""

    def __init__(self, tracing: Tracing, coerce: Coerce, place: Callable[..., object]) -> None:
        self._tracing = tracing
        self._coerce = coerce
        self._place = place

    def checked(self, source: Input, wanted: Any, path: Path, owner: str, level: Level) -> Input:
        """The input as the code takes it. Raises ConfigError where the types cannot fit."""
        match source:
            case Literal(value=value):
                return self._literal(value, source, wanted, path, owner, level)
            case Build(kind=kind, items=items, keys=keys, cls=cls):
                whole = cls or {"list": list, "tuple": tuple, "dict": dict}.get(kind, tuple)
                if not fitting(whole, wanted):
                    raise self._mismatch(f"a {kind}", wanted, path, owner)
                hints = parts(cls or wanted, kind, keys, len(items))
                inner = tuple(
                    self.checked(item, hint, path, owner, level)
                    for item, hint in zip(items, hints, strict=True)
                )
                return replace(source, items=inner, cls=cls)
            case FirstOf(options=options):
                return FirstOf(
                    tuple(self.checked(one, wanted, path, owner, level) for one in options)
                )
            case Expr(op=op, operands=operands):
                inner = tuple(self.checked(one, Any, path, owner, level) for one in operands)
                return Expr(op, inner)
            case OutputRef():
                hint = self.hint(source, level, path)
                if not self._tracing.fits(hint, wanted):
                    raise self._mismatch(
                        f"'{_shown(source)}' is {short(hint)}", wanted, path, owner
                    )
                return level.settled(source)
            case ParamRef(name=name):
                hint = level.params.get(name, Any)
                if not self._tracing.fits(hint, wanted):
                    raise self._mismatch(f"'${name}' is {short(hint)}", wanted, path, owner)
                return source
            case _:
                return source

    def elements(self, source: Input, wanted: Any, path: Path, owner: str, level: Level) -> Input:
        """What a map runs over."""
        match source:
            case Literal(value=list(values)):
                made = [self._fitted(value, wanted, path, owner, level) for value in values]
                same = all(new is old for new, old in zip(made, values, strict=True))
                return source if same else self._digested(made)
            case Build(items=items):
                inner = (self.checked(item, wanted, path, owner, level) for item in items)
                return replace(source, items=tuple(inner))
        checked = self.checked(source, Any, path, owner, level)
        hint = self.hint(source, level, path)
        iterable, inner = element(hint)
        if not iterable:
            raise self.wrong(
                path, f"'{_shown(source)}' is {short(hint)}, which no map can run over for {owner}"
            )
        if not self._tracing.fits(inner, wanted):
            raise self._mismatch(
                f"an element of '{_shown(source)}' is {short(inner)}", wanted, path, owner
            )
        return checked

    def _literal(
        self, value: Any, source: Literal, wanted: Any, path: Path, owner: str, level: Level
    ) -> Literal:
        made = self._fitted(value, wanted, path, owner, level)
        return source if made is value else self._digested(made)

    def _fitted(self, value: Any, wanted: Any, path: Path, owner: str, level: Level) -> Any:
        """The value; where it does not fit, what it means as text: a path, a date, a member."""
        if value_fits(value, wanted):
            return value
        try:
            made = self._coerce(value, wanted, owner.split("'")[1])
        except UsageError as error:
            raise self.wrong(path, error.message, _meant(value, level) or error.hint) from None
        if not value_fits(made, wanted):
            raise self._mismatch(repr(value), wanted, path, owner, _meant(value, level))
        return made

    def _digested(self, value: Any) -> Literal:
        return Literal(value, self._tracing.environment.digest_value(value))

    def condition(self, source: Input, path: Path, level: Level) -> Input:
        checked = self.checked(source, Any, path, "a condition", level)
        hint = self.hint(source, level, path)
        if not truthful(hint):
            raise self.wrong(
                path, f"{short(hint)} is no condition", "Compare it, like `= score > 0.9`."
            )
        return checked

    def hint(self, source: Input, level: Level, path: Path) -> Any:
        """The type of an input, as far as it is known."""
        match source:
            case Literal(value=value):
                return type(value)
            case OutputRef(node=node, output=output, path=steps):
                hint = level.hints.get(node, Any)
                for access in (Access("attribute", output), *steps) if output else steps:
                    known, hint, names = at(hint, access)
                    if not known:
                        word = (
                            f"'{_shown(source)}': {short(level.hints[node])} has no '{access.name}'"
                        )
                        raise self.wrong(path, word, near(str(access.name), names))
                return hint
            case ParamRef(name=name):
                return level.params.get(name, Any)
            case FirstOf(options=options):
                hints = [self.hint(option, level, path) for option in options]
                return Any if not hints or Any in hints else Union[tuple(hints)]  # noqa: UP007  # any number
            case _:
                return Any

    def _mismatch(
        self, given: str, wanted: Any, path: Path, owner: str, hint: str = ""
    ) -> ConfigError:
        return self.wrong(path, f"{given}, but {owner} is {short(wanted)}", hint)

    def wrong(self, path: Path, what: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{self._place(*path)}: {what}", hint=hint)


def _meant(value: Any, level: Level) -> str:
    """What a text that does not fit may have been meant as."""
    first = value.partition(".")[0].partition("[")[0] if isinstance(value, str) else ""
    if first[:1] != "$" and first not in level.hints:
        return ""
    return f"A step or a parameter has = before it: = {value}"


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
