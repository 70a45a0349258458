"""Arguments of a pipeline from text and files, by the names and annotations of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.api.arguments import outside
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


def bind(
    callee: Callee, name: str, given: Mapping[str, Any], place: Callable[[str], str]
) -> dict[str, Any]:
    """The arguments of a pipeline, of the types that it asks for, and none missing."""
    arguments = outside(callee, name, given, {}, place)
    if missing := [word for word in callee.binding.required if word not in arguments]:
        flags = " ".join(f"-p {word}=…" for word in missing)
        what = "', '".join(missing)
        raise UsageError(f"'{name}' needs a value for '{what}'", hint=f"Add {flags}")
    return arguments
