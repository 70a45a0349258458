"""All that penstock says: results to stdout, everything else to stderr."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import IO, Any

import msgspec

STYLES = {
    "dim": "2",
    "bold": "1",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
}
STATUS = {
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
NARROW = 12
"""Characters that a column keeps on a narrow terminal."""


class Terminal:
    """Where a command writes. `out` for what was asked, `note` for all else."""

    def __init__(self, out: IO[str], err: IO[str]) -> None:
        self._out, self._err = out, err

    @property
    def live(self) -> bool:
        """Whether someone looks at progress as it happens."""
        return self._err.isatty() and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """Columns; without a terminal there is no edge."""
        stream = self._out if self._out.isatty() else self._err
        return shutil.get_terminal_size((80, 24)).columns if stream.isatty() else 10_000

    @property
    def errors(self) -> IO[str]:
        return self._err

    def out(self, text: str = "") -> None:
        print(text, file=self._out)

    def note(self, text: str = "") -> None:
        """Progress, warnings, advice."""
        print(text, file=self._err, flush=True)

    def json(self, value: Any) -> None:
        """One JSON document; what JSON has no word for is its repr."""
        text = msgspec.json.format(msgspec.json.encode(value, enc_hook=repr), indent=2)
        self.out(text.decode())

    def error(self, message: str, hint: str = "") -> None:
        self.note(self.style("error: ", "red", "bold", err=True) + message)
        for line in hint.splitlines():
            self.note(f"  {line}")

    def style(self, text: str, *styles: str, err: bool = False) -> str:
        stream = self._err if err else self._out
        if not styles or not text or not colors(stream):
            return text
        return f"\033[{';'.join(STYLES[style] for style in styles)}m{text}\033[0m"

    def status(self, status: str, *, err: bool = False, width: int = 0) -> str:
        return self.style(f"{status:<{width}}", STATUS.get(status, "dim"), err=err)

    def table(
        self, head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()
    ) -> None:
        """Columns under a dim head. On a narrow terminal the last one gives way, then the widest."""
        lines = [list(row) for row in rows]
        widths = [
            max([len(title), *(len(row[n]) for row in lines)]) for n, title in enumerate(head)
        ]
        _fit(widths, self.width - 2 * (len(head) - 1))
        if any(head):
            self.out(self.style(_line(head, widths, right), "dim"))
        for row in lines:
            # Only what is too long for its place is changed; the last is text, and one line.
            cells = [
                cell if len(cell) <= width else cut(cell, width)
                for cell, width in zip([*row[:-1], cut(row[-1], widths[-1])], widths, strict=True)
            ]
            padded = _cells(cells, widths, right)
            self.out(self._colored(row, padded))

    def _colored(self, row: Sequence[str], padded: Sequence[str]) -> str:
        shown = [
            cell.replace(word, self.status(word)) if word in STATUS else cell
            for word, cell in zip(row, padded, strict=True)
        ]
        return "  ".join(shown).rstrip()


def colors(stream: IO[str]) -> bool:
    """https://no-color.org, and FORCE_COLOR for recordings."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _fit(widths: list[int], room: int) -> None:
    """Take from the columns what is too much, and leave each so much that it says something."""
    for _ in widths:
        over = sum(widths) - room
        if over <= 0:
            return
        wide = len(widths) - 1
        if widths[wide] <= NARROW:
            wide = widths.index(max(widths))
        widths[wide] = max(widths[wide] - over, min(widths[wide], NARROW))


def _cells(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if n in right else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    return "  ".join(_cells(row, widths, right)).rstrip()


# ---- words


def cut(text: str, width: int) -> str:
    """One line of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def duration(seconds: float) -> str:
    """ "0.4 s", "12 s", "3 min 5 s", "2 h 10 min"."""
    if seconds < 0:
        return ""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def when(microseconds: int, now: datetime | None = None) -> str:
    """A moment in local time, as short as it stays clear."""
    if not microseconds:
        return ""
    now = now or datetime.now()
    moment = datetime.fromtimestamp(microseconds / 1e6)
    if moment.date() == now.date():
        return moment.strftime("%H:%M:%S")
    if moment.year == now.year:
        return moment.strftime("%b %d %H:%M")
    return moment.strftime("%Y-%m-%d")


def number(value: float) -> str:
    """A metric as people read it."""
    return f"{value:.6g}"


terminal = Terminal(sys.stdout, sys.stderr)
