"""`penstock completion`: what to add to your shell's start file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from penstock.cli.terminal import terminal
from penstock.errors import UsageError

FILES = {"bash": "~/.bashrc", "zsh": "~/.zshrc", "fish": "~/.config/fish/completions/penstock.fish"}


@click.command()
@click.argument("shell", default="", metavar="[bash|zsh|fish]")
def command(shell: str) -> None:
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in FILES:
        raise UsageError(
            f"no completion for the shell '{name}'" if name else "which shell?",
            hint=f"There are: {', '.join(FILES)}.",
        )
    # Only here is click's script needed.
    from click.shell_completion import get_completion_class

    from penstock.cli.main import penstock

    made = get_completion_class(name)
    assert made is not None
    terminal.out(made(penstock, {}, "penstock", "_PENSTOCK_COMPLETE").source())
    terminal.note(f'Add to {FILES[name]}: eval "$(penstock completion {name})"')
