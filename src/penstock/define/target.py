"""Where another process finds a step's function: by import where it can, else pickled by value."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import MethodType
from typing import Any

from penstock.core.graph import Target
from penstock.core.naming import MAIN, module_name
from penstock.errors import DefinitionError, SerializationError


def target(function: Callable[..., Any], name: str, root: Path) -> Target:
    """The function as an import would find it again; a closure, a lambda, a cell's function by value."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    qualname = getattr(function, "__qualname__", "")
    file = getattr(module, "__file__", None) or ""
    # A notebook's cell has no file to import; a script has, and its name is the same everywhere.
    importable = module is not None and (module.__name__ != MAIN or Path(file).suffix == ".py")
    if module is not None and importable and _found(module, qualname, function):
        return Target(module_name(module, root), qualname, file)
    from penstock.core.unsafe import pack

    try:
        return Target("", qualname, "", pack(_portable(function)))
    except SerializationError as error:
        raise DefinitionError(
            f"'{name}' cannot be sent to another process: {error.message}",
            hint="Define it at the top of a module, or run with workers=0.",
        ) from error


class _Taken:
    """A method of an instance, taken from it anew in the other process."""

    def __init__(self, method: MethodType) -> None:
        self._method = method

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._method.__self__, self._method.__name__)


def _portable(function: Callable[..., Any]) -> object:
    # A method by itself would go by value, as a second function beside the one of its class.
    if isinstance(function, MethodType):
        found = getattr(type(function.__self__), function.__name__, None)
        if getattr(found, "__wrapped__", found) is function.__func__:
            return _Taken(function)
    return function


def _found(module: object, qualname: str, function: object) -> bool:
    found: object = module
    for part in qualname.split("."):
        if part == "<locals>":
            return False
        # Of a class's namespace, what stands there and not what an instance would bind.
        found = vars(found).get(part) if isinstance(found, type) else getattr(found, part, None)
    while found is not None and found is not function:
        found = getattr(found, "__wrapped__", getattr(found, "__func__", None))
    return found is function
