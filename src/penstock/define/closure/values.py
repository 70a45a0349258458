"""Looking into values: containers with functions in them, instances, wrappers of every kind."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cached_property, partial, partialmethod
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType
from typing import Any

from penstock.core.naming import module_name
from penstock.define.closure.item import Item, Link, Target
from penstock.define.closure.plain import is_of_data
from penstock.define.closure.targets import REFUSALS, Targets, is_inert, is_python, slots_of

_REBUILDS = frozenset(("__reduce__", "__reduce_ex__", "__doc__", "__module__", "__weakref__"))
_PICKLED = re.compile(rb"\x80[\x04\x05]\x95.{5}\0\0\0", re.DOTALL)
"""The head of a pickle: its protocol, and the length of its first frame."""
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def expand_value(targets: Targets, item: Item) -> None:
    """Fill in the content and links of a value that is not plain."""
    value: Any = item.value
    kind = type(value)
    ordered = item.name != "unordered"
    item.content = _title(kind)

    def link(label: str, part: object) -> None:
        item.links.append(Link(label, targets.target(part, item, label, ordered=ordered)))

    match value:
        case MethodType():
            link("function", value.__func__)
            link("self", value.__self__)
        case BuiltinFunctionType():
            item.content = f"method {value.__name__}"
            link("self", value.__self__)
        case partial():
            for label, part in _partial(value.func, value.args, value.keywords):
                link(label, part)
        case partialmethod():
            for label, part in _partial(value.func, value.args, value.keywords):
                link(label, part)
        case property():
            for label in ("fget", "fset", "fdel"):
                link(label, getattr(value, label))
        case staticmethod() | classmethod():
            link("function", value.__func__)
        case cached_property():
            link("function", value.func)
        case Enum():
            item.content = f"member {value.name}"
            link("class", kind)
        case FunctionType():
            _wrapper(targets, item, value)
        case _ if _singledispatch(item, value):
            for label, part in _registered(value):
                link(label, part)
        case _ if hasattr(value, "__wrapped__") or hasattr(value, "py_func"):
            link("class", kind)
            link("wrapped", getattr(value, "__wrapped__", None) or value.py_func)
            for name, part in _beside_the_wrapped(targets, value):
                link(name, part)
        case _ if _is_hint(value):
            _hint(targets, item, value)
        case _ if kind in (list, tuple, dict, set, frozenset, MappingProxyType):
            _container(targets, item, value, ordered=ordered)
        case PurePath():  # of a class that someone wrote
            link("class", kind)
            link(
                "path",
                (PureWindowsPath if isinstance(value, PureWindowsPath) else PurePosixPath)(value),
            )
        case _ if _found_by_name(targets, value):
            item.content = f"named {getattr(value, '__name__', '')}"
            link("class", kind)
        case _:
            _instance(targets, item, value)


def _title(kind: type) -> str:
    # By its name under the root: a script's own classes are of `__main__` here, not in a worker.
    return f"{module_name(kind.__module__).partition('.')[0]}:{kind.__qualname__}"


def _partial(function: object, args: Any, keywords: Any) -> Iterator[tuple[str, object]]:
    yield "function", function
    yield "args", tuple(args)
    for name in sorted(keywords):
        yield f"{name}=", name
        yield name, keywords[name]


def _wrapper(targets: Targets, item: Item, function: FunctionType) -> None:
    """A library's function around something of ours: `contextmanager`, `retry`."""
    item.content = f"{function.__module__}:{function.__qualname__}"
    if hasattr(function, "registry") and hasattr(function, "dispatch"):
        for label, part in _registered(function):
            item.links.append(Link(label, targets.target(part, item, label)))
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            part = cell.cell_contents
        except ValueError:  # still empty
            continue
        item.links.append(Link(name, targets.target(part, item, name)))
    if hasattr(function, "__wrapped__"):
        item.links.append(Link("wrapped", targets.target(function.__wrapped__, item, "wrapped")))


def _beside_the_wrapped(targets: Targets, value: Any) -> Iterator[tuple[str, object]]:
    """What a wrapper holds besides the function: of the project's own, and of those of `wrapt`."""
    if hasattr(value, "_self_wrapper"):
        yield "wrapper", value._self_wrapper
    if targets.is_own(type(value)) and is_python(type(value)):
        for name, part in sorted(_state(value)):
            if not name.startswith("__"):
                yield "attribute", name
                yield name, part


def _singledispatch(item: Item, value: Any) -> bool:
    return hasattr(value, "registry") and hasattr(value, "dispatch")


def _registered(function: Any) -> Iterator[tuple[str, object]]:
    """The implementations of a `singledispatch` function, by the name of their class."""
    registry: Mapping[type, object] = function.registry
    for cls in sorted(registry, key=lambda cls: (cls.__module__, cls.__qualname__)):
        yield cls.__qualname__, cls
        yield cls.__qualname__, registry[cls]


def _container(targets: Targets, item: Item, value: Any, *, ordered: bool) -> None:
    if isinstance(value, dict | MappingProxyType):
        pairs = [
            (targets.target(k, item, "key"), targets.target(v, item, _label(k), ordered=ordered), k)
            for k, v in value.items()
        ]
        if not ordered:
            pairs.sort(key=lambda pair: _rank(pair[0]))
        for key, target, name in pairs:
            item.links += (Link("key", key), Link(_label(name), target))
        return
    links = [
        Link(str(i), targets.target(v, item, str(i), ordered=ordered)) for i, v in enumerate(value)
    ]
    if isinstance(value, set | frozenset):
        links.sort(key=lambda link: _rank(link.target))
        links = [Link(str(i), link.target) for i, link in enumerate(links)]
    item.links += links


def _label(key: object) -> str:
    return key if isinstance(key, str) else repr(key)[:40] if isinstance(key, int) else "value"


def _rank(target: Target) -> tuple[str, ...]:
    """An order that is the same in every process."""
    if isinstance(target, str):
        return (target,)
    code = getattr(target.value, "__code__", None)
    line = f"{code.co_firstlineno:09}" if code else ""
    return (target.path, target.name, line)


# ---- types as values


def _is_hint(value: object) -> bool:
    return (
        type(value).__module__ in ("typing", "types")
        and hasattr(type(value), "__mro__")
        and (
            hasattr(value, "__args__")
            or hasattr(value, "__origin__")
            or type(value).__module__ == "typing"
        )
    )


def _hint(targets: Targets, item: Item, value: Any) -> None:
    """`list[Model]`, `Model | None`, a TypeVar: what it is made of."""
    for label in ("__origin__", "__args__", "__metadata__", "__supertype__", "__forward_arg__"):
        part = getattr(value, label, None)
        if part is not None:
            item.links.append(Link(label, targets.target(part, item, label)))
    if not item.links:
        item.content = f"{item.content} {_ADDRESS.sub('', repr(value))}"


# ---- instances


def _found_by_name(targets: Targets, value: Any) -> bool:
    """A library's object that pickles would name: a ufunc, a sentinel of its module."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    module = sys.modules.get(getattr(value, "__module__", None) or type(value).__module__)
    if not isinstance(name, str) or module is None or getattr(module, name, None) is not value:
        return False
    return not targets.of_globals(vars(module)).first_party


def _instance(targets: Targets, item: Item, value: Any) -> None:
    """An object by its class and its state: of Python classes the attributes, else what rebuilds it."""
    cls = type(value)
    item.links.append(Link("class", targets.target(cls, item, "class")))
    own = targets.is_own(cls)
    over_data = own and any(is_of_data(base) and not targets.is_own(base) for base in cls.__mro__)
    if over_data:  # a table or an array of a class that the project wrote
        item.links.append(Link("data", targets.content(value, item, item.said)))
    if over_data or is_inert(cls) or (is_python(cls) and (own or not _tells_its_state(cls))):
        for name, part in sorted(_state(value)):
            if name.startswith("_") and (over_data or is_inert(cls)):  # of the library
                continue
            item.links.append(Link(name, f"attribute {name}"))
            item.links.append(Link(name, targets.target(part, item, name)))
        return
    try:
        parts = _rebuilding(value)
    except REFUSALS:
        targets.unknown(value, item, "a value")
        item.content = f"unknown {item.content}"
        return
    for label, part in parts:
        item.links.append(Link(label, targets.target(part, item, label)))


def _tells_its_state(cls: type) -> bool:
    return any(
        "__getstate__" in vars(base) or "__reduce__" in vars(base) for base in cls.__mro__[:-1]
    )


def _state(value: Any) -> Iterator[tuple[str, object]]:
    yield from getattr(value, "__dict__", {}).items()
    for cls in type(value).__mro__:
        for name in slots_of(cls):
            private = name.startswith("__") and not name.endswith("__")
            real = f"_{cls.__name__.lstrip('_')}{name}" if private else name
            if hasattr(value, real):
                yield real, getattr(value, real)


def _rebuilding(value: Any) -> list[tuple[str, object]]:
    """What copies of an object are made from, by the pickle protocol; nothing is pickled."""
    reduced = value.__reduce_ex__(4)
    if isinstance(reduced, str):
        return [("name", reduced)]
    function, args, *more = reduced
    state, items, pairs = (*more, None, None, None)[:3]
    if isinstance(state, bytes) and _PICKLED.search(state):
        raise ValueError("its state holds a pickle, in which functions are only names")
    parts: list[tuple[str, object]] = [("rebuilt by", function)]
    parts += ((f"argument {i}", part) for i, part in enumerate(args))
    if isinstance(state, dict):
        state = dict(sorted(state.items(), key=lambda pair: str(pair[0])))
    parts.append(("state", state))
    if items is not None:
        parts.append(("items", list(items)))
    if pairs is not None:
        parts.append(("pairs", dict(pairs)))
    return parts
