"""What a step reaches, as a graph of things; and the digest of all that hangs on one of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Literal as OneOf

from blake3 import blake3
from msgspec import Struct

from penstock.core.graph import Closure, ClosureNode

VERSION = 1
"""Of the way in which code becomes a digest."""

_MANY = 200_000
"""Some values make new ones of themselves whenever they are looked at."""

LONG = 2048
"""Bits from which a number is told in hexadecimals: Python writes no long one in decimals."""

Kind = OneOf["function", "class", "module", "value"]


class Item(Struct, eq=False):
    """A first-party function, class or module, or a value that leads to one.

    `content` and `links` are found when it is first asked for: a cycle is no special case.
    """

    kind: Kind
    path: str
    name: str
    value: object
    said: str = ""
    """What people call a value: where it was found, under which name."""
    content: str = ""
    links: list[Link] = []
    problems: list[str] = []
    distributions: set[tuple[str, str]] = set()
    expanded: bool = False

    @property
    def address(self) -> str:
        return f"{self.path}:{self.name}"


Target = str | Item
"""What a name means: a thing of its own, or the text of something plain."""


class Link(Struct, frozen=True):
    """One way from a thing to what it uses. The order of links counts, their labels do not."""

    label: str
    target: Target
    path: str = ""
    name: str = ""
    """Where the value stands that the label means; "" if it is part of the thing itself."""


def short(text: str) -> str:
    """The text itself, or its digest if it is long."""
    if len(text) <= 80:
        return text
    return "#" + blake3(text.encode("utf-8", "surrogatepass")).hexdigest()


def closure_of(root: Item, expand: Callable[[Item], None]) -> Closure:
    """Everything reachable from `root`, numbered as it is come to."""
    numbers = {id(root): 0}
    order = [root]
    told = [f"{VERSION} {sys.version_info[0]}.{sys.version_info[1]}"]
    for item in order:
        if not item.expanded:
            item.expanded = True
            expand(item)
        if len(order) > _MANY:
            item.problems.append(f"{item.said or item.name} leads to more things than can be told")
            break
        place = "" if item.kind == "value" else item.address
        told.append(f"{item.kind} {place} {item.content} {len(item.links)}")
        for link in item.links:
            target = link.target
            if isinstance(target, str):
                told.append(target)
                continue
            number = numbers.setdefault(id(target), len(order))
            if number == len(order):
                order.append(target)
            told.append(f"@{number}")
    return Closure(
        digest=blake3("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest(),
        nodes=_nodes(order),
        edges=tuple(sorted(_edges(order))),
        distributions=dict(sorted({d for item in order for d in item.distributions})),
        problems=tuple(dict.fromkeys(p for item in order for p in item.problems)),
    )


# ---- for people


def _nodes(order: Sequence[Item]) -> tuple[ClosureNode, ...]:
    """Each thing with its own digest. Things of one name (lambdas) are one node."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for item in order:
        if item.kind != "value" and item.name:
            found.setdefault((item.path, item.name, item.kind), []).append(_own(item))
    constants: dict[tuple[str, str, str], list[str]] = {}
    named = {
        (link.path, link.name): link.target for item in order for link in item.links if link.name
    }
    for (path, name), target in named.items():
        means = target if isinstance(target, str) else _own(target)
        # What decorates a function is said with it.
        function = found.get((path, name, "function"))
        if function is None:
            constants[path, name, "constant"] = [means]
        else:
            function.append(means)
    return tuple(
        ClosureNode(path, name, kind, _digest(sorted(set(texts))))  # type: ignore[arg-type]  # kinds
        for (path, name, kind), texts in sorted((found | constants).items())
    )


def _own(item: Item) -> str:
    """What is told of a thing in its own place: its content, and the values in it."""
    if item.kind == "value" and not item.expanded:
        return item.name
    told, inner = [], [item]
    known = {id(item)}
    for one in inner:
        told.append(one.content)
        for link in one.links:
            target = link.target
            if link.name:
                continue
            if isinstance(target, str):
                told.append(f"{link.label} {target}")
            elif target.kind == "value" and target.expanded:
                told.append(f"{link.label}:")
                if id(target) not in known:
                    known.add(id(target))
                    inner.append(target)
            elif one.kind == "value":
                told.append(f"{link.label} {target.address}")
    return "\n".join(told)


def _digest(texts: Iterable[str]) -> str:
    return blake3("\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()


def _edges(order: Iterable[Item]) -> Iterable[tuple[str, str, str]]:
    found = set()
    for item in order:
        if item.kind == "value":
            continue
        for link in item.links:
            if link.name:
                found.add((item.address, link.label, f"{link.path}:{link.name}"))
            for target in _named(link.target):
                found.add((item.address, link.label, target))
    return found


def _named(target: Target, depth: int = 0) -> Iterable[str]:
    """The things of a name that a link leads to, through values without one."""
    if isinstance(target, str):
        if target.startswith("ref ") and not depth:
            yield target[4:]
    elif target.kind != "value":
        yield target.address
    elif depth < 3:
        for link in target.links:
            yield from _named(link.target, depth + 1)
