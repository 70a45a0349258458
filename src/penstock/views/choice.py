"""Which view a run gets: a tree on a terminal, lines in a pipe, or none."""

from __future__ import annotations

import os
from typing import IO, Protocol
from typing import Literal as OneOf

from penstock.core.events import Event
from penstock.errors import UsageError

VARIABLE = "PENSTOCK_PROGRESS"
Shown = OneOf["tree", "lines", "off"]


class View(Protocol):
    """Shows events; `close` when no more come."""

    def __call__(self, event: Event, /) -> None: ...
    def close(self) -> None: ...


def shown(stream: IO[str], *, in_pipe: Shown) -> Shown:
    """What somebody at the other end of this stream is shown; `in_pipe` where it is no terminal."""
    asked = os.environ.get(VARIABLE) or "auto"
    match asked:
        case "tree" if not stream.isatty():
            return "lines"  # It cannot be drawn in place where there is no place.
        case "tree" | "lines" | "off":
            return asked
        case "auto":
            return "tree" if is_live(stream) else "lines" if stream.isatty() else in_pipe
        case _:
            raise UsageError(f"{VARIABLE} is '{asked}'", hint="It may be auto, tree, lines or off.")


def is_live(stream: IO[str]) -> bool:
    """Whether someone looks on, at a terminal that can be drawn on."""
    return (
        stream.isatty()
        and os.environ.get("TERM") not in ("dumb", "")
        and os.environ.get("CI", "").lower() in ("", "0", "false")
    )


def view(
    stream: IO[str], kind: Shown, *, summary: bool = False, brief: bool = False
) -> View | None:
    """A view on this stream. With `summary`, its last line says what the run came to; with `brief`,
    a tree leaves nothing but that line behind.
    """
    match kind:
        case "off":
            return None
        case "tree":
            from penstock.views.screen import Screen

            return Screen(stream, summary=summary, brief=brief)
        case "lines":
            from penstock.views.lines import Lines

            return Lines(stream, summary=summary)
