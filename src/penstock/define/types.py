"""Whether an output fits a parameter: only what is provably wrong is refused, and a doubt is a yes."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, NewType, TypeVar, Union, get_args, get_origin, is_typeddict
from typing import Literal as OneOf

from penstock.core.graph import Access
from penstock.define.callee import field_hints, is_named_tuple

PASSES = {(int, float), (int, complex), (float, complex), (bool, float), (bool, complex)}
"""Numbers that go where others are asked for, as type checkers have it."""
FEW = 100
"""Elements of a literal container that are looked at."""


def fits(given: Any, wanted: Any) -> bool:
    """Whether some value of type `given` is one of type `wanted`, as far as can be told."""
    if given is wanted or _open(given) or _open(wanted):
        return True
    if isinstance(given, type) and isinstance(wanted, type) and not _args(given, wanted):
        return _classes_fit(given, wanted)
    given, wanted = _bare(given), _bare(wanted)
    if _open(given) or _open(wanted):
        return True
    if _is_union(given):
        return any(fits(one, wanted) for one in get_args(given))
    if _is_union(wanted):
        return any(fits(given, one) for one in get_args(wanted))
    if get_origin(given) is OneOf:
        return any(value_fits(value, wanted) for value in get_args(given))
    if get_origin(wanted) is OneOf:
        return any(value_fits(value, given) for value in get_args(wanted))
    return _generics_fit(given, wanted)


def value_fits(value: object, wanted: Any) -> bool:
    """Whether a value known now is one of type `wanted`, as far as can be told."""
    wanted = _bare(wanted)
    if _open(wanted):
        return True
    if _is_union(wanted):
        return any(value_fits(value, one) for one in get_args(wanted))
    origin, args = get_origin(wanted), get_args(wanted)
    if origin is OneOf:
        return any(value == one for one in args)
    kind = origin or wanted
    if is_typeddict(wanted):
        return isinstance(value, Mapping)
    if not isinstance(kind, type):
        return True
    try:
        if not isinstance(value, kind):
            return _passes(value, kind)
    except TypeError:  # A protocol that cannot be checked at run time.
        return True
    if kind is tuple and args and args[-1] is not Ellipsis and isinstance(value, tuple):
        expected = () if args == ((),) else args
        return len(value) == len(expected) and all(map(value_fits, value, expected))
    if isinstance(value, Mapping) and len(args) == 2:
        few = list(value.items())[:FEW]
        return all(value_fits(k, args[0]) and value_fits(v, args[1]) for k, v in few)
    if isinstance(value, list | tuple | set | frozenset) and args and len(set(args) - {...}) == 1:
        return all(value_fits(item, args[0]) for item in list(value)[:FEW])
    return True


def _passes(value: object, kind: type) -> bool:
    if (type(value), kind) in PASSES or _redefined(type(value), kind):
        return True
    # A NumPy scalar goes where the Python number goes that it holds.
    if kind in (bool, int, float, complex, str) and type(value).__module__ == "numpy":
        plain = value.item() if hasattr(value, "item") and not getattr(value, "shape", 0) else value
        return isinstance(plain, kind) or (type(plain), kind) in PASSES
    return False


# ---- into a type


def element(hint: Any) -> tuple[bool, Any]:
    """Whether one can map over such a value, and the type of what it holds."""
    hint = _bare(hint)
    if _open(hint):
        return True, Any
    if _is_union(hint):
        found = [element(one) for one in get_args(hint)]
        kinds = [inner for iterable, inner in found if iterable]
        return bool(kinds), kinds[0] if len(kinds) == 1 else Any
    origin, args = get_origin(hint) or hint, get_args(hint)
    if not isinstance(origin, type):
        return True, Any
    if issubclass(origin, str | bytes) or not (
        issubclass(origin, Iterable) or hasattr(origin, "__getitem__")
    ):
        return False, Any
    if origin is tuple and args and args[-1] is not Ellipsis:
        return True, Union[args]  # noqa: UP007  # of a tuple that is only known now
    return True, args[0] if args else Any


def parts(hint: Any, kind: str, keys: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """The types of what a container of this type holds, one for each of its `count` values."""
    hint = _bare(hint)
    if kind == "dict":
        if is_typeddict(hint):
            return tuple(field_hints(hint).get(key, Any) for key in keys)
        args = get_args(hint)
        return (args[1] if len(args) == 2 else Any,) * count
    fixed = elements(hint)
    if fixed is not None and len(fixed) == count:
        return fixed
    return (element(hint)[1],) * count


def at(hint: Any, access: Access) -> tuple[bool, Any, tuple[str, ...]]:
    """Whether `.name` or `[name]` may exist, its type, and the names that there are."""
    hint = _bare(hint)
    if _open(hint) or _is_union(hint):
        return True, Any, ()
    origin, args, name = get_origin(hint) or hint, get_args(hint), access.name
    if not isinstance(origin, type):
        return True, Any, ()
    if access.kind == "attribute":
        if is_named_tuple(origin) or hasattr(origin, "__dataclass_fields__"):
            hints = field_hints(origin)
            known = name in hints or hasattr(origin, str(name)) or hasattr(origin, "__getattr__")
            return known, hints.get(str(name), Any), tuple(hints)
        return True, Any, ()
    if is_typeddict(hint):
        hints = field_hints(hint)
        return name in hints, hints.get(str(name), Any), tuple(hints)
    if (fixed := elements(hint)) is not None:
        if not isinstance(name, int):
            return False, Any, tuple(map(str, range(len(fixed))))
        known = -len(fixed) <= name < len(fixed)
        return known, fixed[name] if known else Any, ()
    if issubclass(origin, Mapping) and len(args) == 2:
        return value_fits(name, args[0]), args[1], ()
    if issubclass(origin, list | tuple) and args:
        return isinstance(name, int), args[0], ()
    if hasattr(origin, "__getitem__"):
        return True, Any, ()
    return False, Any, ()


def elements(hint: Any) -> tuple[Any, ...] | None:
    """The types in a tuple of fixed length, or None."""
    hint = _bare(hint)
    args, kind = get_args(hint), get_origin(hint) or hint
    if is_named_tuple(kind):
        hints = field_hints(kind)
        return tuple(hints.get(name, Any) for name in kind._fields)
    if get_origin(hint) is tuple and args and args[-1] is not Ellipsis:
        return () if args == ((),) else args
    return None


def truthful(hint: Any) -> bool:
    """Whether this may be the type of a condition: a number is none, though a bool is a number."""
    if _bare(hint) in (int, float, complex):
        return False
    return fits(hint, bool) or getattr(hint, "__module__", "") == "numpy"


# ---- inner


def _open(hint: Any) -> bool:
    """Nothing is known about it, or nothing that can be checked."""
    return (
        hint is Any
        or hint is object
        or isinstance(hint, str | TypeVar)
        or (getattr(hint, "_is_protocol", False) and isinstance(hint, type))
        or getattr(hint, "__name__", "")
        in ("Self", "Never", "NoReturn", "LiteralString", "TypeAlias")
    )


def _bare(hint: Any) -> Any:
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif isinstance(hint, NewType):
            hint = hint.__supertype__
        elif hint is None:
            return type(None)
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        else:
            return hint


def _is_union(hint: Any) -> bool:
    return isinstance(hint, types.UnionType) or get_origin(hint) is Union


def _args(*hints: Any) -> bool:
    return any(get_args(hint) for hint in hints)


def _classes_fit(given: type, wanted: type) -> bool:
    if is_typeddict(given) or is_typeddict(wanted):
        plain = [dict if is_typeddict(cls) else cls for cls in (given, wanted)]
        return _classes_fit(*plain)
    try:
        # A wider type may turn out to be the narrower one: that is no proof of a mistake.
        related = issubclass(given, wanted) or issubclass(wanted, given)
    except TypeError:  # A protocol that cannot be checked at run time.
        return True
    return related or (given, wanted) in PASSES or _redefined(given, wanted)


def _redefined(given: type, wanted: type) -> bool:
    """Whether one is the other, defined anew in a later cell or a reloaded module."""
    return (wanted.__module__, wanted.__qualname__) in (
        (cls.__module__, cls.__qualname__) for cls in given.__mro__
    )


def _generics_fit(given: Any, wanted: Any) -> bool:
    outer, asked = get_origin(given) or given, get_origin(wanted) or wanted
    if OneOf in (outer, asked):
        return _literals_fit(given, wanted)
    if not (isinstance(outer, type) and isinstance(asked, type)):
        return True
    if not _classes_fit(outer, asked):
        return False
    inner, parts = get_args(given), get_args(wanted)
    if not inner or not parts:
        return True
    fixed, expected = elements(given), elements(wanted)
    if fixed is not None or expected is not None:
        return _tuples_fit(fixed, expected, inner, parts)
    inner, parts = (tuple(a for a in args if a is not Ellipsis) for args in (inner, parts))
    if len(inner) != len(parts) or (outer is not asked and not _alike(outer, asked)):
        return True
    if any(not _is_hint(arg) for arg in (*inner, *parts)):
        return True
    return all(map(fits, inner, parts))


def _tuples_fit(
    fixed: tuple[Any, ...] | None,
    expected: tuple[Any, ...] | None,
    inner: tuple[Any, ...],
    parts: tuple[Any, ...],
) -> bool:
    if fixed is not None and expected is not None:
        return len(fixed) == len(expected) and all(map(fits, fixed, expected))
    if fixed is not None:
        return all(fits(one, parts[0]) for one in fixed)
    return all(fits(inner[0], one) for one in expected or ())


def _alike(one: type, other: type) -> bool:
    """Both hold elements, or both hold keys and values: their arguments mean the same."""
    return all(issubclass(cls, Collection) or cls is Iterable for cls in (one, other)) and (
        issubclass(one, Mapping) == issubclass(other, Mapping)
    )


def _is_hint(arg: Any) -> bool:
    return arg is Any or isinstance(arg, type | TypeVar) or get_origin(arg) is not None


def _literals_fit(given: Any, wanted: Any) -> bool:
    """Whether there is a value that both allow, where one of them or both name values."""
    if get_origin(given) is OneOf:
        return any(value_fits(value, wanted) for value in get_args(given))
    return any(value_fits(value, given) for value in get_args(wanted))
