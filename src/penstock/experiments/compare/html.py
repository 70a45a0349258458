"""A comparison for a notebook or a page of its own."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.experiments.compare.code import Changed
from penstock.experiments.compare.forms import MARKS, Column, Line, Shown
from penstock.views.forms import parts
from penstock.views.forms.parts import Html

MOST = 300
"""Lines of a section before it says how many more there are."""


def html(shown: Shown, *, page: bool) -> str:
    """A fragment with its own style, or a document."""
    title = " · ".join(column.name for column in shown.columns)
    inner = (
        parts.heading("Comparison", parts.soft(f"of {len(shown.columns)} runs")),
        _table(shown),
        parts.section("changes", *_changes(shown)),
        *(parts.tag("p", parts.soft(note)) for note in shown.notes),
    )
    return parts.page(title, *inner) if page else parts.form(*inner)


def _table(shown: Shown) -> Html:
    """One table, so that a run is one column from above to below."""
    rows: list[list[Html]] = []
    for section in shown.filled:
        rows.append([parts.tag("h5", section.title), *(Html(""),) * len(shown.columns)])
        rows += [[*_line(line)] for line in section.lines[:MOST]]
        if len(section.lines) > MOST:
            rows.append([parts.soft(f"… and {len(section.lines) - MOST:,} more")])
    return parts.table(("", *map(_head, shown.columns)), rows, most=len(rows))


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
    if hue is None:
        return parts.html(line)
    return parts.tag("span", line, cls="hued", style=f"--hue:{hue};white-space:pre")
