"""Arguments of a pipeline from text and files, by the names and annotations of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.config import near
from penstock.config.coerce import coerce
from penstock.config.sources import nest
from penstock.define.callee import Callee
from penstock.errors import UsageError


def assignments(pairs: Sequence[str], flag: str) -> dict[str, str]:
    """`-p depth=8` and the like. Raises UsageError for what is no NAME=VALUE."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{flag} '{pair}' is no assignment", hint=f"Write {flag} NAME=VALUE.")
        found[name.strip()] = value
    return found


def bind(callee: Callee, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a pipeline, of the types that it asks for.

    A partly given dataclass or dict (`hyper.lr=0.1`) is merged into the parameter's default.
    """
    binding = callee.binding
    for word in given:
        if word not in binding.names and not binding.keywords:
            raise UsageError(f"'{name}' has no parameter '{word}'", hint=near(word, binding.names))
    arguments = {
        word: coerce(_over(binding.defaults.get(word), value), callee.hints.get(word, Any), word)
        for word, value in given.items()
    }
    if missing := [word for word in binding.required if word not in arguments]:
        flags = " ".join(f"-p {word}=…" for word in missing)
        what = "', '".join(missing)
        raise UsageError(f"'{name}' needs a value for '{what}'", hint=f"Add {flags}")
    return arguments


def _over(default: Any, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if hasattr(default, "__dataclass_fields__"):
        base = {field: getattr(default, field) for field in default.__dataclass_fields__}
    elif isinstance(default, dict):
        base = dict(default)
    else:
        return value
    for key, item in value.items():
        nest(base, key, _over(base.get(key), item), deep=False)
    return base
