"""`penstock debug`: replay one step with its recorded inputs, in the debugger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from penstock.artifacts.streams import is_stream
from penstock.cli.binding import assignments
from penstock.cli.flags import client, located, on_stack, run_argument, step_argument
from penstock.cli.loading import importing, reach
from penstock.cli.terminal import terminal
from penstock.client import Client
from penstock.config import near
from penstock.config.coerce import coerce
from penstock.core.graph import Literal, ParamRef
from penstock.core.naming import MAIN, resolve
from penstock.core.parts import explain, words
from penstock.core.project import find_project
from penstock.core.records import StepRecord
from penstock.core.secret import reveal
from penstock.define.closure import Closures
from penstock.errors import ArtifactDamaged, ArtifactMissing, DefinitionError, NotFound, UsageError
from penstock.perform import seeds
from penstock.perform.arguments import invoke
from penstock.perform.context import Scene, enter, leave
from penstock.perform.debugger import is_quit, post_mortem, step_through

Arguments = dict[str, Any]


@click.command()
@run_argument()
@step_argument()
@click.option("-p", "--param", multiple=True, metavar="NAME=VALUE", help="Another argument.")
@click.option("--start", is_flag=True, help="Stop at the first line, not where it fails.")
@on_stack
def command(run_id: str, step: str, param: tuple[str, ...], start: bool, stack: str) -> int:
    reader = client(stack)
    run, step = located(reader, run_id, step)
    record = _one_call(reader, reader.step(run.id, step) if step else _failed(reader, run.id))
    function, hints = _function(record)
    arguments = _arguments(reader, record, hints, assignments(param, "-p"))
    terminal.note(f"'{record.name}' of run {run.id}, with {_code(reader, record, function)}:")
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


def _failed(reader: Client, run: str) -> StepRecord:
    """The step that failed first, where none is named."""
    steps = reader.steps(run)
    failed = [step for step in steps if step.status == "failed" and step.ended]
    if not failed:
        names = ", ".join([step.name for step in steps if not step.index][:10])
        raise UsageError(f"no step of run '{run}' failed", hint=f"Name one of its steps: {names}")
    return min(failed, key=lambda step: step.ended or 0)


def _one_call(reader: Client, record: StepRecord) -> StepRecord:
    """Of a map the item that failed first: a map itself is no call."""
    if record.total is None or record.index:
        return record
    items = [one for one in reader.steps(record.run, record.node) if one.index]
    failed = [one for one in items if one.status == "failed"]
    if failed:
        return failed[0]
    if not items:
        raise NotFound(f"'{record.name}' is a map that came to no items: {record.status}")
    raise UsageError(
        f"'{record.name}' is a map of {len(items)} items, none of which failed",
        hint=f"Name one: '{items[0].name}'.",
    )


# ---- what is called


def _function(record: StepRecord) -> tuple[Callable[..., Any], Mapping[str, Any]]:
    """The step's function as it is now, and its annotations."""
    if record.ref.partition(":")[0] == MAIN:
        raise UsageError(
            f"'{record.name}' was defined in a notebook or at a prompt, which is gone",
            hint="Put the function into a file; or call it there, and use %debug.",
        )
    reach(find_project(Path.cwd()), Path.cwd())
    with importing(record.ref):
        found: Any = resolve(record.ref)
    callee = getattr(found, "callee", None)
    return (found, {}) if callee is None else (callee.function, callee.hints)


def _code(reader: Client, record: StepRecord, function: Callable[..., Any]) -> str:
    """Whether it is what ran then, and if not, what has changed."""
    if record.parts is None:
        return "the code as it is now"
    closures = Closures(reader.stack.project.root, reader.stack.artifacts.digest)
    try:
        now = closures.closure(function)
    except DefinitionError:
        return "the code as it is now"
    if now.digest == record.parts.code:
        return "the code that ran then"
    changes = explain(
        record.parts,
        replace(record.parts, code=now.digest),
        lambda code: now if code == now.digest else reader.code_of(code),
        ref=record.ref,
    )
    told = "; ".join(dict.fromkeys(words(change) for change in changes))
    return f"the code as it is now (changed since then: {told or 'a package, or Python'})"


# ---- with what


def _arguments(
    reader: Client, record: StepRecord, hints: Mapping[str, Any], given: Mapping[str, str]
) -> Arguments:
    recorded = reader.results(record.run)
    results = replace(recorded, secret=lambda secret: reveal(secret.source, secret.name))
    try:
        node, arguments = results.arguments(record.node, record.index)
    except (ArtifactMissing, ArtifactDamaged) as lost:
        raise type(lost)(
            f"an input of '{record.name}' is lost: {lost.message}",
            hint="Run the pipeline again: what a step needs is then made anew, and that run can be "
            "debugged.",
        ) from lost
    for name, text in given.items():
        if name not in arguments:
            raise UsageError(
                f"'{record.name}' has no parameter '{name}'", hint=near(name, arguments)
            )
        arguments[name] = coerce(text, hints.get(name, Any), name)
    for name in arguments.keys() - given.keys():
        literal = isinstance(node.inputs[name], Literal | ParamRef)
        hint, expected = hints.get(name, Any), record.parts.inputs.get(name) if record.parts else ""
        made = _again(reader, name, arguments[name], hint, expected or "")
        if made is None and name in record.copies:
            terminal.note(f"'{arguments[name]}' is not what it was: a copy from then is taken")
            made = (reader.load(record.copies[name]),)
        if made is None and literal:
            raise _other(name, _coerced(arguments[name], hint, name))
        arguments[name] = arguments[name] if made is None else made[0]
    return arguments


def _other(name: str, value: object) -> UsageError:
    if isinstance(value, Path):
        what = "has changed" if value.exists() else "is gone"
        return UsageError(
            f"'{value}' {what} since the run, and no copy of it was kept",
            hint=f"Give the one to use: -p {name}=PATH. (`[retention] inputs` says how large copies are.)",
        )
    return UsageError(
        f"the recorded value of '{name}' cannot be made again from {_short(value)}",
        hint=f"Give it: -p {name}=…",
    )


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


# ---- the call


def _replay(function: Callable[..., Any], arguments: Arguments, *, start: bool) -> int:
    try:
        result = step_through(function, arguments) if start else invoke(function, arguments)
        if is_stream(result):
            # What it yields is made while it is stored: the body has not run yet.
            result = f"a generator of {sum(1 for _ in result)}"
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the step is user code: any error may come of it
        if is_quit(error):
            return 0
        post_mortem(error)
        return 1
    terminal.note("it did not fail this time; its result:")
    terminal.out(_short(result))
    return 0


def _short(value: object) -> str:
    try:
        text = " ".join(repr(value).split())
    except Exception as error:  # `__repr__` is user code
        return f"a {type(value).__name__} (its repr fails: {type(error).__name__})"
    return text if len(text) <= 200 else text[:199] + "…"
