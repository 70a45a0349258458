"""Classes that no name leads to: made in a function or by a call, or defined anew since.

What names them in a key, where a class is its name and the code that is found there, is not theirs.
So their own code is part of the content of their instances.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any

from penstock.core.naming import MAIN, is_first_party

_HEAP = 1 << 9
"""Flag of types: made while Python ran."""


def nameless(classes: Iterable[object]) -> list[type]:
    """Those of them that their name does not lead to."""
    return [one for one in classes if isinstance(one, type) and _is_nameless(one)]


def _is_nameless(cls: type) -> bool:
    name: object = cls.__module__
    if not cls.__flags__ & _HEAP or not isinstance(name, str):
        return False
    module = sys.modules.get(name)
    # `Box[int]` of pydantic is made where it is written, of `Box`.
    parts = cls.__qualname__.partition("[")[0].split(".")
    if name == MAIN and parts[0] not in vars(module) and _is_ours(module):
        return "<locals>" in parts  # of a notebook, and this is a worker
    found: object = module
    for part in parts:
        found = getattr(found, "__dict__", {}).get(part)
    return found is not cls and not ("[" in cls.__qualname__ and isinstance(found, type))


def _is_ours(module: object) -> bool:
    spec = getattr(module, "__spec__", None)
    return spec is not None and spec.name.startswith("penstock.")


def members(cls: type) -> Iterator[tuple[str, object]]:
    """What the project wrote of a class: its functions, and its other attributes, by name."""
    own = _is_first_party(cls.__module__)
    for name, member in sorted(vars(cls).items()):
        functions = [f for f in _functions(member) if _is_first_party(f.__module__)]
        if functions:
            yield name, functions
        elif own and not name.startswith("__"):
            yield name, member


def _functions(member: Any) -> Iterator[FunctionType]:
    if isinstance(member, property):
        candidates: tuple[object, ...] = (member.fget, member.fset, member.fdel)
    else:
        candidates = (getattr(member, "__func__", getattr(member, "func", member)),)
    for one in candidates:
        while hasattr(one, "__wrapped__") and not isinstance(one, FunctionType):
            one = one.__wrapped__
        if isinstance(one, FunctionType):
            yield one


def _is_first_party(module: str) -> bool:
    found = sys.modules.get(module)
    return module == MAIN or (
        found is not None and is_first_party(getattr(found, "__file__", None))
    )
