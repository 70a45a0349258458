"""A comparison in sections of text: as a terminal, Markdown and JSON have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from penstock.experiments import listing
from penstock.experiments.compare.code import Changed

LONGEST = 60
"""Characters of one value."""


class Column(Struct, frozen=True):
    """A run."""

    id: str
    name: str
    baseline: bool = False
    best: bool = False

    @property
    def title(self) -> str:
        return self.name if self.name == self.id else f"{self.name} ({self.id})"


class Line(Struct, frozen=True):
    """One thing, as each run has it."""

    name: str
    cells: tuple[str, ...]
    verdicts: tuple[bool | None, ...] = ()
    """Better (True) or worse (False) than the baseline, or neither."""


class Section(Struct, frozen=True):
    """A table; its title is the word for one of its lines."""

    title: str
    lines: tuple[Line, ...]


class Shown(Struct, frozen=True):
    """All that is told."""

    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    changes: tuple[Changed, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def filled(self) -> Iterator[Section]:
        return (section for section in self.sections if section.lines)

    def between(self, change: Changed) -> str:
        """ "fit, evaluate", after the run's name where there are several."""
        steps = ", ".join(change.steps)
        if len(self.columns) < 3:
            return steps
        name = next((one.name for one in self.columns if one.id == change.run), change.run)
        return f"{name} · {steps}"


Words = Callable[[str, int, Any], str]
"""What stands in a cell: of the line's name, the run's place, and the value."""


def section(
    title: str,
    table: Mapping[str, Sequence[Any]],
    words: Words,
    *,
    verdict: Callable[[str, int], bool | None] | None = None,
) -> Section:
    return Section(
        title,
        tuple(
            Line(
                name,
                tuple(words(name, at, value) for at, value in enumerate(row)),
                tuple(verdict(name, at) for at in range(len(row))) if verdict else (),
            )
            for name, row in table.items()
        ),
    )


def in_words(name: str, at: int, value: Any) -> str:
    """A value as people read it; "" where there is none."""
    return listing.in_words(value, LONGEST)


# ---- forms


def text(shown: Shown) -> str:
    """Plain columns, for a console that has no edge."""
    lines = [" | ".join(column.title for column in shown.columns)]
    for one in shown.filled:
        lines.append(f"{one.title}s" if one.title not in ("data", "run") else one.title)
        names = max(len(line.name) for line in one.lines)
        for line in one.lines:
            cells = " | ".join(cell or "-" for cell in line.cells)
            lines.append(f"  {line.name:{names}}  {cells}")
    if shown.changes:
        lines.append("changes")
    lines += [f"  {shown.between(change)}: {change.words}" for change in shown.changes]
    return "\n".join([*lines, *shown.notes])


MARKS = {True: " ▲", False: " ▼", None: ""}


def markdown(shown: Shown) -> str:
    """Tables as GitHub shows them; diffs folded away."""
    heads = [_head(column) for column in shown.columns]
    parts: list[str] = []
    for one in shown.filled:
        rows = [[one.title, *heads], ["---"] * (len(heads) + 1)]
        for line in one.lines:
            verdicts = line.verdicts or (None,) * len(line.cells)
            cells = [
                _escaped(cell) + MARKS[verdict]
                for cell, verdict in zip(line.cells, verdicts, strict=True)
            ]
            rows.append([_escaped(line.name), *cells])
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    for change in shown.changes:
        parts.append(f"{_escaped(shown.between(change))}: {_escaped(change.words)}")
        if change.diff:
            fence = "`" * max(3, _longest_ticks(change.diff) + 1)
            parts[-1] += f"\n\n{fence}diff\n{change.diff}\n{fence}"
    return "\n\n".join([*parts, *map(_escaped, shown.notes)])


def _head(column: Column) -> str:
    words = [
        _escaped(column.title),
        "baseline" if column.baseline else "",
        "★" if column.best else "",
    ]
    return " ".join(filter(None, words))


def _escaped(text: str) -> str:
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def _longest_ticks(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest
