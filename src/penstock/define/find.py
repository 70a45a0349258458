"""The name under which a step is found again: its own, or that of a module's variable that holds it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from penstock.core.naming import module_name, resolve
from penstock.define.step import Step
from penstock.errors import PenstockError


def address(ref: str, function: Callable[..., Any], root: Path) -> str:
    """ "module:qualname" of the step with this function; "" if no module has it."""
    if _is_step(_resolved(ref), function):
        return ref
    home = sys.modules.get(getattr(function, "__module__", None) or "")
    # The module of the function first, then the others of the project.
    for module in dict.fromkeys([home, *sys.modules.values()]):
        if module is None or not getattr(module, "__file__", None):
            continue
        for name, value in list(vars(module).items()):
            found = f"{module_name(module, root)}:{name}"
            owner = getattr(function, "__self__", None)
            if owner is not None and value is owner:
                found = f"{found}.{getattr(function, '__name__', '')}"
            elif not _is_step(value, function):
                continue
            if _is_step(_resolved(found), function):
                return found
    return ""


def _is_step(value: object, function: Callable[..., Any]) -> bool:
    # By its type: asked for their `__class__`, objects of other libraries may warn, or load something.
    if not issubclass(type(value), Step):
        return False
    step: Any = value
    # A method is made anew each time it is taken from its instance.
    return bool(step.callee.function == function)


def _resolved(ref: str) -> object:
    try:
        return resolve(ref)
    except (PenstockError, ImportError):
        return None
