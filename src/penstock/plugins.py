"""A backend by its kind: ours from a table, others by entry point, imported on first use."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_args

from penstock.config import Backend, expand, near
from penstock.config.coerce import coerce
from penstock.errors import ConfigError, MissingExtra, PenstockError


class Plugin(NamedTuple):
    """Where a backend's class is, and the extra that brings the libraries it needs."""

    target: str
    extra: str = ""


BUILT_IN: Mapping[str, Mapping[str, Plugin]] = {
    "orchestrators": {"local": Plugin("")},
    "executors": {
        "inline": Plugin("penstock.executors.inline:InlineExecutor"),
        "processes": Plugin("penstock.executors.processes:ProcessExecutor"),
    },
    "artifact_stores": {
        "local": Plugin("penstock.artifact_stores.local:LocalStore"),
        "memory": Plugin("penstock.artifact_stores.memory:MemoryStore"),
    },
    "metadata_stores": {
        "sql": Plugin("penstock.metadata_stores.sql:SqlStore"),
        "memory": Plugin("penstock.metadata_stores.memory:MemoryStore"),
    },
    "serializers": {},
}


NOT_OPTIONS = frozenset(("home", "tools", "stack", "alive", "clock"))
"""Parameters of constructors that are not for a file to set."""


def create(port: str, backend: Backend, given: Mapping[str, Any], root: Path) -> Any:
    """The backend, made of its options in the project's file and of what it takes of `given`.

    An option that its constructor does not know is an error with its line; a relative path is one
    from the project's root.
    """
    made = load(port, backend)
    hints = _hints(made)
    for name in backend.options:
        if name not in hints or name in NOT_OPTIONS:
            own = [word for word in hints if word not in NOT_OPTIONS]
            raise ConfigError(
                f"{backend.place}: '{name}' is not an option of '{backend.kind}'",
                hint=near(name, own),
            )
    options = {
        name: _anchored(coerce(expand(value, backend.place), hints[name], name), hints[name], root)
        for name, value in backend.options.items()
    }
    taken = {name: value for name, value in given.items() if name in hints and name not in options}
    try:
        return made(**taken, **options)
    except ImportError as error:
        raise _missing(backend, find(port, backend), error) from None


def load(port: str, backend: Backend) -> Any:
    """The class or function that makes this kind of backend."""
    plugin = find(port, backend)
    module, _, name = plugin.target.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise _missing(backend, plugin, error) from None


def find(port: str, backend: Backend) -> Plugin:
    known = BUILT_IN[port]
    if backend.kind in known:
        return known[backend.kind]
    others = {entry.name: Plugin(entry.target) for entry in entry_points(f"penstock.{port}")}
    if backend.kind in others:
        return others[backend.kind]
    where = f"{backend.place}: " if backend.place.file else ""
    raise ConfigError(
        f"{where}no {port[:-1].replace('_', ' ')} of kind '{backend.kind}'",
        hint=near(backend.kind, [*known, *others]),
    )


def _hints(made: Any) -> Mapping[str, Any]:
    import inspect

    parameters = inspect.signature(made).parameters
    kind: Any = made
    function = kind.__init__ if isinstance(made, type) else kind
    try:
        hints = inspect.get_annotations(function, eval_str=True)
    except NameError:
        hints = {}
    return {name: hints.get(name, Any) for name in parameters}


def _anchored(value: Any, hint: Any, root: Path) -> Any:
    """A relative path seen from the root; also as text, where a path may stand and it is no URL."""
    if isinstance(value, Path):
        return root / value
    if isinstance(value, str) and Path in get_args(hint) and "://" not in value:
        return str(root / value)
    return value


def _missing(backend: Backend, plugin: Plugin, error: ImportError) -> PenstockError:
    extra = f"penstock[{plugin.extra}]" if plugin.extra else (error.name or backend.kind)
    return MissingExtra(
        f"'{backend.kind}' needs a library that is not installed: {error}",
        hint=f"Install it: pip install '{extra}'",
    )


# ---- entry points, read without `importlib.metadata` (2 ms for 100 distributions instead of 25)


class EntryPoint(NamedTuple):
    name: str
    target: str


def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """What installed distributions register under a group."""
    return tuple(entry for name, entry in _entries(tuple(sys.path)) if name == group)


@cache
def _entries(path: tuple[str, ...]) -> tuple[tuple[str, EntryPoint], ...]:
    return tuple(
        found for folder in dict.fromkeys(path) for found in _in_folder(Path(folder or "."))
    )


def _in_folder(folder: Path) -> Iterator[tuple[str, EntryPoint]]:
    try:
        names = sorted(
            entry.name for entry in folder.iterdir() if entry.suffix in (".dist-info", ".egg-info")
        )
    except OSError:
        return
    for name in names:
        try:
            data = (folder / name / "entry_points.txt").read_bytes()
        except OSError:
            continue
        if b"[penstock." in data:
            yield from _parse(data.decode())


def _parse(text: str) -> Iterator[tuple[str, EntryPoint]]:
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            group = line.strip("[] ")
        elif "=" in line and not line.startswith(("#", ";")) and group.startswith("penstock."):
            name, _, target = line.partition("=")
            yield group, EntryPoint(name.strip(), target.split("[")[0].strip())
