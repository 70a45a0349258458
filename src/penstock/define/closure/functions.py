"""Looking into functions: their code, the names it uses, closure cells, defaults, annotations."""

from __future__ import annotations

from collections.abc import Iterator
from types import FunctionType
from typing import Any

from penstock.define.closure.bytecode import Facts, facts, words_of
from penstock.define.closure.item import Item, Link
from penstock.define.closure.names import Expression, link_classes, link_imports, link_uses
from penstock.define.closure.targets import Targets


def expand_function(targets: Targets, item: Item) -> None:
    function: Any = item.value
    code = facts(function.__code__)
    constants = _link_code(targets, item, code, function)
    for i, value in enumerate(function.__defaults__ or ()):
        item.links.append(Link(f"default {i}", targets.target(value, item, f"default {i}")))
    for name, value in sorted((function.__kwdefaults__ or {}).items()):
        item.links.append(Link(name, f"keyword {name}"))
        item.links.append(Link(name, targets.target(value, item, name)))
    _link_attributes(targets, item, function)
    item.content = _content(code, constants)


def expand_step(targets: Targets, item: Item) -> None:
    """A step's own function: its defaults are arguments of its calls; its annotations count."""
    function: Any = item.value
    code = facts(function.__code__)
    constants = _link_code(targets, item, code, function)
    _link_attributes(targets, item, function)
    link_annotations(targets, item, function)
    item.content = _content(code, constants)


def expand_expression(targets: Targets, item: Item, expression: Expression) -> None:
    code = facts(expression.code)
    for _ in link_uses(targets, item, code.uses, expression.namespace):
        pass
    item.content = code.content


def link_annotations(targets: Targets, item: Item, function: Any) -> None:
    inner = function
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    hints = getattr(function, "__annotations__", {})
    link_classes(targets, item, hints.values(), getattr(inner, "__globals__", {}))


def _link_code(targets: Targets, item: Item, code: Facts, function: FunctionType) -> list[object]:
    if "__subclasses__" in code.attributes:
        targets.problem(item, f"'{item.name}' ({item.path}) looks classes up in __subclasses__()")
    if not code.attributes.isdisjoint(("__globals__", "f_globals")):
        targets.problem(item, f"'{item.name}' ({item.path}) looks names up in the globals of code")
    constants = list(link_uses(targets, item, code.uses, function.__globals__))
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name in code.free:
        try:
            value = cells[name].cell_contents
        except ValueError:
            item.links.append(Link(name, "empty"))
            continue
        constants.append(value)
        item.links.append(Link(name, targets.target(value, item, name)))
    constants += link_imports(targets, item, code.imports, function.__globals__)
    return constants


def _link_attributes(targets: Targets, item: Item, function: FunctionType) -> None:
    for name, value in sorted(vars(function).items()):
        if not name.startswith("__penstock"):
            item.links.append(Link(name, f"attribute {name}"))
            item.links.append(Link(name, targets.target(value, item, name)))


def _content(code: Facts, constants: list[object]) -> str:
    """The code's digest; with the names of variables that a text names, which may be looked up by it."""
    if not code.locals:
        return code.content
    words = words_of(text for value in constants for text in _texts(value, 0))
    named = [pair for pair in code.locals if pair[0] in words]
    return f"{code.content} {named}" if named else code.content


def _texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < 3 and isinstance(value, dict | list | tuple | set | frozenset):
        parts = value.values() if isinstance(value, dict) else value
        for part in parts:
            yield from _texts(part, depth + 1)
