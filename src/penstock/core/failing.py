"""A step's exception as people should see it: its own frames, ours cut away."""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any

from penstock.core.graph import Retry
from penstock.core.records import ErrorRecord
from penstock.errors import PenstockError

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
LONGEST = 20_000
"""Characters of a message that are kept."""


def cut(error: BaseException) -> BaseException:
    """The exception without the frames of ours that it began in."""
    frame: TracebackType | None = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(OURS):
        frame = frame.tb_next
    return error.with_traceback(frame) if frame is not None else error


def describe(error: BaseException) -> ErrorRecord:
    """The exception as a record."""
    return ErrorRecord(class_name(type(error)), message(error), _traceback(error))


def class_name(kind: type[BaseException]) -> str:
    module = kind.__module__
    plain = module in ("builtins", PenstockError.__module__)
    return kind.__qualname__ if plain else f"{module}.{kind.__qualname__}"


def message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception as broken:  # the exception's own code
        text = f"(its message cannot be read: {type(broken).__name__})"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def retryable(error: BaseException, retry: Retry) -> bool:
    """Whether another attempt is worth it, as far as the class says. A base class counts."""
    if not retry.on:
        return isinstance(error, Exception)
    names = set(retry.on)
    for kind in type(error).__mro__:
        # A script's own class has another module's name where the script was imported.
        if not names.isdisjoint(
            f"{module}.{kind.__qualname__}" for module in (kind.__module__, "__main__")
        ):
            return True
    return False


def _traceback(error: BaseException) -> str:
    from traceback import TracebackException  # 5 ms, for failures alone

    told = TracebackException.from_exception(error, compact=True)
    if isinstance(error, PenstockError) and not any(_is_users(one.filename) for one in told.stack):
        # A full disk, say: its message is all that a person can use.
        return ""
    _hide(told)
    return "".join(told.format())


def _is_users(file: str) -> bool:
    return not file.startswith(OURS) and os.path.basename(file) != "contextlib.py"


def _hide(told: Any) -> None:
    if told is None:
        return
    outer = [frame for frame in told.stack if not frame.filename.startswith(OURS)]
    # An error of our own, raised before any of the user's code ran, keeps its frames.
    if outer:
        told.stack[:] = outer
    _hide(told.__cause__)
    _hide(told.__context__)
    for inner in told.exceptions or ():
        _hide(inner)
