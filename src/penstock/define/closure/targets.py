"""What a value is to the walk: plain, someone else's, or a thing of the project to look into."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import (
    BuiltinFunctionType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

from blake3 import blake3

from penstock.core.naming import MAIN, module_name
from penstock.define.closure.item import Item, Kind, Target
from penstock.define.closure.origin import Origin, origin, origin_of
from penstock.define.closure.plain import Opaque, is_data, plain
from penstock.errors import PenstockError

_BUILTIN = (
    BuiltinFunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
    MethodWrapperType,
    GetSetDescriptorType,
    MemberDescriptorType,
    type(vars(dict)["fromkeys"]),
)
# Their state says nothing about results: loggers, locks, thread-locals, where annotations are resolved.
_INERT = frozenset(
    (
        *("logging", "_thread", "threading", "_contextvars", "loguru._logger"),
        "pydantic._internal._namespace_utils",
    )
)
# What goes wrong while a library digests, or tells how to rebuild, a value that it cannot.
REFUSALS = (
    PenstockError,
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Targets:
    """Names and values looked at once: made for a run (or a worker's life), not kept longer.

    `digest_value` gives the content digest of a library's value, an array or a table.
    """

    def __init__(self, root: Path, digest_value: Callable[[object], str]) -> None:
        self.root = os.path.realpath(root)
        self.digest_value = digest_value
        # By identity; the items keep their values alive, so no identity is given again.
        self._items: dict[int, Item] = {}
        self._data: dict[int, tuple[object, str]] = {}

    def target(self, value: Any, owner: Item, label: str, *, ordered: bool = True) -> Target:
        """What `value` is, as `owner` uses it under `label`."""
        value = unwrapped(value)
        known = self._items.get(id(value))
        if known is not None and known.value is value:
            return known
        if isinstance(value, FunctionType):
            return self._function(value, owner)
        if isinstance(value, type):
            return self._class(value, owner)
        if isinstance(value, ModuleType):
            return self.module(value, owner)
        if isinstance(value, _BUILTIN):
            return self._builtin(value, owner)
        if isinstance(value, MethodType) or type(value) is partial:
            return self._value(value, owner, label)
        try:
            return plain(value, self.root, self._digest(owner, label), ordered=ordered)
        except Opaque:
            pass
        if type(value) is object:
            return "object"
        if is_inert(type(value)) and not self.is_own(type(value)):
            return f"inert {type(value).__qualname__}"
        found = self._value(value, owner, label)
        found.name = "" if ordered else "unordered"
        return found

    def origin(self, module: str) -> Origin:
        return origin_of(module, self.root)

    def of_globals(self, namespace: dict[str, Any]) -> Origin:
        return origin(namespace, self.root)

    def problem(self, owner: Item, what: str) -> None:
        if what not in owner.problems:
            owner.problems.append(what)

    # ---- things that stand in a module

    def module(self, module: ModuleType, owner: Item) -> Target:
        """A module used as a value: all of it."""
        found = self.of_globals(vars(module))
        if found.first_party and _is_compiled(found.file):
            return self.compiled(found)
        if not found.first_party:
            return self.reference(found, module.__name__, owner)
        return self._item("module", module, found, module_name(module, Path(self.root)))

    def reference(self, found: Origin, name: str, owner: Item) -> str:
        """Code of someone else: its name, and the version of what it was installed by."""
        if found.kind == "ours":  # Where it stands in penstock is no concern of the step's.
            return f"ref penstock:{name.partition(':')[2]}"
        if distribution := found.distribution:
            owner.distributions.add(distribution)
        return f"ref {name}"

    def compiled(self, found: Origin) -> str:
        """A compiled module of the project: the bytes of its file are its code."""
        with open(found.file, "rb") as file:
            return f"compiled {found.path} {blake3(file.read()).hexdigest()}"

    def _function(self, function: FunctionType, owner: Item) -> Target:
        found = self.of_globals(function.__globals__)
        name = function.__qualname__
        if found.first_party:
            path = found.path
            if not function.__globals__.get("__file__") and found.module != MAIN:
                # Made by `exec`, as NamedTuple does: it belongs where its owner stands.
                path = owner.path
            return self._item("function", function, found, name, path)
        told = self.reference(found, f"{found.module}:{name}", owner)
        # A library's wrapper: what it wraps is in its cells. Penstock's own needs no look.
        if found.kind != "ours" and (function.__closure__ or hasattr(function, "__wrapped__")):
            return self._value(function, owner, name)
        return told

    def _class(self, cls: type, owner: Item) -> Target:
        module: object = cls.__module__
        if not isinstance(module, str):  # of Cython's own
            return f"ref {cls.__qualname__}"
        found = self.origin(module)
        if found.first_party and _is_compiled(found.file):
            return self.compiled(found)
        if found.kind == "standard" and _is_made(cls):
            return self._item("class", cls, found, cls.__qualname__, owner.path)
        if not found.first_party or not (found.file or is_python(cls)):
            return self.reference(found, f"{module}:{cls.__qualname__}", owner)
        return self._item("class", cls, found, cls.__qualname__)

    def _builtin(self, value: Any, owner: Item) -> Target:
        holder = getattr(value, "__objclass__", None) or getattr(value, "__self__", None)
        name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
        if isinstance(holder, type):
            found = self.origin(holder.__module__)
            return self.reference(found, f"{holder.__module__}:{name}", owner)
        if holder is not None and not isinstance(holder, ModuleType):
            return self._value(value, owner, str(name))
        module = getattr(value, "__module__", None) or getattr(holder, "__name__", "builtins")
        found = self.origin(str(module))
        if found.first_party and found.file:
            return self.compiled(found)
        return self.reference(found, f"{module}:{name}", owner)

    def _value(self, value: object, owner: Item, label: str) -> Item:
        item = self._item("value", value)
        item.said = owner.said or f"'{label}' ({owner.path})"
        return item

    def _item(
        self,
        kind: Kind,
        value: object,
        found: Origin | None = None,
        name: str = "",
        path: str = "",
    ) -> Item:
        path = path or (found.path if found else "")
        item = self._items[id(value)] = Item(kind, path, name, value)
        return item

    # ---- values of libraries

    def _digest(self, owner: Item, label: str) -> Callable[[Any], str | None]:
        return lambda value: self.data(value, owner, label)

    def data(self, value: Any, owner: Item, label: str) -> str | None:
        """The text of a library's array or table; None for anything else."""
        if not is_data(value) or self.is_own(type(value)):
            return None
        return self.content(value, owner, label)

    def is_own(self, cls: type) -> bool:
        """Whether the project wrote this class, so that its code is to be looked into."""
        module: object = cls.__module__
        return isinstance(module, str) and self.origin(module).first_party

    def content(self, value: Any, owner: Item, label: str) -> str:
        """The text of what a serializer finds in a value."""
        known = self._data.get(id(value))
        if known is None:
            try:
                text = f"data {self.digest_value(value)}"
            except REFUSALS:
                self.unknown(value, owner, label)
                text = f"unknown {type(value).__qualname__}"
            known = self._data[id(value)] = (value, text)
        found = self.origin(type(value).__module__)
        if distribution := found.distribution:
            owner.distributions.add(distribution)
        return known[1]

    def unknown(self, value: object, owner: Item, label: str) -> None:
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        said = owner.said or f"'{label}' ({owner.path})"
        self.problem(owner, f"the content of {said} cannot be known: it holds a {kind}")


def unwrapped(value: Any) -> Any:
    """The function of a step or a pipeline; other wrappers are code, and count."""
    while True:
        module: object = type(value).__module__
        ours = isinstance(module, str) and module.startswith("penstock.")
        if not ours or not hasattr(value, "__wrapped__"):
            return value
        value = value.__wrapped__


def is_inert(cls: type) -> bool:
    return any(base.__module__ in _INERT for base in cls.__mro__)


def is_python(cls: type) -> bool:
    """Whether all that an instance holds is in attributes: no class written in C is under it."""
    bases = cls.__mro__[:-1]
    slots = sum(len(slots_of(base)) for base in bases)
    slots += (cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0)
    # A class of Rust may look like one of Python's, but for the room that its instances take.
    return cls.__basicsize__ <= object.__basicsize__ + _WORD * slots and all(
        base.__flags__ & _HEAP and not base.__flags__ & _IMMUTABLE and _is_ordinary(base)
        for base in bases
    )


def _is_made(cls: type) -> bool:
    """Whether Python's library made this class of what it was given, as `make_dataclass` does."""
    if not cls.__flags__ & _HEAP or cls.__flags__ & _IMMUTABLE or "<locals>" in cls.__qualname__:
        return False
    found: object = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is not cls


def slots_of(cls: type) -> tuple[str, ...]:
    """The attributes of a class that have a place of their own."""
    slots = vars(cls).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _is_ordinary(cls: type) -> bool:
    new: object = cls.__new__
    return new is object.__new__ or isinstance(new, FunctionType)


_WORD = struct.calcsize("P")
_HEAP, _IMMUTABLE = 1 << 9, 1 << 8
"""Flags of types: made while Python ran, and not to be changed since."""


def _is_compiled(file: str) -> bool:
    return file.endswith((".so", ".pyd"))
