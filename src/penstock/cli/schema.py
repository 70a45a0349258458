"""`penstock schema`: the JSON Schema of a pipeline's YAML, for editors."""

from __future__ import annotations

import click

from penstock.cli.terminal import terminal


@click.command()
def command() -> None:
    from penstock.spec.schema import schema

    terminal.json(schema())
