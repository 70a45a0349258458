"""Serializers that people registered: asked before all others, the latest first."""

from __future__ import annotations

from penstock.core.ports import Serializer

_registered: dict[str, Serializer] = {}


def register(serializer: Serializer) -> Serializer:
    """Use `serializer` for the values that it accepts; one of the same name is replaced.

    Works as a decorator of a class that takes no arguments, too.
    """
    instance: Serializer = serializer() if isinstance(serializer, type) else serializer
    _registered.pop(instance.name, None)
    _registered[instance.name] = instance
    return serializer


def registered() -> tuple[Serializer, ...]:
    return tuple(reversed(_registered.values()))
