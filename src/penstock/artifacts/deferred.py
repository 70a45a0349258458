"""A serializer that is not imported yet: a run pays for the kinds of values that it has."""

from __future__ import annotations

import sys
from importlib import import_module

from msgspec import Struct

from penstock.core.ports import Serializer


class Deferred(Struct, frozen=True):
    """Imported when a value of its kind may be at hand, or an artifact that it wrote."""

    name: str
    where: str
    """Its class: "package.module:Class"."""
    libraries: tuple[str, ...] = ()
    """Without one of these imported there is no such value; empty: any value may be one."""

    def due(self) -> bool:
        return not self.libraries or any(name in sys.modules for name in self.libraries)

    def load(self) -> Serializer:
        module, _, name = self.where.partition(":")
        serializer: Serializer = getattr(import_module(module), name)()
        return serializer
