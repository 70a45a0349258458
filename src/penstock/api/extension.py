"""`%load_ext penstock`: runs show their progress in cells, and `%penstock` is the command line."""

from __future__ import annotations

import os
import shlex
import sys
import uuid
from typing import Any, Protocol

from penstock.api import manners, seam
from penstock.errors import UsageError
from penstock.views.cells import Cells
from penstock.views.choice import VARIABLE, View, view


class Shell(Protocol):
    """What we need of IPython's shell."""

    display_pub: Any

    def register_magic_function(
        self, func: Any, magic_kind: str = ..., magic_name: str | None = ...
    ) -> None: ...


def load(shell: Shell) -> None:
    """Called by `%load_ext penstock`, and harmless when it is called again."""
    manners.mind()

    def look() -> View | None:
        if os.environ.get(VARIABLE) == "off":
            return None
        if sys.stderr.isatty():  # IPython in a terminal
            return view(sys.stderr, "tree", summary=True)
        return Cells(_shown(shell))

    def penstock(line: str) -> None:
        """`%penstock runs`, `%penstock show last`: the command line, in this notebook's project."""
        try:
            words = shlex.split(line)
        except ValueError:
            raise UsageError(f"a quote or a '\\' in '{line}' has no end") from None
        _command(words)

    seam.cells[:] = [look]
    shell.register_magic_function(penstock, "line", "penstock")


def unload(shell: Shell) -> None:
    """Called by `%unload_ext penstock`."""
    seam.cells.clear()


def _shown(shell: Shell) -> Any:
    """One display of this cell, which is updated as long as its run goes on."""
    id = uuid.uuid4().hex
    began = False

    def show(html: str, text: str) -> None:
        nonlocal began
        shell.display_pub.publish(
            {"text/html": html, "text/plain": text},
            transient={"display_id": id},
            update=began,
        )
        began = True

    return show


def _command(words: list[str]) -> None:
    """In a process of its own, as it would be typed; what it says is shown as it comes."""
    import subprocess

    command = [sys.executable, "-m", "penstock", *words]
    colored = {"FORCE_COLOR": "1", **os.environ}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=colored
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
