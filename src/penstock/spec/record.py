"""A graph as its run keeps it: JSON, with the values that JSON has no word for as expressions."""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec

from penstock.core.graph import Graph, Literal
from penstock.core.tame import as_json
from penstock.errors import PenstockError
from penstock.spec.literals import literals, with_literals

MARK = "$"
"""The key of a mapping of one key that stands for the expression in it."""
PLAIN = (str, int, bool, float, type(None))


def pack(graph: Graph) -> str:
    """The graph as text that `unpack` reads; equal graphs have equal texts."""
    if all(_is_json(literal.value) for literal in literals(graph)):
        return as_json(graph)
    return as_json(with_literals(graph, _packed))


def unpack(text: str) -> Graph:
    """The graph; what only code can make in its values stays named."""
    return with_literals(msgspec.json.decode(text, type=Graph), _unpacked)


def values(graph: Graph) -> Graph:
    """The graph with its values made by the code; what cannot be is left as it is named."""
    return with_literals(graph, _made)


def _packed(literal: Literal) -> Literal:
    value = literal.value
    if _is_json(value):
        return literal
    # Runs of plain values pay for no words.
    from penstock.spec.text import value_text
    from penstock.spec.values import Opaque

    text = value_text(value)
    if text.startswith("opaque("):
        text = value_text(Opaque(type(value).__qualname__, literal.digest))
    return Literal({MARK: text}, literal.digest)


def _is_json(value: Any) -> bool:
    """Whether JSON gives back an equal value of the same type."""
    kind = type(value)
    if kind is int:
        return not value.bit_length() > 63
    if kind is float:
        return isfinite(value)
    if kind is str:
        # Half characters have no bytes.
        return value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value)
    if kind is list:
        return all(map(_is_json, value))
    if kind is dict:
        return MARK not in value and all(
            type(key) is str and _is_json(key) and _is_json(item) for key, item in value.items()
        )
    return value is None or kind is bool


def _unpacked(literal: Literal) -> Literal:
    match literal.value:
        case {"$": str(text)}:
            from penstock.spec.parser import parse
            from penstock.spec.values import Opaque

            try:
                source = parse(text, (), ())
            except PenstockError:
                # A zone that this machine does not know.
                source = Literal(Opaque(text, literal.digest), "")
            value = source.value if isinstance(source, Literal) else None
            return Literal(value, literal.digest)
    return literal


def _made(literal: Literal) -> Literal:
    if type(literal.value) in PLAIN:
        return literal
    from penstock.spec.values import opened

    try:
        return Literal(opened(literal.value), literal.digest)
    except (PenstockError, ImportError):
        return literal
