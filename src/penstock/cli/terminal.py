"""All that penstock says: results to stdout, everything else to stderr."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import msgspec

from penstock.core.standing import stand
from penstock.core.tame import printable
from penstock.views.choice import is_live
from penstock.views.colors import STATUS, colors, paint
from penstock.views.words import cells as cells
from penstock.views.words import cut as cut
from penstock.views.words import duration as duration
from penstock.views.words import fit as fit
from penstock.views.words import lasted as lasted
from penstock.views.words import number as number
from penstock.views.words import one_line as one_line
from penstock.views.words import padded as padded
from penstock.views.words import when as when

NARROW = 12
"""Columns that a column keeps on a narrow terminal."""
SHORT = 4
"""On one that is too narrow for that."""


class Terminal:
    """Where a command writes. `out` for what was asked, `note` for all else."""

    def __init__(self, out: IO[str], err: IO[str]) -> None:
        self._out, self._err = out, err

    @property
    def live(self) -> bool:
        """Whether someone looks at progress as it happens."""
        return is_live(self._err)

    @property
    def width(self) -> int:
        """Columns; without a terminal there is no edge: what goes on to `grep` or a file is whole."""
        return shutil.get_terminal_size((80, 24)).columns if self._out.isatty() else 10_000

    @property
    def errors(self) -> IO[str]:
        return self._err

    def out(self, text: str = "") -> None:
        _write(text, self._out)

    def note(self, text: str = "") -> None:
        """Progress, warnings, advice."""
        _write(text, self._err)
        self._err.flush()

    def json(self, value: Any) -> None:
        """One JSON document; what JSON has no word for is its repr."""
        text = msgspec.json.format(msgspec.json.encode(value, enc_hook=repr), indent=2)
        self.out(text.decode())

    def error(self, message: str, hint: str = "") -> None:
        # It may quote a file or a command line, which must not rule the terminal.
        said = "\n".join(map(printable, message.split("\n")))
        self.note(self.style("error: ", "red", "bold", err=True) + said)
        for line in hint.splitlines():
            self.note(f"  {line}")

    def style(self, text: str, *styles: str, err: bool = False) -> str:
        stream = self._err if err else self._out
        return paint(text, *styles) if styles and colors(stream) else text

    def status(self, status: str, *, err: bool = False, width: int = 0) -> str:
        return self.style(f"{status:<{width}}", STATUS.get(status, "dim"), err=err)

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        right: Sequence[int] = (),
        styles: Mapping[tuple[int, int], Sequence[str]] = {},
    ) -> None:
        """Columns under a dim head. On a narrow terminal the last one gives way, then the widest.

        `styles` are those of single cells, by row and column.
        """
        lines = [[one_line(cell) for cell in row] for row in rows]
        widths = [
            max([cells(title), *(cells(row[n]) for row in lines)]) for n, title in enumerate(head)
        ]
        _fit(widths, self.width - 2 * (len(head) - 1))
        if any(head):
            self.out(self.style(_line(head, widths, right), "dim"))
        for at, row in enumerate(lines):
            shown = [fit(cell, width) for cell, width in zip(row, widths, strict=True)]
            styled = [
                self.style(cell, *styles[at, n]) if (at, n) in styles else cell
                for n, cell in enumerate(_cells(shown, widths, right))
            ]
            self.out(self._colored(row, styled))

    def _colored(self, row: Sequence[str], texts: Sequence[str]) -> str:
        shown = [
            cell.replace(word, self.status(word)) if word in STATUS else cell
            for word, cell in zip(row, texts, strict=True)
        ]
        return "  ".join(shown).rstrip()


def _write(text: str, stream: IO[str]) -> None:
    """A line; what the terminal's encoding has no letter for (half characters, too) is an escape."""
    try:
        print(text, file=stream)
    except UnicodeEncodeError:
        encoding: str = getattr(stream, "encoding", None) or "ascii"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def _fit(widths: list[int], room: int) -> None:
    """Take from the columns what is too much, and leave each so much that it says something.

    Where there is not even room for that, what was cut is cut more, and then what stands last; the
    first column says what a line is about, and stays.
    """
    whole = list(widths)
    for _ in widths:
        over = sum(widths) - room
        if over <= 0:
            return
        wide = len(widths) - 1
        if widths[wide] <= NARROW:
            wide = widths.index(max(widths))
        widths[wide] = max(widths[wide] - over, min(widths[wide], NARROW))
    others = range(len(widths) - 1, 0, -1)
    texts = [n for n in others if widths[n] < whole[n] or n == len(widths) - 1]
    while sum(widths) > room and (wide := max(texts, key=widths.__getitem__, default=0)):
        if widths[wide] <= SHORT:
            texts = [n for n in others if widths[n] > SHORT][:1]
            continue
        widths[wide] -= 1


def _cells(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> list[str]:
    return [
        padded(cell, width, right=n in right)
        for n, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    shown = [fit(cell, width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(_cells(shown, widths, right)).rstrip()


stand()
# Of what was closed when Python began it has None.
sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
terminal = Terminal(sys.stdout, sys.stderr)
