"""Looking into classes: bases, methods, properties, attributes, fields; not what machinery derives."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from penstock.define.closure.item import Item, Link
from penstock.define.closure.names import link_classes
from penstock.define.closure.targets import Targets

_DERIVED = frozenset(
    (
        *("__doc__", "__module__", "__qualname__", "__dict__", "__weakref__", "__firstlineno__"),
        *("__static_attributes__", "__abstractmethods__", "_abc_impl", "__parameters__"),
        *(
            "__annotations__",
            "__annotations_cache__",
            "__dataclass_fields__",
            "__dataclass_params__",
        ),
        *(
            "__slotnames__",
            "__type_params__",
            "_is_protocol",
            "_is_runtime_protocol",
            "__protocol_attrs__",
        ),
        *(
            "__non_callable_proto_members__",
            "__attrs_props__",
            "__struct_config__",
            "__annotate_func__",
        ),
    )
)
# Written by `dataclass` from the fields and the parameters, which count.
_GENERATED = frozenset(
    f"__{name}__"
    for name in [
        "init",
        "repr",
        "eq",
        "lt",
        "le",
        "gt",
        "ge",
        "hash",
        "setattr",
        "delattr",
        "replace",
        "getstate",
        "setstate",
    ]
)
_NAMED_TUPLE = frozenset(("__new__", "_make", "_replace", "_asdict", "__getnewargs__"))
_ENUM = frozenset(("_missing_", "_ignore_", "_order_", "_generate_next_value_"))


def expand_class(targets: Targets, item: Item) -> None:
    cls: Any = item.value
    told: list[Any] = []

    def link(label: str, part: object) -> None:
        item.links.append(Link(label, targets.target(part, item, label)))

    for base in cls.__bases__:
        if base is not object:
            link("base", base)
    if type(cls) is not type:
        link("metaclass", type(cls))
    for base in vars(cls).get("__orig_bases__", ()):
        link("base", base)
    for name, hint in _annotations(cls):
        told.append(("field", name, hint if isinstance(hint, str) else ""))
        if isinstance(hint, str):
            link_classes(targets, item, [hint], vars(sys.modules.get(cls.__module__, builtins)))
        else:
            link(name, hint)
    members = _members_of_enum(cls) if "_member_map_" in vars(cls) else _members(cls)
    for name, member in members:
        told.append(name)
        link(name, member)
    for name, field in vars(cls).get("__dataclass_fields__", {}).items():
        flags = (field.init, field.repr, field.hash, field.compare, field.kw_only)
        told.append((name, flags, str(field._field_type)))
        for label in ("default", "default_factory"):
            link(name, getattr(field, label))
        link(name, dict(field.metadata))
    told.append(str(vars(cls).get("__dataclass_params__", "")))
    if isinstance(getattr(cls, "__struct_defaults__", None), tuple):
        _expand_struct(targets, item, told)
    item.content = repr(told)


def _expand_struct(targets: Targets, item: Item, told: list[Any]) -> None:
    """A Struct of msgspec: its options, its names outside and its defaults, which are no members."""
    cls: Any = item.value
    config = cls.__struct_config__
    options = [(name, str(getattr(config, name))) for name in dir(config) if name[0] != "_"]
    told.append((cls.__struct_fields__, cls.__struct_encode_fields__, options))
    for default in cls.__struct_defaults__:
        made = getattr(default, "factory", default)
        item.links.append(Link("default", targets.target(made, item, "default")))


def _annotations(cls: Any) -> Iterator[tuple[str, object]]:
    yield from vars(cls).get("__annotations__", {}).items()


def _members(cls: Any) -> Iterator[tuple[str, object]]:
    is_dataclass = "__dataclass_params__" in vars(cls)
    for name, member in sorted(vars(cls).items()):
        if name in _DERIVED or name == "__orig_bases__" or name.startswith("__pydantic_"):
            continue
        if isinstance(member, GetSetDescriptorType | MemberDescriptorType):
            continue
        if _is_field(cls, name, member):
            continue
        if is_dataclass and name in _GENERATED and _is_generated(member):
            continue
        if name == "__hash__" and _is_by_attrs(member):
            member = "by attrs"  # It holds a number that is another one in each process.
        yield name, member
    for name, field in sorted(vars(cls).get("__pydantic_fields__", {}).items()):
        yield name, repr(field)
        yield name, field.default_factory


def _is_field(cls: Any, name: str, member: object) -> bool:
    """What a NamedTuple derives from its fields and their defaults, which count."""
    derived = name in _NAMED_TUPLE or type(member).__name__ == "_tuplegetter"
    return derived and "_field_defaults" in vars(cls)


def _is_generated(member: object) -> bool:
    wrapped = getattr(member, "__wrapped__", member)
    return member is None or (
        isinstance(wrapped, FunctionType) and wrapped.__code__.co_filename == "<string>"
    )


def _is_by_attrs(member: object) -> bool:
    code = getattr(member, "__code__", None)
    return code is not None and code.co_filename.startswith("<attrs generated")


def _members_of_enum(cls: Any) -> Iterator[tuple[str, object]]:
    """Members in their order, by value; then what people wrote besides."""
    for name, member in cls._member_map_.items():
        yield name, member._value_
    for name, member in sorted(vars(cls).items()):
        internal = name.startswith("_") and name.endswith("_") and name not in _ENUM
        dunder = name.startswith("__")
        if name in cls._member_map_ or (internal and not dunder) or name in _DERIVED:
            continue
        if name in ("__new__", "__new_member__", "_new_member_", "__members__"):
            member = vars(cls).get("__new_member__", vars(cls).get("_new_member_", member))
        if isinstance(member, GetSetDescriptorType | MemberDescriptorType):
            continue
        if isinstance(member, property) and type(member).__module__ == "enum":
            continue
        yield name, member
