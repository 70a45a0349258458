"""Who decides: command line, environment, the run's file, the project's file, code; in that order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from penstock.config.coerce import coerce
from penstock.config.project import Config, StackConfig, expand
from penstock.core.options import Options, is_set, options
from penstock.core.place import Place
from penstock.errors import UsageError

VARIABLES: Mapping[str, str] = {
    "PENSTOCK_STACK": "stack",
    "PENSTOCK_SEED": "seed",
    "PENSTOCK_WORKERS": "workers",
    "PENSTOCK_TAGS": "tags",
    "PENSTOCK_NAME": "name",
    "PENSTOCK_NOTE": "note",
    "PENSTOCK_CACHE": "cache",
    "PENSTOCK_KEEP_GOING": "keep_going",
    "PENSTOCK_STRICT": "strict",
    "PENSTOCK_CAPTURE": "capture",
    "PENSTOCK_DATE": "logical_date",
}
"""Environment variables that set options of runs; PENSTOCK_HOME moves the state."""

_TYPES: Mapping[str, Any] = {
    "seed": int,
    "workers": int,
    "tags": list[str],
    "until": list[str],
    "start": list[str],
    "only": list[str],
    "refresh": list[str],
    "replace": dict[str, str],
    "cache": bool,
    "keep_going": bool,
    "strict": bool,
    "capture": bool,
    "pdb": bool,
}
_NESTED = ("parameters", "settings", "replace")

ROLE = "@"
"""A setting of this mark is for all steps of a role: "@trainer.timeout"; a step's own goes before."""
ANYWHERE = "?"
"""A setting of this mark is the project's, for whichever pipeline has the step: "?fit.retries"."""


class RunFile(Struct, frozen=True):
    """What a run's YAML says; the steps' settings and arguments as "fit.retries"."""

    stack: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)


class Given(NamedTuple):
    """A value, and who gave it."""

    value: Any
    source: str


class Settled(Struct, frozen=True):
    """The options of a run, and where each of them came from."""

    options: Options
    sources: Mapping[str, Given]
    """By option; "parameters.depth" and "settings.fit.retries" one by one."""
    stack: StackConfig

    def place(self, name: str) -> str:
        """Where in a file "parameters.depth" was set, as the beginning of a message; else ""."""
        for known, given in self.sources.items():
            if (known == name or known.startswith(f"{name}.")) and given.source not in _UNPLACED:
                return f"{given.source}: "
        return ""


def settle(
    config: Config,
    code: Options,
    environment: Mapping[str, str],
    run_file: RunFile | None = None,
    command: Mapping[str, Any] | None = None,
) -> Settled:
    """Merge all sources. `command` holds the options that the command line gave, text or typed."""
    stack = config.stack(_stack(config, code, environment, run_file, command or {}))
    if code.settled:
        return Settled(code, {}, stack)
    found: dict[str, Given] = {}
    for name, value, source in (
        *_from_project_stack(config),
        *_from_code(code),
        *_from_project(config, stack),
        *_from_run_file(run_file),
        *_from_environment(environment),
        *_from_command(command or {}),
    ):
        found[_settled(name, found)] = Given(value, source)
    found.setdefault("stack", Given(stack.name, "default"))
    return Settled(_options(found), found, stack)


def _settled(name: str, found: dict[str, Given]) -> str:
    """Of a setting with and without the project's mark only the one that is said last remains."""
    marked, plain = f"settings.{ANYWHERE}", "settings."
    if not name.startswith(plain):
        return name
    if not name.startswith(marked):
        found.pop(marked + name.removeprefix(plain), None)
        return name
    return own if (own := plain + name.removeprefix(marked)) in found else name


_UNPLACED = ("command line", "code", "default")
Found = Iterator[tuple[str, Any, str]]


def _stack(
    config: Config,
    code: Options,
    environment: Mapping[str, str],
    run_file: RunFile | None,
    command: Mapping[str, Any],
) -> str:
    named = command.get("stack") or environment.get("PENSTOCK_STACK")
    if code.settled:
        named = code.stack
    # default_stack is a default: unlike the file's options it gives way to what code says.
    return str(named or (run_file.stack if run_file else "") or code.stack or config.default_stack)


def _from_code(code: Options) -> Found:
    for name, value in is_set(code).items():
        if name in _NESTED:
            for key, item in value.items():
                yield f"{name}.{key}", item, "code"
        elif name != "settled":
            yield name, value, "code"


def _from_project_stack(config: Config) -> Found:
    if config.sets("default_stack"):
        yield "stack", config.default_stack, str(config.place("default_stack"))


def _from_project(config: Config, stack: StackConfig) -> Found:
    at: tuple[str, ...]
    for at, holder in (((), config), (("stacks", stack.name), stack)):
        for name, value in holder.options.items():
            place = config.place(*at, "options", name)
            yield name, _typed(name, expand(value, place), str(place)), str(place)
    for kind, mark in (("roles", ROLE), ("steps", ANYWHERE)):
        for at, holder in (((), config), (("stacks", stack.name), stack)):
            for step, table in getattr(holder, kind).items():
                for key, value in table.items():
                    place = config.place(*at, kind, step, key)
                    yield f"settings.{mark}{step}.{key}", expand(value, place), str(place)


def _from_run_file(file: RunFile | None) -> Found:
    if file is None:
        return
    if file.stack:
        yield "stack", file.stack, str(file.places["stack"])
    for name, value in file.options.items():
        place = str(file.places[f"options.{name}"])
        typed = _typed(name, value, place)
        if name in _NESTED:
            for key, item in typed.items():
                yield f"{name}.{key}", item, place
        else:
            yield name, typed, place
    for kind, table in (("parameters", file.parameters), ("settings", file.settings)):
        for name, value in table.items():
            yield f"{kind}.{name}", value, str(file.places[f"{kind}.{name}"])


def _from_environment(environment: Mapping[str, str]) -> Found:
    for variable, name in VARIABLES.items():
        if (text := environment.get(variable, "")) != "":
            yield name, _typed(name, text, variable), f"environment {variable}"


def _from_command(command: Mapping[str, Any]) -> Found:
    for name, value in command.items():
        if name in _NESTED:
            for key, item in value.items():
                yield f"{name}.{key}", item, "command line"
        else:
            yield name, _typed(name, value, f"--{name.replace('_', '-')}"), "command line"


def _typed(name: str, value: Any, source: str) -> Any:
    try:
        return coerce(value, _TYPES.get(name, str), name)
    except UsageError as error:
        raise UsageError(f"{source}: {error.message}", hint=error.hint) from None


def _options(found: Mapping[str, Given]) -> Options:
    flat: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, given in found.items():
        head, dot, rest = name.partition(".")
        if dot:
            nest(nested.setdefault(head, {}), rest, given.value, deep=head == "parameters")
        else:
            flat[name] = given.value
    if flat.get("pdb"):
        # The debugger needs the terminal, and the step in this process.
        flat.update(capture=False, workers=0)
    return replace(options(**flat, **nested), settled=True)


def nest(into: dict[str, Any], name: str, value: Any, *, deep: bool = True) -> None:
    """Set `hyper.lr` inside of what is known of `hyper`; a whole mapping is merged into one that stands."""
    head, dot, rest = name.partition(".")
    if deep and dot:
        inner = into.get(head)
        into[head] = dict(inner) if isinstance(inner, dict) else {}
        nest(into[head], rest, value)
    else:
        into[name] = value
