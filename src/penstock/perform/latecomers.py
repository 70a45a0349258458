"""Libraries that a step imports while it runs: what is to be done to them once they are there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Done = Callable[[ModuleType], None]

_awaited: dict[str, Done] = {}


def when_imported(name: str, done: Done) -> None:
    """Call `done(module)` when `name` is imported; nothing happens if it is there already."""
    if name not in _awaited and name not in sys.modules:
        _awaited[name] = done
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)


class _Finder:
    """Stands before the others, finds nothing itself, and watches over what they find."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _awaited:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                # Not a subclass of `Loader`: importlib.abc takes a hundredth of a run's start.
                spec.loader = _Watched(spec.loader)  # type: ignore[assignment]
                return spec
        return None


class _Watched:
    """A loader that says when its module is ready, and then is gone from it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        done = _awaited.pop(module.__name__, None)
        if done is not None:
            done(module)


_finder = _Finder()
