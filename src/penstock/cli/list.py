"""`penstock list`: the pipelines of this project, and its steps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from penstock.cli.finding import Found, Unread, find, sources
from penstock.cli.flags import as_json
from penstock.cli.terminal import terminal
from penstock.core.place import Place
from penstock.core.project import find_project
from penstock.errors import NotFound

ROOM = 20
"""Columns below which the first line of a docstring says nothing."""


@click.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--steps", is_flag=True, help="The steps, too.")
@as_json
def command(paths: tuple[Path, ...], steps: bool, as_json: bool) -> None:
    every = list(find(_files(paths or (find_project(Path.cwd()).root,))))
    found = [one for one in every if isinstance(one, Found) and (steps or one.kind == "pipeline")]
    if as_json:
        terminal.json([_told(one) for one in found])
    elif found:
        _table(found, steps=steps)
    else:
        terminal.note("no pipelines")
        terminal.note(
            "  Put @pipeline above a function that calls steps, or begin: penstock new NAME"
        )
    for one in every:
        if isinstance(one, Unread):
            terminal.note(f"not read: {Place(_near(one.file), one.line)}: {one.why}")


def _files(paths: Sequence[Path]) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise NotFound(f"no file or folder '{path}'", hint="Without one, the whole project.")
        for one in [path] if path.is_file() else sources(path):
            files[Path(_near(str(one)))] = None
    return [*files]


def _near(path: str) -> str:
    """As it is typed from here."""
    return os.path.relpath(path)


def _table(found: Sequence[Found], *, steps: bool) -> None:
    rows = [
        (*((one.kind,) if steps else ()), one.name, one.where, _parameters(one), one.doc)
        for one in found
    ]
    head = (*(("kind",) if steps else ()), "name", "where", "parameters", "")
    # Where a function stands is said in full as long as it can be: what it is about gives way first.
    widest = sum(max(len(row[n]) for row in [head, *rows]) + 2 for n in range(len(head) - 1))
    if not any(row[-1] for row in rows) or terminal.width - widest < ROOM:
        head, rows = head[:-1], [row[:-1] for row in rows]
    terminal.table(head, rows)


def _parameters(one: Found) -> str:
    return ", ".join(str(parameter) for parameter in one.parameters)


def _told(one: Found) -> dict[str, object]:
    # A notebook's pipeline is run where its cells are.
    runs = one.kind == "pipeline" and not one.cell
    return {**msgspec.structs.asdict(one), "target": f"{one.file}:{one.name}" if runs else None}
