"""A row of the tree as a line of a terminal: columns, colours, and never wider than there is room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from penstock.views.colors import MARKS, PLAIN_MARKS, STATUS, paint
from penstock.views.tree import Row
from penstock.views.words import cells, fit, one_line

INDENT = 2
NAME = (8, 32)
"""Columns of the names: at least, and at most where there is room."""
BAR = 16


class Pen:
    """Draws for one stream: with or without colours, in Unicode or without."""

    def __init__(self, *, colored: bool, unicode: bool = True) -> None:
        self.colored = colored
        self.unicode = unicode

    def paint(self, text: str, *styles: str) -> str:
        return paint(text, *styles) if self.colored else text

    def spans(self, parts: Iterable[tuple[str, tuple[str, ...]]], width: int) -> str:
        """Texts, each in its styles, beside each other in `width` columns."""
        line = ""
        for text, styles in parts:
            shown = fit(one_line(text), width)
            line += self.paint(shown, *styles)
            width -= cells(shown)
            if shown != text or width <= 0:
                break
        return line

    def lines(self, rows: Sequence[Row], width: int) -> list[str]:
        """Each row in `width` columns."""
        names = [2 + INDENT * row.depth + cells(row.name) for row in rows if row.status]
        most = min(NAME[1], max(width // 3, NAME[0]))
        column = max(min(max(names, default=0), most), NAME[0])
        times = max([len(row.took) for row in rows], default=0)
        return [self._line(row, width, column, times) for row in rows]

    def _line(self, row: Row, width: int, column: int, times: int) -> str:
        if not row.status:
            return self.paint(fit(f"  {row.name} {row.about}", width), "dim")
        indent = "  " + " " * (INDENT * row.depth)
        name = fit(one_line(row.name), max(column - len(indent), 4))
        gap = " " * max(column - len(indent) - cells(name), 0)
        mark = (MARKS if self.unicode else PLAIN_MARKS)[row.status]
        style = STATUS.get(row.status, "dim")
        word = "" if row.status == "pending" else row.status
        head = f"{indent}{mark} {name}{gap}  {word:<9} {row.took:>{times}}"
        if cells(head) > width:
            return fit(head, width)
        room = width - cells(head) - 2
        colored = (
            f"{indent}{self.paint(mark, style)} {self.paint(name, *self._name(row))}{gap}  "
            f"{self.paint(f'{word:<9}', style)} {self.paint(f'{row.took:>{times}}', 'dim')}"
        )
        tail = self._tail(row, room) if room >= 4 else ""
        return f"{colored}  {tail}" if tail else colored.rstrip()

    def _name(self, row: Row) -> tuple[str, ...]:
        return ("dim",) if row.status in ("pending", "skipped") else ()

    def _tail(self, row: Row, room: int) -> str:
        words = one_line(row.about)
        if row.bar is None:
            return self.paint(fit(words, room), "red" if row.status == "failed" else "dim")
        done, total = row.bar
        count = f"{_short(done)}/{_short(total)}"
        size = min(BAR, room - len(count) - 1)
        text = f"{count} {words}".rstrip()
        if size < 4:
            return self.paint(fit(text, room), "dim")
        return f"{self._bar(done / total, size)} {self.paint(fit(text, room - size - 1), 'dim')}"

    def _bar(self, share: float, size: int) -> str:
        full, empty = ("━", "─") if self.unicode else ("#", "-")
        filled = min(int(max(share, 0) * size), size)
        return self.paint(full * filled, "blue") + self.paint(empty * (size - filled), "dim")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:g}"
