"""Functions found again in another process, from where their target says they are."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from penstock.core.graph import Target
from penstock.core.naming import is_first_party, resolve
from penstock.errors import DefinitionError

_depth = 0


def loading_in_worker() -> bool:
    """Whether a worker is importing the user's module just now: then nothing may start a run."""
    return _depth > 0


def find(target: Target, unpack: Callable[[bytes], Any]) -> Any:
    """The function of a target: by import, as `python` would import it, or from its pickle.

    A script is imported by its dotted name, so what stands under `if __name__ == "__main__"` does
    not run.
    """
    with _loading():
        if target.pickled:
            return unpack(target.pickled)
        name = f"{target.module}:{target.qualname}"
        try:
            return resolve(name)
        except DefinitionError:
            if not target.file or target.module in sys.modules:
                raise
            # A script whose folder is on no path, or whose name is no identifier.
            import_file(target.module, target.file)
            return resolve(name)


def import_file(module: str, file: str) -> ModuleType:
    """Execute a file as the module of this name. Raises DefinitionError, and what the file raises."""
    spec = importlib.util.spec_from_file_location(module, file)
    if spec is None or spec.loader is None:
        raise DefinitionError(f"'{file}' is not a Python file", hint="Its name ends with .py.")
    made = importlib.util.module_from_spec(spec)
    sys.modules[module] = made
    try:
        spec.loader.exec_module(made)
    except BaseException:
        del sys.modules[module]
        raise
    return made


@contextmanager
def _loading() -> Iterator[None]:
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


YOUNG = 2.0
"""Seconds within which a file's times cannot tell two of its versions apart."""

_settled: dict[str, object] = {}
"""Files of modules that need no second look, each with the spec that it was loaded by: a reload has
a new one. Their source is not the user's, or so old that any edit from now on has another time."""


def distrust_young_bytecode() -> None:
    """Remove the bytecode of first-party modules whose source was written a moment ago.

    Python takes bytecode for current when the source has the same second and size: an edit in that
    second would never be seen. Without bytecode the next process compiles what is there then.
    """
    now = time.time()
    for module in list(sys.modules.values()):
        # Not by getattr, which asks the `__getattr__` of lazy modules: slow, and theirs to run.
        names = getattr(module, "__dict__", {})
        file, cached = names.get("__file__"), names.get("__cached__")
        spec = names.get("__spec__")
        if not isinstance(file, str) or not isinstance(cached, str):
            continue
        if spec is not None and _settled.get(file) is spec:
            continue
        with suppress(OSError):
            if is_first_party(file) and now - os.stat(file).st_mtime < YOUNG:
                os.unlink(cached)
            else:
                _settled[file] = spec
