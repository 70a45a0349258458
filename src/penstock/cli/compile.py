"""`penstock compile`: a pipeline as YAML that a person can read and edit, and `penstock run` runs."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from penstock.api.arguments import outside
from penstock.cli import completing
from penstock.cli.binding import assignments
from penstock.cli.loading import load, parse, project_of
from penstock.cli.terminal import terminal
from penstock.core.graph import Graph
from penstock.errors import UsageError
from penstock.session import session

NOTHING: Mapping[str, Any] = {}


@click.command()
@click.argument("target", metavar="FILE.py[:PIPELINE]", shell_complete=completing.target)
@click.option("-p", "--param", multiple=True, metavar="NAME=VALUE", help="A parameter's value.",
              shell_complete=completing.parameter_of_target)  # fmt: skip
@click.option("-o", "--output", metavar="FILE.yaml", type=click.Path(dir_okay=False),
              help="Where to write it; without it, the terminal.")  # fmt: skip
def command(target: str, param: tuple[str, ...], output: str | None) -> None:
    from penstock.spec.printer import print_graph

    graph = compiled(target, param)
    text = print_graph(graph)
    if output is None:
        terminal.out(text.removesuffix("\n"))
        return
    write(Path(output), text)
    fixed = [one.name for one in graph.params if one.structural]
    missing = "".join(f" -p {one.name}=…" for one in graph.params if one.required
                      and one.name not in graph.arguments)  # fmt: skip
    terminal.note(f"wrote {output}: run it by  penstock run {shlex.quote(output)}{missing}")
    if fixed:
        terminal.note(f"fixed, as steps were built from them: {', '.join(fixed)}")


def compiled(
    target: str, param: Sequence[str] = (), otherwise: Mapping[str, Any] = NOTHING
) -> Graph:
    """The graph of a pipeline's code with its parameters open.

    `otherwise` has values for parameters that need one and are given none.
    """
    from penstock.compiling import compile

    meant = parse(target)
    if meant.is_spec:
        raise UsageError(f"'{target}' is compiled already", hint="Give FILE.py:PIPELINE.")
    project = project_of(meant)
    date = datetime.now(UTC).date().isoformat()
    # What the user's own code prints is no part of the file.
    with redirect_stdout(sys.stderr):
        pipeline = load(meant, project)
        given: dict[str, Any] = dict(assignments(param, "-p"))
        needed = pipeline.callee.binding.required
        given = {name: otherwise[name] for name in needed if name in otherwise} | given
        arguments = outside(pipeline.callee, pipeline.name, given, {})
        opened = session(project, reading=True)
        return compile(pipeline, arguments, opened.environment(), date)


def write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"cannot write '{path}': {error.strerror}") from None
