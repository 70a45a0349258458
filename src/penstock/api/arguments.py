"""Arguments of a pipeline that come from outside of the code, of the types that it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penstock.config.coerce import coerce
from penstock.config.sources import nest
from penstock.core.place import near
from penstock.define.callee import Callee
from penstock.errors import UsageError


def outside(
    callee: Callee,
    name: str,
    given: Mapping[str, Any],
    bound: Mapping[str, Any],
    place: Callable[[str], str] = lambda word: "",
) -> dict[str, Any]:
    """What is `given`, coerced by annotation; `bound` is what code gives already.

    `place` says where a parameter was set, as the beginning of a message.

    A partly given dataclass or dict (`hyper.lr=0.1`) is merged into the parameter's default.
    Raises UsageError on an unknown parameter, and on one that code binds.
    """
    binding = callee.binding
    for word in given:
        if word not in binding.names and not binding.keywords:
            raise UsageError(
                f"{place(word)}'{name}' has no parameter '{word}'", hint=near(word, binding.names)
            )
        if word in bound:
            raise UsageError(
                f"'{word}' of '{name}' is bound in code, and set from outside",
                hint="Leave it out of the call, or out of what sets it.",
            )
    return {word: _coerced(callee, word, value, place(word)) for word, value in given.items()}


def _coerced(callee: Callee, word: str, value: Any, place: str) -> Any:
    whole = _over(callee.binding.defaults.get(word), value)
    try:
        return coerce(whole, callee.hints.get(word, Any), word)
    except UsageError as error:
        raise UsageError(f"{place}{error.message}", hint=error.hint) from None


def _over(default: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if hasattr(default, "__dataclass_fields__"):
        fields = default.__dataclass_fields__.items()
        # What `__post_init__` makes is made again.
        base = {name: getattr(default, name) for name, field in fields if field.init}
    elif isinstance(default, tuple) and hasattr(default, "_asdict"):
        base = dict(default._asdict())
    elif hasattr(type(default), "model_fields"):  # of pydantic
        base = {name: getattr(default, name) for name in type(default).model_fields}
    elif isinstance(default, dict):
        base = dict(default)
    else:
        return value
    for key, item in value.items():
        nest(base, key, _over(base.get(key), item), deep=False)
    return base
