"""Colours of a terminal: which, and whether any."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO

STYLES: Mapping[str, str] = {
    "dim": "2",
    "bold": "1",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
STATUS: Mapping[str, str] = {
    "done": "green",
    "reused": "cyan",
    "failed": "red",
    "crashed": "red",
    "rejected": "yellow",
    "cancelled": "yellow",
    "running": "blue",
    "skipped": "dim",
    "pending": "dim",
}
MARKS: Mapping[str, str] = {
    "done": "✓",
    "reused": "↺",
    "failed": "✗",
    "crashed": "✗",
    "rejected": "⊘",
    "cancelled": "◌",
    "skipped": "·",
    "running": "▸",
    "pending": "·",
}
PLAIN_MARKS: Mapping[str, str] = {
    **dict.fromkeys(("done", "reused"), "+"),
    **dict.fromkeys(("failed", "crashed", "rejected"), "x"),
    **dict.fromkeys(("cancelled", "skipped", "pending"), "."),
    "running": ">",
}
"""For a terminal that is not of Unicode."""


def colors(stream: IO[str]) -> bool:
    """https://no-color.org, and FORCE_COLOR for recordings."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str) -> str:
    """The text in these styles; as it is, without any."""
    if not styles or not text:
        return text
    return f"\033[{';'.join(STYLES[style] for style in styles)}m{text}\033[0m"
