"""`penstock stack`: the stacks of this project; `penstock stack check` opens one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from penstock.cli.flags import as_json
from penstock.cli.terminal import terminal
from penstock.config import Backend, Config, StackConfig, read_config
from penstock.config.project import DEFAULT
from penstock.core.ports import RunFilter
from penstock.core.project import Project, find_project
from penstock.core.signing import signing_key
from penstock.stack import LOCAL, open_stack


@click.command()
@click.argument("action", type=click.Choice(["list", "show", "check"]), default="list")
@click.argument("name", default="")
@as_json
def command(action: str, name: str, as_json: bool) -> None:
    project = find_project(Path.cwd())
    config = read_config(project)
    active = config.stack(os.environ.get("PENSTOCK_STACK", "")).name
    match action:
        case "list":
            _list(config, active, as_json=as_json)
        case "show":
            _show(config.stack(name or active), as_json=as_json)
        case _:
            _check(project, config, name or active, as_json=as_json)


def _list(config: Config, active: str, *, as_json: bool) -> None:
    stacks = [config.stack(name) for name in dict.fromkeys([DEFAULT, *config.stacks])]
    if as_json:
        described = [
            {"name": one.name, "active": one.name == active, "backends": _described(one)}
            for one in stacks
        ]
        terminal.json(described)
        return
    rows = [
        (
            "*" if one.name == active else "",
            one.name,
            ", ".join(f"{port} {backend.kind}" for port, backend in _backends(one).items()),
            str(one.place) if one.place.file else "built in",
        )
        for one in stacks
    ]
    terminal.table(("", "stack", "backends", "from"), rows)


def _show(stack: StackConfig, *, as_json: bool) -> None:
    if as_json:
        terminal.json({"name": stack.name, "backends": _described(stack)})
        return
    terminal.out(terminal.style(stack.name, "bold"))
    for port, backend in _backends(stack).items():
        options = " ".join(f"{name}={value}" for name, value in backend.options.items())
        terminal.out(f"  {port:<15} {backend.kind} {options}".rstrip())


def _check(project: Project, config: Config, name: str, *, as_json: bool) -> None:
    """Open the stack and read from it: what is wrong raises, with its hint."""
    stack = open_stack(project, config, name)
    stack.metadata.runs.list(RunFilter(limit=1))
    stack.executor().close()
    signs = signing_key(project.home, make=False) is not None
    facts = {
        "stack": stack.name,
        "metadata": stack.metadata.address() or "in memory",
        "signing_key": "there" if signs else "made when the first pickle is stored",
    }
    stack.close()
    if as_json:
        terminal.json({**facts, "ok": True})
        return
    for fact, value in facts.items():
        terminal.out(f"  {fact:<12} {value}")
    terminal.out("the stack can be used")


def _backends(stack: StackConfig) -> Mapping[str, Backend]:
    return {**LOCAL, **stack.backends}


def _described(stack: StackConfig) -> dict[str, object]:
    return {
        port: {"kind": backend.kind, **backend.options}
        for port, backend in _backends(stack).items()
    }
