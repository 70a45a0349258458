"""The source of what a closure holds, for people and for diffs; it is never part of a digest."""

from __future__ import annotations

import linecache
import os
import re
import sys
import weakref
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from msgspec import structs

from penstock.core.graph import Closure, ClosureNode
from penstock.core.naming import MAIN, STARTED, is_first_party
from penstock.define.closure import display
from penstock.define.closure.bytecode import facts
from penstock.define.closure.item import Item

# By path, name and digest of a node: where it was seen. Objects of the user are not kept alive.
_SEEN: dict[tuple[str, str, str], Any] = {}
# Constants whose statement is not to be found, as in a notebook. No text: it may be a secret.
_NUMBERS: dict[tuple[str, str], str] = {}
_NUMBER = re.compile("(int|float|bool) ")
_DEFINES = re.compile(r"\s*(?:async\s+)?(class|def)\s+(\w+)")


def remember(closure: Closure, root: Item) -> None:
    """Note the live functions and classes of a closure, so that their source can be told later."""
    live: dict[tuple[str, str], Any] = {}
    pending, seen = [root], {id(root)}
    for item in pending:
        if item.name and item.kind in ("function", "class"):
            live.setdefault((item.path, item.name), item.value)
        for link in item.links:
            if isinstance(link.target, Item) and id(link.target) not in seen:
                seen.add(id(link.target))
                pending.append(link.target)
    for item in pending:
        for link in item.links:
            if link.name and isinstance(link.target, str) and _NUMBER.match(link.target):
                _NUMBERS[link.path, link.name] = link.target.partition(" ")[2]
    for node in closure.nodes:
        value = live.get((node.path, node.name))
        if value is not None:
            _SEEN.setdefault((node.path, node.name, node.digest), weakref.ref(value))


def sources(closure: Closure, root: Path) -> Closure:
    """The same closure with the source of each of its nodes, where that can be found."""
    found = {}
    for node in closure.nodes:
        text = _source(node, root)
        if text:
            found[f"{node.path}:{node.name}"] = text
    return structs.replace(closure, sources=found)


def _source(node: ClosureNode, root: Path) -> str:
    if node.kind == "constant":
        written = _of_constant(os.path.join(root, node.path), node.name)
        number = _NUMBERS.get((node.path, node.name))
        return written or (f"{node.name} = {number}" if number else "")
    seen = _SEEN.get((node.path, node.name, node.digest))
    value = seen() if seen is not None else None
    if isinstance(value, FunctionType):
        return of_function(value.__code__)
    if isinstance(value, type):  # One without a body is made by a call.
        return _of_class(value) or _of_constant(os.path.join(root, node.path), node.name)
    return ""


@lru_cache(maxsize=4096)
def of_function(code: CodeType) -> str:
    """The lines of a function, decorators included, as they were when it was defined."""
    lines, code = _written(code)
    first = code.co_firstlineno - 1
    if first >= len(lines):
        return ""
    return _block(lines, first, last=_last_line(code))


def _of_class(cls: type) -> str:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    for lines in _texts(cls, file):
        first = _line_of_class(lines, cls.__qualname__)
        if first >= 0:
            start = first
            while start and lines[start - 1].lstrip().startswith("@"):
                start -= 1
            return _block(lines, start, last=first + 1)
    return ""


def _texts(cls: type, file: str | None) -> Iterator[Sequence[str]]:
    """What the class may be written in, as its methods tell it: those apart that others have written."""
    for member in vars(cls).values():
        code = getattr(member, "__code__", None)
        if isinstance(code, CodeType) and (
            code.co_filename == file
            or (
                not file
                and code.co_filename in linecache.cache
                and is_first_party(code.co_filename)
            )
        ):
            yield _written(code)[0]
            return
    if file is None:
        yield from _cells()
    elif display.edited(file, STARTED):
        yield display.text(file).splitlines(keepends=True)
    else:
        yield linecache.getlines(file)


def _line_of_class(lines: Sequence[str], qualname: str) -> int:
    """Where the class begins that has this name in the end; -1 if none has."""
    around: list[tuple[int, str]] = []
    found = -1
    for i, line in enumerate(lines):
        match = _DEFINES.match(line)
        if match is None:
            continue
        while around and around[-1][0] >= _indent(line):
            around.pop()
        name = (around[-1][1] if around else "") + match[2]
        is_class = match[1] == "class"
        if is_class and name == qualname:
            found = i
        around.append((_indent(line), f"{name}." if is_class else f"{name}.<locals>."))
    return found


def _of_constant(file: str, name: str, depth: int = 0) -> str:
    """The assignment of a constant, also where it is imported from another file of the project."""
    if not os.path.isfile(file):
        found = (display.assigned("".join(lines), name) for lines in _cells())
        return next((text for text in found if text), "")
    if written := display.statement(file, name):
        return written
    origin = display.imported(file, name) if depth < 5 else None
    if origin is None:
        return ""
    level, module, original = origin
    folder = os.path.dirname(file)
    for _ in range(level - 1):
        folder = os.path.dirname(folder)
    loaded = None if level else getattr(sys.modules.get(module), "__file__", None)
    place = os.path.join(folder, *module.split("."))
    for home in (loaded, f"{place}.py", os.path.join(place, "__init__.py")):
        if home and is_first_party(home) and os.path.isfile(home):
            return _of_constant(home, original, depth + 1)
    return ""


# ---- lines


def _written(code: CodeType) -> tuple[Sequence[str], CodeType]:
    """The lines of the file of this code, and the code as it stands there; no lines if it does not.

    Of a file that was edited since, an older text may be held, and a newer one be on the disk. Who
    reloads functions one by one gives them lines of their own.
    """
    file = code.co_filename
    held = linecache.getlines(file)
    if not display.edited(file, STARTED):
        return held, code
    for lines in (display.text(file).splitlines(keepends=True), held):
        for one in _codes(file, "".join(lines)):
            if one.co_qualname == code.co_qualname and facts(one).content == facts(code).content:
                return lines, one
    return (), code


@lru_cache(maxsize=16)
def _codes(file: str, text: str) -> Sequence[CodeType]:
    """All code that this text is compiled to."""
    try:
        found = [compile(text, file, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return ()
    for code in found:
        found += (value for value in code.co_consts if isinstance(value, CodeType))
    return found


def _cells() -> Iterator[Sequence[str]]:
    """Of a notebook, the last one first."""
    for text in reversed(vars(sys.modules[MAIN]).get("_ih", ())):
        yield str(text).splitlines(keepends=True)


def _last_line(code: CodeType) -> int:
    last = max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
    inner = (_last_line(value) for value in code.co_consts if isinstance(value, CodeType))
    return max(last, *inner, code.co_firstlineno)


def _block(lines: Sequence[str], first: int, *, last: int) -> str:
    """From a line on, at least to `last`, then while lines are indented deeper or close a bracket."""
    indent = _indent(lines[first])
    end = last
    while end < len(lines):
        text = lines[end].strip()
        if text and _indent(lines[end]) <= indent and text[0] not in ")]}":
            break
        end += 1
    text = "".join(lines[first:end]).rstrip()
    return "\n".join(line[indent:] for line in text.split("\n"))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
