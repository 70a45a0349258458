"""The code of a step, all of it: what its function reaches, and the digest of that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from penstock.core.graph import Closure
from penstock.define.closure.sources import sources
from penstock.define.closure.walk import Closures

__all__ = ["Closures", "closure", "sources"]


def closure(
    function: Callable[..., Any],
    *,
    root: Path,
    digest_value: Callable[[object], str],
) -> Closure:
    """The closure of one function. Who asks for several keeps a `Closures`, which looks at all once."""
    return Closures(root, digest_value).closure(function)
