"""What a project's penstock.toml says: stacks, options of runs, settings of steps."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from penstock.config.toml import Toml
from penstock.core.place import Place, near, unknown
from penstock.core.project import Project
from penstock.errors import ConfigError, UsageError

PORTS = ("orchestrator", "executor", "artifact_store", "metadata_store")
STEP_OPTIONS = ("retries", "timeout", "cache", "env", "resources", "executor")
RUN_OPTIONS = ("seed", "workers", "tags", "cache", "keep_going", "strict", "capture", "primary")
DEFAULT = "local"
NOWHERE = Place("")

_TOP = ("default_stack", "stacks", "options", "steps", "roles", "retention")
_STACK = (*PORTS, "options", "steps", "roles")


class Backend(Struct, frozen=True):
    """A backend by kind, with its constructor's arguments as they are written."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    place: Place = NOWHERE


class StackConfig(Struct, frozen=True):
    """One `[stacks.NAME]`; a port that is not named has the local backend."""

    name: str
    backends: Mapping[str, Backend] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    place: Place = NOWHERE


class Config(Struct, frozen=True):
    """The project's file, checked. Values keep their `${VAR}` until the stack is opened."""

    default_stack: str = DEFAULT
    stacks: Mapping[str, StackConfig] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    roles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    retention: Mapping[str, Any] = field(default_factory=dict)
    file: Toml | None = None
    under: tuple[str, ...] = ()
    """Where in the file the settings stand: ("tool", "penstock") of a pyproject.toml."""

    def sets(self, name: str) -> bool:
        """Whether the file has this top-level setting."""
        values: Any = self.file.values if self.file else {}
        for key in self.under:
            values = values.get(key, {})
        return name in values

    def place(self, *path: str) -> Place:
        """Where a setting stands."""
        return self.file.place(*self.under, *path) if self.file else NOWHERE

    def stack(self, name: str = "") -> StackConfig:
        """The stack of this name; without one, the default."""
        name = name or self.default_stack
        if name in self.stacks:
            return self.stacks[name]
        if name == DEFAULT:
            return StackConfig(DEFAULT)
        raise UsageError(f"no stack '{name}'", hint=near(name, (*self.stacks, DEFAULT)))


def read_config(project: Project) -> Config:
    """The project's `penstock.toml`, else `[tool.penstock]` of its pyproject.toml, else nothing."""
    if (text := _text(project, "penstock.toml")) is not None:
        toml = Toml(project.root / "penstock.toml", text)
        return _config(toml, toml.values, ())
    text = _text(project, "pyproject.toml")
    if text is not None and "tool.penstock" in text:
        toml = Toml(project.root / "pyproject.toml", text)
        tool = toml.values.get("tool")
        values = tool.get("penstock", {}) if isinstance(tool, dict) else {}
        if not isinstance(values, dict):
            place = toml.place("tool", "penstock")
            raise ConfigError(f"{place}: 'tool.penstock' is not a table", hint="[tool.penstock]")
        return _config(toml, values, ("tool", "penstock"))
    return Config()


def _text(project: Project, name: str) -> str | None:
    try:
        # Some editors begin a file with a mark of its encoding.
        return (project.root / name).read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8", hint="Save the file as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"cannot read '{project.root / name}': {error.strerror}") from None


def _config(toml: Toml, values: Mapping[str, Any], under: tuple[str, ...]) -> Config:
    reader = _Reader(toml, under)
    reader.keys(values, _TOP, "a setting of penstock")
    stacks = reader.table(values, "stacks")
    config = Config(
        default_stack=values.get("default_stack", DEFAULT),
        stacks={name: reader.stack(name, stacks) for name in stacks},
        options=reader.options(values, "options"),
        steps=reader.settings(values, "steps"),
        roles=reader.settings(values, "roles"),
        retention=reader.retention(values),
        file=toml,
        under=under,
    )
    if not isinstance(config.default_stack, str):
        raise ConfigError(f"{reader.place('default_stack')}: default_stack is not a name")
    if config.default_stack not in (*config.stacks, DEFAULT):
        place = reader.place("default_stack")
        raise unknown("a stack of this file", config.default_stack, config.stacks, place)
    return config


class _Reader:
    """Reads tables of one file, saying where what is wrong stands."""

    def __init__(self, toml: Toml, under: tuple[str, ...]) -> None:
        self._toml = toml
        self._under = under

    def place(self, *path: str) -> Place:
        return self._toml.place(*self._under, *path)

    def keys(self, table: Mapping[str, Any], known: tuple[str, ...], kind: str, *at: str) -> None:
        for key in table:
            if key not in known:
                raise unknown(kind, key, known, self.place(*at, key))

    def table(self, holder: Mapping[str, Any], name: str, *at: str) -> Mapping[str, Any]:
        value = holder.get(name, {})
        if not isinstance(value, dict):
            raise ConfigError(f"{self.place(*at, name)}: '{name}' is not a table")
        return value

    def retention(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if "retention" not in values:
            return {}
        # Only a project that has the table pays for what reads it.
        from penstock.config.retention import RETENTION, retained

        table = self.table(values, "retention")
        self.keys(table, RETENTION, "a setting of retention", "retention")
        retained(table, lambda name: self.place("retention", name))
        return table

    def options(self, holder: Mapping[str, Any], name: str, *at: str) -> Mapping[str, Any]:
        table = self.table(holder, name, *at)
        self.keys(table, RUN_OPTIONS, "an option of runs", *at, name)
        return table

    def settings(
        self, holder: Mapping[str, Any], name: str, *at: str
    ) -> Mapping[str, Mapping[str, Any]]:
        steps = self.table(holder, name, *at)
        for step in steps:
            table = self.table(steps, step, *at, name)
            self.keys(table, STEP_OPTIONS, "an option of steps", *at, name, step)
        return steps

    def stack(self, name: str, stacks: Mapping[str, Any]) -> StackConfig:
        at = ("stacks", name)
        table = self.table(stacks, name, "stacks")
        self.keys(table, _STACK, "a part of a stack", *at)
        return StackConfig(
            name=name,
            backends={
                port: self.backend(table[port], *at, port) for port in PORTS if port in table
            },
            options=self.options(table, "options", *at),
            steps=self.settings(table, "steps", *at),
            roles=self.settings(table, "roles", *at),
            place=self.place(*at),
        )

    def backend(self, value: Any, *at: str) -> Backend:
        place = self.place(*at)
        match value:
            case str():
                return Backend(value, {}, place)
            case {"kind": str(kind)}:
                options = {key: item for key, item in value.items() if key != "kind"}
                return Backend(kind, options, place)
        raise ConfigError(
            f"{place}: '{at[-1]}' names no kind", hint=f'Write {at[-1]} = {{ kind = "…" }}.'
        )


_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def expand(value: Any, place: Place) -> Any:
    """`${VAR}` and `${VAR:-default}` in all strings of a value; `$$` is a dollar sign."""
    match value:
        case str():
            return _VARIABLE.sub(lambda found: _variable(found, place), value)
        case list():
            return [expand(item, place) for item in value]
        case dict():
            return {key: expand(item, place) for key, item in value.items()}
    return value


def _variable(found: re.Match[str], place: Place) -> str:
    name, default = found[1], found[2]
    if name is None:
        return "$"
    value = os.environ.get(name, default)
    if value is None:
        raise ConfigError(
            f"{place}: the environment variable '{name}' is not set",
            hint=f"Set it, or write ${{{name}:-default}}.",
        )
    return value
