"""How a module's constant is written: only then is it known whether the order of a dict is anyone's.

A dict that is written out has the order of its source. One that a call or a comprehension builds
may owe its order to a set, which differs between processes: then its items count without order, and
the expression that builds it counts as code, so that no other order goes unnoticed.
"""

from __future__ import annotations

import ast
import os
import re
from functools import lru_cache
from types import CodeType
from typing import Literal


def written(file: str, name: str) -> Literal["in full"] | CodeType | None:
    """Whether a dict is written out in its source, or the expression that builds it; None: unknown."""
    expression = _expression(file, name)
    match expression:
        case None:
            return None
        case ast.Dict(keys=keys) if None not in keys:
            return "in full"
    return compile(ast.Expression(expression), file, "eval", dont_inherit=True)


def statement(file: str, name: str) -> str:
    """The source of the assignment that gives a module's name its value; "" if it is not found."""
    found = _statements(file, name)
    return found[0].rstrip() if len(found) == 1 else ""


def assigned(text: str, name: str) -> str:
    """The same, of a text without a file."""
    found = _assignments(text, name)
    return found[0].rstrip() if len(found) == 1 else ""


def imported(file: str, name: str) -> tuple[int, str, str] | None:
    """Of a name that a file imports from another one: how far up that is, its module, its name there."""
    for start in _IMPORTS.finditer(text(file)):
        for one in re.sub("#.*", "", start[3]).strip("()").split(","):
            original, _, alias = one.partition(" as ")
            if (alias or original).strip() == name:
                return len(start[1]), start[2], original.strip()
    return None


def text(file: str) -> str:
    """What a file says now."""
    try:
        return _read(file, os.stat(file).st_mtime_ns)
    except OSError:
        return ""


_IMPORTS = re.compile(r"^from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]+)", re.MULTILINE)


def _expression(file: str, name: str) -> ast.expr | None:
    found = _statements(file, name)
    if len(found) != 1:
        return None
    try:
        parsed = ast.parse(found[0]).body
    except SyntaxError:
        return None
    match parsed:
        case [ast.Assign(value=value)] | [ast.AnnAssign(value=ast.expr() as value)]:
            return value
    return None


def _statements(file: str, name: str) -> tuple[str, ...]:
    try:
        changed = os.stat(file).st_mtime_ns
    except OSError:
        return ()
    return _found(file, changed, name)


@lru_cache(maxsize=1024)
def _found(file: str, changed: int, name: str) -> tuple[str, ...]:
    return _assignments(_read(file, changed), name)


def _assignments(text: str, name: str) -> tuple[str, ...]:
    starts = re.finditer(rf"^{re.escape(name)}[ \t]*(?::[^=\n]+)?=(?!=)", text, re.MULTILINE)
    found = []
    for start in starts:
        # On to the next line that starts something else: no bracket, blank, comment or indent.
        end = re.compile(r"^[^\s\])}#]", re.MULTILINE).search(text, start.end())
        found.append(text[start.start() : end.start() if end else len(text)])
    return tuple(found)


@lru_cache(maxsize=64)
def _read(file: str, changed: int) -> str:
    with open(file, encoding="utf-8", errors="replace") as source:
        return source.read()


def edited(file: str, since: float) -> bool:
    """Whether a file is younger than this process: what it says may not be what was imported."""
    try:
        return os.stat(file).st_mtime > since
    except OSError:
        return False
