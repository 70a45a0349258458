"""A value from text or a file, as the type that an annotation asks for."""

from __future__ import annotations

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any, Union

from penstock.config.atoms import ATOMS, TEXTS, Misfit, none, of_text
from penstock.config.atoms import seconds as seconds
from penstock.errors import ConfigError, UsageError

_LISTS = (list, tuple, set, frozenset)
LONGEST = 200
"""Characters of a wrong value that are shown."""


def coerce(value: Any, hint: Any, name: str = "") -> Any:
    """`value` as `hint` says: text from a command line, or what YAML and TOML know.

    A dict becomes a dataclass, `[1, 2]` in text a list. What a hint does not rule out stays as it
    is: text for an unannotated parameter is read as JSON where it is JSON. Raises UsageError that
    names the parameter and what was expected.
    """
    try:
        return _coerce(value, hint, name)
    except Misfit as misfit:
        where = f"'{misfit.name}'" if misfit.name else "the value"
        got = repr(misfit.value)
        got = got if len(got) <= LONGEST else got[: LONGEST - 1] + "…"
        raise UsageError(
            f"{where}: expected {misfit.expected}, got {got}", hint=misfit.hint
        ) from None


def _coerce(value: Any, hint: Any, name: str) -> Any:
    hint = _bare(hint)
    if hint is Any or hint is None or isinstance(hint, str | typing.TypeVar):
        return _free(value) if hint is not None else none(value, name)
    origin = typing.get_origin(hint)
    if origin is Union or origin is types.UnionType:
        return _union(value, typing.get_args(hint), name)
    if origin is typing.Literal:
        return _literal(value, typing.get_args(hint), name)
    kind = origin if origin is not None else hint
    if not isinstance(kind, type):
        return value
    if kind is type(None):
        return none(value, name)
    if kind in ATOMS:
        return ATOMS[kind](value, name)
    if told := TEXTS.get(f"{kind.__module__}.{kind.__qualname__}"):
        return of_text(value, kind, name, *told)
    if issubclass(kind, enum.Enum):
        return _enum(value, kind, name)
    if issubclass(kind, PurePath):
        return _path(value, kind, name)
    if dataclasses.is_dataclass(kind):
        return _dataclass(value, kind, name)
    return _container(value, kind, typing.get_args(hint), name)


def _bare(hint: Any) -> Any:
    # Annotated[int, …], Required[int] and a NewType are what they stand for.
    while True:
        if hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif hasattr(hint, "__metadata__"):
            hint = hint.__origin__
        else:
            return hint


def _free(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


# ---- names and paths


def _path(value: Any, kind: type[PurePath], name: str) -> PurePath:
    if isinstance(value, PurePath):
        return value
    if isinstance(value, str):
        # A PurePath cannot be made on the other system; what people mean is a path of this one.
        return Path(value).expanduser() if issubclass(kind, Path) else kind(value)
    raise Misfit(value, "a path", name)


def _enum(value: Any, kind: type[enum.Enum], name: str) -> enum.Enum:
    if isinstance(value, kind):
        return value
    for member in kind:
        if value == member.value or value == member.name or str(value) == str(member.value):
            return member
    names = ", ".join(member.name for member in kind)
    raise Misfit(value, f"one of {names}", name)


# ---- choices


def _literal(value: Any, choices: tuple[Any, ...], name: str) -> Any:
    for choice in choices:
        if value == choice and type(value) is type(choice):
            return choice
    for choice in choices:
        if isinstance(value, str) and value == str(choice):
            return choice
    raise Misfit(value, "one of " + ", ".join(repr(choice) for choice in choices), name)


def _union(value: Any, options: tuple[Any, ...], name: str) -> Any:
    # What already is of one of the types stays; text tries the stricter types before str.
    for option in options:
        kind = typing.get_origin(option) or option
        plain = isinstance(kind, type) and not isinstance(value, str) and type(value) is kind
        if plain and not typing.get_args(option):
            return value
    misfits: list[Misfit] = []
    for option in sorted(options, key=_strictness):
        try:
            return _coerce(value, option, name)
        except Misfit as misfit:
            misfits.append(misfit)
    expected = [m.expected for m in misfits if m.expected != "nothing" and m.name == name]
    deeper = [m for m in misfits if m.name != name]
    if deeper:
        raise deeper[0]
    empty = any(m.expected == "nothing" for m in misfits)
    hints = [m.hint for m in misfits if m.hint]
    hint = hints[0] if len(expected) == 1 and hints else ""
    raise Misfit(value, " or ".join(expected + ["nothing"] * empty), name, hint)


def _strictness(option: Any) -> int:
    kind = typing.get_origin(option) or option
    order = (type(None), bool, int, float)
    if kind in order:
        return order.index(kind)
    if kind is str or kind is Any:
        return 9
    # Any text is a path: where text itself is welcome, it stays text.
    return 10 if isinstance(kind, type) and issubclass(kind, PurePath) else 5


# ---- containers


def _container(value: Any, kind: type, args: tuple[Any, ...], name: str) -> Any:
    if isinstance(value, str):
        value = _parse(value, kind, name)
    if issubclass(kind, Mapping) or typing.is_typeddict(kind):
        return _mapping(value, kind, args, name)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return _namedtuple(value, kind, name)
    if issubclass(kind, _LISTS):
        return _sequence(value, kind, args, name)
    if _is_sequence(kind) and isinstance(value, list | tuple):
        return [_coerce(v, args[0] if args else Any, f"{name}[{i}]") for i, v in enumerate(value)]
    if hasattr(kind, "model_validate") and not isinstance(value, kind):
        return _model(value, kind, name)
    # A class that we know nothing of: the value is passed as it is, if it can be one.
    if isinstance(value, kind) or not isinstance(value, str):
        return value
    raise Misfit(value, f"a {kind.__qualname__}, which cannot be written as text", name)


def _is_sequence(kind: type) -> bool:
    from collections.abc import Collection, Iterable, Sequence

    return kind in (Sequence, Iterable, Collection)


def _parse(text: str, kind: type, name: str) -> Any:
    stripped = text.strip()
    mapping = issubclass(kind, Mapping) or typing.is_typeddict(kind)
    if stripped[:1] in ("[", "{"):
        try:
            return json.loads(stripped)
        except (ValueError, RecursionError):
            return _flow(stripped, name)
    if mapping or not (issubclass(kind, _LISTS) or _is_sequence(kind)):
        return text
    # xs=1,2,3 is a list too.
    return [item.strip() for item in text.split(",")] if stripped else []


def _flow(text: str, name: str) -> Any:
    """`[a, b]` or `{a: 1}` as people write it on a command line, where quotes are a burden."""
    from penstock.config.yaml import Yaml

    try:
        return Yaml(text, name).value
    except ConfigError:
        # YAML speaks of nodes and streams, and of lines in a file.
        expected, rule, example = (
            ("a list", "Its brackets and quotes must be closed", "[1, 2]")
            if text.startswith("[")
            else (
                "a mapping",
                "Its brackets and quotes must be closed, and no key stands twice",
                "{a: 1}",
            )
        )
        hint = f"{rule}: for example '{name or 'name'}={example}'."
        raise Misfit(text, expected, name, hint) from None


def _mapping(value: Any, kind: type, args: tuple[Any, ...], name: str) -> Any:
    if not isinstance(value, Mapping):
        raise Misfit(value, "a mapping", name, f"Write {name or 'name'}.KEY=VALUE, or {{…}}.")
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind)
        for key in value:
            if key not in hints:
                from penstock.core.place import near

                raise Misfit(
                    value, f"no key '{key}' of {kind.__qualname__}", name, near(str(key), hints)
                )
        return {k: _coerce(v, hints[k], f"{name}.{k}") for k, v in value.items()}
    key, item = args if len(args) == 2 else (Any, Any)
    return {
        (k if key is Any else _coerce(k, key, name)): _coerce(v, item, f"{name}.{k}")
        for k, v in value.items()
    }


def _sequence(value: Any, kind: type, args: tuple[Any, ...], name: str) -> Any:
    if not isinstance(value, list | tuple | set | frozenset):
        raise Misfit(value, "a list", name, f"For example '{name or 'xs'}=[1, 2]'.")
    items = list(value)
    if issubclass(kind, tuple) and args and args[-1] is not Ellipsis:
        if len(items) != len(args):
            raise Misfit(value, f"{len(args)} values", name)
        return tuple(
            _coerce(v, a, f"{name}[{i}]") for i, (v, a) in enumerate(zip(items, args, strict=True))
        )
    hint = args[0] if args else Any
    return kind(_coerce(v, hint, f"{name}[{i}]") for i, v in enumerate(items))


def _namedtuple(value: Any, kind: Any, name: str) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, list | tuple):
        value = dict(zip(kind._fields, value, strict=False))
    defaults = frozenset(kind._field_defaults)
    return _fields(value, kind, kind._fields, frozenset(kind._fields) - defaults, name)


def _model(value: Any, kind: Any, name: str) -> Any:
    """A model of pydantic, which reads text itself, but for lists and mappings."""
    fields = kind.model_fields
    names = (*fields, *(field.alias for field in fields.values() if field.alias))
    _check_fields(value, kind, () if kind.model_config.get("extra") == "allow" else names, name)
    read = {
        k: _parse(v, dict, f"{name}.{k}") if isinstance(v, str) and _holds(fields.get(k)) else v
        for k, v in value.items()
    }
    return _made(lambda: kind.model_validate(read), value, kind, name)


def _holds(field: Any) -> bool:
    """Whether what looks like a list or a mapping may be one."""
    return getattr(field, "annotation", Any) is not str


def _dataclass(value: Any, kind: Any, name: str) -> Any:
    if isinstance(value, kind):
        return value
    if isinstance(value, str):
        value = _parse(value, dict, name)
    every = [f for f in dataclasses.fields(kind) if f.init]
    missing = dataclasses.MISSING
    needed = frozenset(
        f.name for f in every if f.default is missing and f.default_factory is missing
    )
    return _fields(value, kind, tuple(f.name for f in every), needed, name)


def _fields(
    value: Any, kind: Any, names: tuple[str, ...], needed: frozenset[str], name: str
) -> Any:
    _check_fields(value, kind, names, name)
    if lacking := sorted(needed - set(value)):
        raise Misfit(value, f"also {', '.join(lacking)} of {kind.__qualname__}", name)
    hints = typing.get_type_hints(kind)
    fields = {
        k: _coerce(v, hints.get(k, Any), f"{name}.{k}" if name else k) for k, v in value.items()
    }
    return _made(lambda: kind(**fields), value, kind, name)


def _check_fields(value: Any, kind: Any, names: tuple[str, ...], name: str) -> None:
    """That it has fields, and only these; any, where there are no names."""
    if not isinstance(value, Mapping):
        raise Misfit(
            value, f"the fields of {kind.__qualname__}", name, f"Write {name}.FIELD=VALUE."
        )
    for key in value:
        if names and key not in names:
            from penstock.core.place import near

            raise Misfit(
                value, f"no field '{key}' of {kind.__qualname__}", name, near(str(key), names)
            )


def _made(make: Callable[[], Any], value: Any, kind: Any, name: str) -> Any:
    """An object of a class of the user's, which may have a word to say about its values."""
    try:
        return make()
    except Exception as error:  # the class's own code
        expected = f"values that {kind.__qualname__} takes"
        raise Misfit(value, expected, name, f"{type(error).__name__}: {error}") from None
