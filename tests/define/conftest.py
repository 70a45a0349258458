from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.core.digest import digest_struct
from penstock.core.graph import Closure, Definition
from penstock.core.walk import digest_plain
from penstock.define.trace import Environment, trace

Tracer = Callable[..., Definition]


@pytest.fixture
def environment() -> Environment:
    """Digests of plain values, and a code digest that knows a function by its name alone."""

    def other(value: object) -> str:
        return digest_struct("other", repr(value))

    def closure(function: Callable[..., Any]) -> Closure:
        return Closure(digest_struct("code", getattr(function, "__qualname__", "")), ())

    return Environment(lambda value: digest_plain(value, other), closure, Path(__file__).parent)


@pytest.fixture
def traced(environment: Environment) -> Tracer:
    """The definition of a pipeline called with these arguments."""

    def made(pipeline: Any, *args: Any, **kwargs: Any) -> Definition:
        return trace(pipeline, args, kwargs, environment, logical_date="2026-03-01")

    return made
