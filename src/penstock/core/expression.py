"""What the operators of small expressions do: a closed set, the same on every engine."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

OPERATORS: Mapping[str, Callable[..., Any]] = {
    **{
        name: getattr(operator, name)
        for name in (
            "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "neg",
            "eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "not_", "invert", "getitem",
        )
    },
    "getattr": getattr,
}  # fmt: skip


def operate(op: str, values: Sequence[Any]) -> Any:
    """The value of an expression whose operands are known."""
    return OPERATORS[op](*values)
