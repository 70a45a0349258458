"""`penstock why`: why each step of a run was executed or reused, with what changed."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

import click

from penstock.cli.flags import as_json, client, located, on_stack, run_argument, step_argument
from penstock.cli.terminal import Terminal, terminal
from penstock.core.explanation import Explanation
from penstock.core.parts import Change, CodeChange, InputChange, PackageChange, words


@click.command()
@run_argument()
@step_argument()
@on_stack
@as_json
def command(run_id: str, step: str, stack: str, as_json: bool) -> None:
    reader = client(stack)
    run, step = located(reader, run_id, step)
    found = [reader.why(run.id, step)] if step else list(reader.explain(run.id))
    if as_json:
        terminal.json(found[0] if step else found)
        return
    if step:
        for line in explained(found[0], terminal):
            terminal.out(line)
        return
    rows = [("  " + one.step, one.status, _line(one)) for one in found]
    terminal.table((f"run {run.id}", "", ""), rows)
    changed = [one.step for one in found if one.changes]
    if changed:
        terminal.note(f"\nThe diff of one: penstock why {run.id} {changed[0]}")


def _line(one: Explanation) -> str:
    parts = [one.reason or (f"from run {one.source}" if one.source else "")]
    if one.items:
        # They say how many there are.
        parts = [part for part in parts if part != f"{sum(one.items.values())} items"]
        parts.insert(0, ", ".join(f"{n} items {status}" for status, n in one.items.items()))
    return "; ".join(dict.fromkeys(filter(None, [*parts, *one.notes])))


def explained(one: Explanation, to: Terminal) -> Iterator[str]:
    """All that is known, line by line."""
    yield f"{to.style(one.step, 'bold')}  {to.status(one.status)}  {_line(one)}".rstrip()
    if one.against:
        yield to.style(f"compared with run {one.against}", "dim")
    for change in one.changes:
        yield ""
        yield from _change(change, one, to)
    if one.reads:
        yield ""
        yield "used, and its key does not know of it:"
        yield from (f"  {read}" for read in one.reads)


def _change(change: Change, one: Explanation, to: Terminal) -> Iterator[str]:
    match change:
        case CodeChange(before=before, after=after):
            yield to.style(words(change), "bold")
            yield from diff(before, after, to)
        case InputChange(name=name, before=before, after=after):
            yield to.style(words(change), "bold")
            shown = one.shown.get(name)
            yield to.style(f"  - {before[:12]}  {shown.before if shown else ''}".rstrip(), "red")
            yield to.style(f"  + {after[:12]}  {shown.after if shown else ''}".rstrip(), "green")
        case PackageChange(direct=False):
            yield f"{words(change)}, not imported by the step itself: told, not part of its key"
        case _:
            yield to.style(words(change), "bold")


def diff(before: str, after: str, to: Terminal) -> Iterator[str]:
    """A unified diff without file names, coloured."""
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    for line in [*lines][2:]:
        color = {"+": ("green",), "-": ("red",), "@": ("cyan",)}.get(line[:1], ())
        yield "  " + to.style(line, *color)
