"""Values laid out as YAML: in one line where that is short, else one line for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from penstock.core.graph import Build, Input, Literal
from penstock.spec import scalars
from penstock.spec.text import MOST_BITS, phrase, value_text

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar; `typed` if it is written as it is, else text that may need quotes."""

    text: str
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Many:
    items: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    items: tuple[tuple[Leaf, Shape], ...]


Shape = Leaf | Many | Pairs


def shape(source: Input, params: Sequence[str] = ()) -> Shape:
    """An input as YAML has it: lists and mappings are its own, what it has no word for an expression."""
    match source:
        case Literal(value=value):
            return value_shape(value)
        case Build(kind="list", items=items) if items:
            return Many(tuple(shape(item, params) for item in items))
        case Build(kind="dict", items=items, keys=keys):
            return Pairs(
                tuple(
                    (_key(key), shape(item, params)) for key, item in zip(keys, items, strict=True)
                )
            )
    return Leaf(f"= {phrase(source, params)}")


def value_shape(value: Any) -> Shape:
    kind = type(value)
    if kind is list:
        return Many(tuple(map(value_shape, value)))
    if kind is dict:
        return Pairs(tuple((_key(key), value_shape(item)) for key, item in value.items()))
    return _leaf(value)


def _leaf(value: Any) -> Leaf:
    kind = type(value)
    if kind is str and scalars.is_whole(value):
        return Leaf(f"= {scalars.quoted(value)}" if value[:1] == "=" else value)
    if kind in (type(None), bool, float) or (kind is int and value.bit_length() <= MOST_BITS):
        return Leaf(scalars.plain(value), True)
    if kind.__module__ == "numpy" and getattr(value, "shape", None) == ():
        return _leaf(value.item())
    return Leaf(f"= {value_text(value)}")


_key = _leaf


# ---- lines


def lines(name: str, shape: Shape, indent: int) -> Iterator[str]:
    """`name: value`, its further lines below it; `indent` is that of the name."""
    pad = " " * indent
    flow = in_line(shape)
    if isinstance(shape, Leaf):
        if block := _block(shape):
            yield f"{pad}{name}: |{'' if shape.text[-1] == chr(10) else '-'}"
            yield from (f"{pad}  {line}".rstrip() for line in block)
        else:
            yield f"{pad}{name}: {_scalar(shape)}"
    elif len(pad) + len(name) + 2 + len(flow) <= WIDTH or not shape.items:
        yield f"{pad}{name}: {flow}"
    elif isinstance(shape, Pairs):
        yield f"{pad}{name}:"
        for key, item in shape.items:
            yield from lines(_scalar(key), item, indent + 2)
    elif all(isinstance(item, Leaf) for item in shape.items) and len(shape.items) > 10:
        yield from _wrapped(f"{pad}{name}: [", shape, f"{pad}  ")
    else:
        yield f"{pad}{name}:"
        for item in shape.items:
            yield from _item(item, indent + 2)


def _item(shape: Shape, indent: int) -> Iterator[str]:
    """A list's element behind its dash."""
    pad = " " * indent
    flow = _scalar(shape) if isinstance(shape, Leaf) else in_line(shape)
    if isinstance(shape, Leaf) or len(pad) + 2 + len(flow) <= WIDTH or not shape.items:
        yield f"{pad}- {flow}"
        return
    below = (
        (line for key, item in shape.items for line in lines(_scalar(key), item, indent + 2))
        if isinstance(shape, Pairs)
        else (line for item in shape.items for line in _item(item, indent + 2))
    )
    first = next(below)
    yield f"{pad}- {first.lstrip()}"
    yield from below


def _wrapped(start: str, shape: Many, pad: str) -> Iterator[str]:
    line = start
    for number, item in enumerate(shape.items, 1):
        word = in_line(item) + ("," if number < len(shape.items) else "]")
        if len(line) + 1 + len(word) > WIDTH and line != start and line.strip():
            yield line.rstrip()
            line = pad
        line += word if line in (start, pad) else f" {word}"
    yield line


def _block(leaf: Leaf) -> list[str]:
    """The lines of text that reads best as it is; else none."""
    text = leaf.text
    if leaf.typed or "\n" not in text or not scalars.is_whole(text):
        return []
    inner = text.removesuffix("\n").split("\n")
    well = all(line.isprintable() and line == line.rstrip() for line in inner)
    return inner if well and inner[0] and inner[0][0] != " " and inner[-1] else []


def _scalar(leaf: Leaf, *, flow: bool = False) -> str:
    return leaf.text if leaf.typed else scalars.text(leaf.text, flow=flow)


def in_line(shape: Shape) -> str:
    """All of it in one line."""
    match shape:
        case Leaf():
            return _scalar(shape, flow=True)
        case Many(items):
            return f"[{', '.join(map(in_line, items))}]"
        case Pairs(items):
            inner = (f"{_scalar(key, flow=True)}: {in_line(item)}" for key, item in items)
            return "{" + ", ".join(inner) + "}"
