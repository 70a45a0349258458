"""`penstock diff`: what differs between two pipelines, as files, runs or code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from penstock.cli import completing
from penstock.cli.compile import compiled
from penstock.cli.flags import as_json, client, on_stack
from penstock.cli.loading import SPECS, parse
from penstock.cli.terminal import cut, terminal
from penstock.core.graph import Graph, Literal
from penstock.errors import NotFound
from penstock.spec.difference import Difference, difference

COLOURS = {"added": "green", "removed": "red", "changed": "yellow", "renamed": "yellow"}
LONGEST = 120
"""Characters of a value that are shown; `--json` has all."""
SIGNS = {"added": "+", "removed": "-", "changed": "~", "renamed": "~"}


@click.command()
@click.argument("before", metavar="A", shell_complete=completing.target)
@click.argument("after", metavar="B", shell_complete=completing.target)
@on_stack
@as_json
def command(before: str, after: str, stack: str, as_json: bool) -> int:
    from penstock.spec.binding import alike

    sides = [_side(text, stack) for text in (before, after)]
    known = {n: s.value for side in sides if side for n, s in _values(side)}
    both = [
        side or compiled(text, (), known) for side, text in zip(sides, (before, after), strict=True)
    ]
    found = difference(*alike(*both))
    if as_json:
        terminal.json({"same": not found, "differences": found})
    elif not found:
        terminal.note("the same pipeline")
    else:
        _show(found)
    return 1 if found else 0


def _values(graph: Graph) -> Iterator[tuple[str, Literal]]:
    for name, source in graph.arguments.items():
        if isinstance(source, Literal):
            yield name, source


def _side(text: str, stack: str) -> Graph | None:
    """The graph of a YAML file or a run; None for a pipeline's code, which may need the other's values."""
    path = Path(text)
    if path.suffix in SPECS:
        from penstock.compiled import read

        parse(text)  # says which file was meant
        return read(path).spec.graph
    if ".py" in text or ":" in text:
        return None
    reader = client(stack)
    run = reader.run(text)
    graph = reader.written(run)
    if graph is None:
        raise NotFound(f"the graph of run '{run.id}' is not recorded")
    return graph


def _show(found: Sequence[Difference]) -> None:
    for one in found:
        step, rest = _place(one.path)
        what = f"{step}  {rest}".strip() if step else rest
        before, after = cut(one.before, LONGEST), cut(one.after, LONGEST)
        match one.kind:
            case "renamed":
                line = f"{step} is now {after}"
            case "changed":
                line = f"{what}: {before} -> {after}"
            case _:
                line = f"{what}: {before or after}"
        sign = terminal.style(SIGNS[one.kind], COLOURS[one.kind])
        terminal.out(f"{sign} {line}")


def _place(path: tuple[str, ...]) -> tuple[str, str]:
    """The step, "sub/fit", and what of it."""
    step: list[str] = []
    while path[:1] == ("steps",) and len(path) > 1:
        step.append(path[1])
        path = path[2:]
    return "/".join(step), ".".join(path)
