"""`penstock compare`: what differs between runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from penstock.cli import completing
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.terminal import cells, fit, terminal
from penstock.client import Client
from penstock.core.ports import RunFilter
from penstock.errors import NotFound, UsageError
from penstock.experiments.compare.comparison import Comparison, compare
from penstock.experiments.compare.forms import MARKS, Column, Section, Shown
from penstock.experiments.listing import BEST

FORMATS = ("table", "markdown", "html", "json")
NARROW = 14
"""Characters that a run's column has at least."""
WIDE = 48
"""Characters that it has at most, unless there is no edge."""
NAMES = 28
"""And the column of names, unless a third of all is more."""
MOST = 20
"""Runs that a filter brings."""
DIFF = 30
"""Lines of a diff, unless all is asked for."""
STYLES = {True: ("green",), False: ("red",)}


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completing.run)
@click.option(
    "--baseline",
    "-b",
    default="",
    metavar="RUN",
    help="What the others are compared with, instead of the first.",
    shell_complete=completing.run,
)
@click.option(
    "--filter",
    "-f",
    "where",
    default="",
    metavar="EXPRESSION",
    help="Also the runs for which this holds, as for `penstock runs`; the newest 20.",
)
@click.option("--all", "every", is_flag=True, help="Also what is the same.")
@click.option(
    "--primary",
    default="",
    metavar="STEP.METRIC",
    help="Judge by this metric; -STEP.METRIC if lower is better.",
    shell_complete=completing.column,
)
@click.option("--diff/--no-diff", default=True, help="Whether to show how code changed.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="table",
    help="markdown for a pull request, html as a page.",
)
@on_stack
@as_json
def command(
    runs: tuple[str, ...],
    baseline: str,
    where: str,
    every: bool,
    primary: str,
    diff: bool,
    form: str,
    stack: str,
    as_json: bool,
) -> None:
    from penstock.core.options import options

    reader = client(stack)
    judged = options(primary=primary).primary
    chosen = _chosen(reader, [*runs, *_filtered(reader, where)], baseline)
    found = compare(reader, *chosen, everything=every, judged=judged)
    match "json" if as_json else form:
        case "json":
            terminal.json(found.to_dict())
        case "markdown":
            terminal.out(found.to_markdown())
        case "html":
            terminal.out(found.to_html(page=True))
        case _:
            _tell(found, diff=diff)


def _filtered(reader: Client, where: str) -> Sequence[str]:
    """The ids of the runs for which this holds, the oldest first."""
    if not where:
        return ()
    found = reader.runs(reader.chosen(RunFilter(limit=MOST), where))
    if not found:
        raise NotFound(
            "no runs to compare", hint="The filter found none: `penstock runs -f` shows."
        )
    return [run.id for run in reversed(found)]


def _chosen(reader: Client, runs: Sequence[str], baseline: str) -> Sequence[str]:
    """The ids of the runs, the baseline first. One run has the other of its pipeline beside it."""
    named = [reader.run(run).id for run in runs]
    if baseline:
        named.insert(0, reader.run(baseline).id)
    several = list(dict.fromkeys(named))
    if len(several) > 1:
        return several
    if len(named) > 1:
        raise UsageError(
            f"'{runs[0]}' and '{runs[-1]}' are the same run"
            if len(runs) > 1
            else f"'{runs[0]}' is the baseline itself",
            hint="Name another one: `penstock runs` lists them.",
        )
    return _pair(reader, several[0] if several else "last")


def _pair(reader: Client, name: str) -> tuple[str, str]:
    """This run and the newest of its pipeline; the newest, and the one before it."""
    run = reader.run(name)
    newest = reader.runs(RunFilter(pipeline=run.pipeline, limit=2))
    others = [one.id for one in newest if one.id != run.id]
    if not others:
        raise NotFound(
            f"'{run.pipeline}' has no other run to compare with '{run.id}'",
            hint="Run it again, or name another run.",
        )
    return (others[0], run.id) if newest[0].id == run.id else (run.id, others[0])


# ---- on a terminal


def _tell(found: Comparison, *, diff: bool) -> None:
    shown = found.shown()
    for section in shown.filled:
        _table(section, shown)
        terminal.out()
    for change in shown.changes:
        between = terminal.style(shown.between(change), "bold")
        terminal.out(f"  {between}: {change.words}")
        for line in _diff(change.diff, everything=found.complete) if diff else ():
            terminal.out(f"    {line}")
    for note in shown.notes:
        terminal.out(note)


def _table(section: Section, shown: Shown) -> None:
    """As many runs beside the baseline as there is room for; the others below."""
    widest = max(cells(section.title), *(cells(line.name) for line in section.lines))
    named = min(widest, max(NAMES, terminal.width // 3))
    columns = [
        max(
            cells(_head(column)),
            *(cells(_cell(line.cells, line.verdicts, at)) for line in section.lines),
        )
        for at, column in enumerate(shown.columns)
    ]
    room = terminal.width - named
    for group, places in enumerate(_groups(columns, room)):
        widest = _share([columns[at] for at in places], room)
        rows, styles = [], {}
        for row, line in enumerate(section.lines):
            texts = [fit(_cell(line.cells, line.verdicts, at), widest) for at in places]
            rows.append([fit(line.name, named), *texts])
            for n, at in enumerate(places):
                if line.verdicts and (verdict := line.verdicts[at]) is not None:
                    styles[row, n + 1] = STYLES[verdict]
        if group:
            terminal.out()
        head = [section.title, *(_head(shown.columns[at]) for at in places)]
        terminal.table(head, rows, styles=styles)


def _share(widths: Sequence[int], room: int) -> int:
    """How wide a column may be: what narrow ones leave is for the wide ones, in equal parts."""
    left, widest = room, max(widths)
    for place, width in enumerate(sorted(widths)):
        each = left // (len(widths) - place) - 2
        if width > each:
            return max(each, NARROW)
        left -= width + 2
    return widest


def _groups(widths: Sequence[int], room: int) -> Iterator[Sequence[int]]:
    """Places of runs whose columns fit beside each other, each group after the baseline."""
    needed = [2 + min(max(width, 1), WIDE) for width in widths]
    group, left = [0], room - needed[0]
    for at in range(1, len(widths)):
        if len(group) > 1 and left < min(needed[at], 2 + NARROW):
            yield group
            group, left = [0], room - needed[0]
        group.append(at)
        left -= needed[at]
    yield group


def _head(column: Column) -> str:
    return column.name + (" baseline" if column.baseline else "") + (BEST if column.best else "")


def _cell(cells: Sequence[str], verdicts: Sequence[bool | None], at: int) -> str:
    return cells[at] + (MARKS[verdicts[at]] if verdicts else "")


def _diff(text: str, *, everything: bool) -> Iterator[str]:
    lines = text.splitlines()
    for line in lines if everything else lines[:DIFF]:
        color: Any = {"+": ("green",), "-": ("red",), "@": ("cyan",)}.get(line[:1], ())
        yield terminal.style(line, *color)
    if len(lines) > DIFF and not everything:
        yield terminal.style(f"… {len(lines) - DIFF} more lines: --all", "dim")
