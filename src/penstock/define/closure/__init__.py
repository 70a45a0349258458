"""The code of a step, all of it: what its function reaches, and the digest of that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from penstock.core.graph import Closure
from penstock.define.closure.sources import sources
from penstock.define.closure.walk import Closures

__all__ = ["Closures", "class_closure", "closure", "sources"]


def closure(
    function: Callable[..., Any],
    *,
    root: Path,
    digest_value: Callable[[object], str],
    also: Sequence[object] = (),
) -> Closure:
    """The closure of one function. Who asks for several keeps a `Closures`, which looks at all once."""
    return Closures(root, digest_value).closure(function, also)


def class_closure(name: str, *, root: Path, digest_value: Callable[[object], str]) -> str:
    """The digest of what the class "module:qualname" reaches; "" for Python's own, and one that is gone."""
    return Closures(root, digest_value).class_digest(name)
