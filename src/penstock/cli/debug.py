"""`penstock debug`: replay one step with its recorded inputs, in the debugger."""

from __future__ import annotations

import pdb
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from penstock.cli.binding import assignments
from penstock.cli.flags import client, on_stack, run_argument, step_argument
from penstock.cli.terminal import terminal
from penstock.client import Client
from penstock.config.coerce import coerce
from penstock.core.graph import Literal, ParamRef
from penstock.core.naming import resolve
from penstock.core.project import find_project
from penstock.core.records import StepRecord
from penstock.errors import UsageError
from penstock.perform import seeds
from penstock.perform.context import Scene, enter, leave


@click.command()
@run_argument(required=True)
@step_argument(required=True)
@click.option("-p", "--param", multiple=True, metavar="NAME=VALUE", help="Another argument.")
@click.option("--start", is_flag=True, help="Stop at the first line, not where it fails.")
@on_stack
def command(run_id: str, step: str, param: tuple[str, ...], start: bool, stack: str) -> int:
    reader = client(stack)
    run = reader.run(run_id)
    record = reader.step(run.id, step)
    root = find_project(Path.cwd()).root
    sys.path[:0] = [str(f) for f in (Path.cwd(), root / "src", root) if str(f) not in sys.path]
    function, arguments = _call(reader, record, assignments(param, "-p"))
    terminal.note(f"'{record.name}' of run {run.id}, with the code as it is now:")
    for name, value in arguments.items():
        terminal.note(f"  {name} = {_short(value)}")
    scene = Scene(
        run=run.id, step=record.node, index=record.index, seed=record.seed or 0,
        logical_date=run.logical_date,
    )  # fmt: skip
    seeds.begin(record.seed or 0)
    enter(scene)
    try:
        return _replay(function, arguments, start=start)
    finally:
        leave()
        seeds.end()


def _call(
    reader: Client, record: StepRecord, given: dict[str, str]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    node, arguments = reader.results(record.run).arguments(record.node, record.index)
    found: Any = resolve(record.ref)
    callee = getattr(found, "callee", None)
    function = callee.function if callee is not None else found
    hints = callee.hints if callee is not None else {}
    for name, text in given.items():
        if name not in arguments:
            raise UsageError(f"'{record.name}' has no parameter '{name}'")
        arguments[name] = coerce(text, hints.get(name, Any), name)
    for name in arguments.keys() - given.keys():
        literal = isinstance(node.inputs[name], Literal | ParamRef)
        hint, expected = hints.get(name, Any), record.parts.inputs.get(name) if record.parts else ""
        made = _again(reader, name, arguments[name], hint, expected or "")
        if made is None and literal:
            raise UsageError(
                f"the recorded value of '{name}' cannot be made again from {_short(arguments[name])}",
                hint=f"Give it: -p {name}=…",
            )
        arguments[name] = arguments[name] if made is None else made[0]
    return function, arguments


def _again(reader: Client, name: str, value: Any, hint: Any, expected: str) -> tuple[Any] | None:
    """The value whose content was recorded: a literal's record is JSON, and its type is in the hint."""
    digest = reader.stack.artifacts.digest
    for made in (value, _coerced(value, hint, name)):
        if not expected or digest(made) == expected:
            return (made,)
    return None


def _coerced(value: Any, hint: Any, name: str) -> Any:
    try:
        return coerce(value, hint, name)
    except UsageError:
        return value


def _replay(function: Callable[..., Any], arguments: dict[str, Any], *, start: bool) -> int:
    if start:
        pdb.Pdb().runcall(function, **arguments)
        return 0
    try:
        result = function(**arguments)
    except Exception as error:  # The step is user code: any error may come of it.
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        terminal.note(terminal.style(f"{type(error).__name__}: {error}", "red", err=True))
        pdb.post_mortem(frames or error.__traceback__)
        return 1
    terminal.note("it did not fail this time; its result:")
    terminal.out(_short(result))
    return 0


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 200 else text[:199] + "…"
