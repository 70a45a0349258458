"""What the operators of small expressions do: a closed set, the same on every engine."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.errors import RunError

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


def computed(op: str, values: Sequence[Any]) -> Any:
    """The same of what steps returned. Raises RunError where their own operators refuse."""
    return _asked(OPERATORS[op], *values)


def holds(value: Any) -> bool:
    """Whether a condition is true. Raises RunError for what has no truth, as a table has none."""
    return bool(_asked(operator.truth, value))


def _asked(act: Callable[..., Any], *values: Any) -> Any:
    try:
        return act(*values)
    except Exception as error:  # the user's own operators
        raise RunError(
            f"a condition or expression of the pipeline cannot be computed: {type(error).__name__}: {error}",
            hint="Look at what the earlier step returned, or compute it in a step.",
        ) from error
