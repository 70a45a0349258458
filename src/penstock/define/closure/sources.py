"""The source of what a closure holds, for people and for diffs; it is never part of a digest."""

from __future__ import annotations

import linecache
import os
import re
import weakref
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from msgspec import structs

from penstock.core.graph import Closure, ClosureNode
from penstock.define.closure import display
from penstock.define.closure.item import Item

# By path, name and digest of a node: where it was seen. Objects of the user are not kept alive.
_SEEN: dict[tuple[str, str, str], Any] = {}
# Constants whose statement is not to be found, as in a notebook. No text: it may be a secret.
_NUMBERS: dict[tuple[str, str], str] = {}
_NUMBER = re.compile("(int|float|bool) ")


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
        written = display.statement(os.path.join(root, node.path), node.name)
        number = _NUMBERS.get((node.path, node.name))
        return written or (f"{node.name} = {number}" if number else "")
    seen = _SEEN.get((node.path, node.name, node.digest))
    value = seen() if seen is not None else None
    if isinstance(value, FunctionType):
        return of_function(value.__code__)
    if isinstance(value, type):
        codes = [
            member.__code__ for member in vars(value).values() if isinstance(member, FunctionType)
        ]
        return _of_class(
            codes[0].co_filename if codes else os.path.join(root, node.path), value.__qualname__
        )
    return ""


@lru_cache(maxsize=4096)
def of_function(code: CodeType) -> str:
    """The lines of a function, decorators included, as they were when it was defined."""
    lines = linecache.getlines(code.co_filename)
    first = code.co_firstlineno - 1
    if first >= len(lines):
        return ""
    return _block(lines, first, last=_last_line(code))


def _of_class(file: str, qualname: str) -> str:
    lines = linecache.getlines(file)
    name = qualname.rpartition(".")[2]
    start = re.compile(rf"\s*class\s+{re.escape(name)}\b")
    for i, line in enumerate(lines):
        if start.match(line):
            first = i
            while first and lines[first - 1].lstrip().startswith("@"):
                first -= 1
            return _block(lines, first, last=i + 1)
    return ""


def _last_line(code: CodeType) -> int:
    last = max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
    inner = (_last_line(value) for value in code.co_consts if isinstance(value, CodeType))
    return max(last, *inner, code.co_firstlineno)


def _block(lines: list[str], first: int, *, last: int) -> str:
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
