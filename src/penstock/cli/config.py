"""`penstock config`: every setting, and where its value comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from penstock.cli.flags import as_json, on_stack
from penstock.cli.run import options_of
from penstock.cli.terminal import terminal
from penstock.config import Config, StackConfig, read_config
from penstock.config.sources import ANYWHERE, Given
from penstock.core.options import NAMES, Options
from penstock.core.project import MARKS, declared_name, find_project
from penstock.stack import LOCAL


@click.command()
@click.option("--config", "file", metavar="FILE.yaml", help="A run's file, as for `run`.",
              type=click.Path(dir_okay=False))  # fmt: skip
@click.option("--all", "every", is_flag=True, help="What has its default, too.")
@on_stack
@as_json
def command(file: str | None, every: bool, stack: str, as_json: bool) -> None:
    project = find_project(Path.cwd())
    config = read_config(project)
    settled = options_of(project, None, {"file": file, "stack": stack})
    found: dict[str, Given] = {
        "project.name": Given(project.name, _name_source(project.root)),
        "project.root": Given(str(project.root), _root_source(project.root)),
        "project.home": Given(str(project.home), _home_source()),
        # Both marks say how a setting is looked up, which is not what is asked here.
        **{name.replace(f".{ANYWHERE}", "."): one for name, one in settled.sources.items()},
        **dict(_stack(config, settled.stack)),
    }
    if every:
        for name in NAMES:
            if name not in ("parameters", "settings", "replace"):
                found.setdefault(name, Given(getattr(Options(), name), "default"))
    if as_json:
        terminal.json({name: {"value": g.value, "source": g.source} for name, g in found.items()})
        return
    rows = [(name, _shown(given.value), given.source) for name, given in found.items()]
    terminal.table(("setting", "value", "from"), rows)


def _name_source(root: Path) -> str:
    return "pyproject.toml" if declared_name(root) else "the folder"


def _root_source(root: Path) -> str:
    found = [mark for mark in MARKS if (root / mark).exists()]
    return f"the nearest folder with {found[0]}" if found else f"here, as there is no {MARKS[0]}"


def _home_source() -> str:
    return "environment PENSTOCK_HOME" if os.environ.get("PENSTOCK_HOME") else "beside the project"


def _stack(config: Config, stack: StackConfig) -> Iterator[tuple[str, Given]]:
    """The backends as they are written: `${VAR}` is not expanded, it may be a secret."""
    for port, backend in {**LOCAL, **stack.backends}.items():
        source = str(backend.place) if port in stack.backends else "default"
        yield f"{port}.kind", Given(backend.kind, source)
        for name, value in backend.options.items():
            yield f"{port}.{name}", Given(value, source)


def _shown(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else repr(value)
