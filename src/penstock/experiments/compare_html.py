"""A comparison for a notebook or a page of its own."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.experiments.compare_code import Changed
from penstock.experiments.compare_forms import MARKS, Column, Line, Section, Shown
from penstock.views.forms import parts
from penstock.views.forms.parts import Html

MOST = 300
"""Lines of a table before it says how many more there are."""


def html(shown: Shown, *, page: bool) -> str:
    """A fragment with its own style, or a document."""
    title = " · ".join(column.name for column in shown.columns)
    inner = (
        parts.heading("Comparison", parts.soft(f"of {len(shown.columns)} runs")),
        *map(_table, shown.filled, [shown.columns] * len(shown.sections)),
        parts.section("changes", *_changes(shown)),
        *(parts.tag("p", parts.soft(note)) for note in shown.notes),
    )
    return parts.page(title, *inner) if page else parts.form(*inner)


def _table(section: Section, columns: tuple[Column, ...]) -> Html:
    heads = [_head(column) for column in columns]
    return parts.table(
        (section.title, *heads), [[*_line(line)] for line in section.lines], most=MOST
    )


def _head(column: Column) -> Html:
    words: list[object] = [column.name]
    if column.name != column.id:
        words.append(parts.soft(column.id))
    if column.baseline:
        words.append(parts.soft("baseline"))
    if column.best:
        words.append(parts.hued("★ best", parts.BETTER))
    return parts.join(words, " ")


def _line(line: Line) -> Iterator[Html]:
    yield parts.short(line.name)
    for cell, verdict in zip(line.cells, line.verdicts or (None,) * len(line.cells), strict=True):
        if verdict is None:
            yield parts.short(cell or parts.soft("–"))
        else:
            yield parts.hued(cell + MARKS[verdict], parts.BETTER if verdict else parts.WORSE)


def _changes(shown: Shown) -> Iterator[Html]:
    for change in shown.changes:
        title = parts.join([shown.between(change), ": ", change.words])
        yield parts.fold(title, _diff(change)) if change.diff else parts.tag("p", title)


def _diff(change: Changed) -> Html:
    return parts.tag("pre", parts.join(map(_colored, change.diff.splitlines()), "\n"))


def _colored(line: str) -> Html:
    hue = {"+": parts.BETTER, "-": parts.WORSE}.get(line[:1])
    return parts.html(line) if hue is None else parts.hued(line, hue)
