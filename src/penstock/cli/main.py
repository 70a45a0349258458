"""The command `penstock`: finds the command that is meant, and turns errors into words and exit codes."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from penstock.cli.terminal import terminal
from penstock.core.place import near, nearest
from penstock.errors import PenstockError

COMMANDS = {
    "new": "Begin a project: a pipeline, its tests, its configuration and its CI.",
    "list": "The pipelines of this project.",
    "run": "Run a pipeline.",
    "plan": "What a run would do, without doing it.",
    "compile": "A pipeline as YAML to read, edit and run.",
    "diff": "What differs between two pipelines: files, runs or code.",
    "runs": "The runs of this project, newest first.",
    "show": "One run: its steps, parameters, metrics and result.",
    "why": "Why each step of a run was executed or reused.",
    "compare": "What differs between two runs.",
    "logs": "What steps printed.",
    "artifacts": "What a run made; or one artifact, its origin and its users.",
    "code": "The code of a run, or of one step, as it was when it ran.",
    "debug": "Replay one step with its recorded inputs, in the debugger.",
    "note": "Name a run, tag it, write a note.",
    "keep": "Keep runs from being removed.",
    "rm": "Remove runs.",
    "gc": "Delete artifacts that no run needs.",
    "doctor": "Check the stores, and repair them.",
    "config": "Every setting, and where its value comes from.",
    "stack": "The stacks of this project.",
    "schema": "The JSON Schema of a pipeline's YAML.",
    "completion": "Completion for your shell.",
}
"""In the order of the help; the module of each is imported when it is called."""
ELSEWHERE = {
    **dict.fromkeys(("init", "create", "startproject"), "new"),
    **dict.fromkeys(("ls", "history", "status", "experiments"), "runs"),
    **dict.fromkeys(("describe", "info", "inspect", "view"), "show"),
    **dict.fromkeys(("delete", "remove"), "rm"),
    **dict.fromkeys(("clean", "prune"), "gc"),
    **dict.fromkeys(("tag", "rename"), "note"),
    **dict.fromkeys(("execute", "start", "resume", "retry", "repro"), "run"),
    "explain": "why",
    "check": "doctor",
    "help": "--help",
    "version": "--version",
}
"""What other tools call them, by which people ask for them first."""


class Commands(click.Group):
    """A group that knows its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"penstock.cli.{name}")
        command: click.Command = module.command
        command.name = name
        command.help = command.help or COMMANDS[name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(f"no command '{name}'" + _meant(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=None, version=import_module("penstock").__version__)
def penstock() -> None:
    """Machine-learning pipelines of plain Python functions: cached, explained, reproducible."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; its exit code: 0 done, 1 failed, 2 usage, 3 rejected, 130 cancelled."""
    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        code: Any = penstock.main(arguments, prog_name="penstock", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _explain(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        terminal.note("cancelled")
        return 130
    except PenstockError as error:
        if os.environ.get("PENSTOCK_TRACEBACK"):
            raise
        terminal.error(error.message, error.hint)
        return error.exit_code
    except BrokenPipeError:
        # The reader (`| head`) has seen enough.
        _silence()
        return 0
    except OSError as error:
        # Of a file it would have its name: it is the output that cannot be written.
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        _silence()
        terminal.error(f"cannot write the output: {error.strerror}")
        return 1
    return code if isinstance(code, int) else 0


def _silence() -> None:
    """Nothing more may be written, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explain(error: click.ClickException) -> None:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    hint = f"Try: {context.command_path} --help" if context else ""
    if isinstance(error, click.NoSuchOption):
        message = f"no option '{error.option_name}'"
        if error.possibilities:
            hint = near(error.option_name, error.possibilities)
        long = error.option_name.startswith("--")
        if long and context and any(one.name == "param" for one in context.command.params):
            word = error.option_name.lstrip("-").replace("-", "_")
            hint += f"\nA parameter is given as -p {word}=VALUE."
    if "extra argument" in message and "=" in message and " run " in f"{hint} ":
        hint = "A parameter is given as -p NAME=VALUE."
    terminal.error(message[:1].lower() + message[1:], hint)


def _meant(name: str) -> str:
    near = ELSEWHERE.get(name) or nearest(name, COMMANDS)
    return f"; did you mean '{near}'?" if near else ""


if __name__ == "__main__":
    sys.exit(main())
