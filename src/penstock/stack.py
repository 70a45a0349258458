"""A stack: the backends that a project's runs use, opened; what joins the parts that know no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from penstock.artifacts.codec import Artifacts
from penstock.artifacts.deferred import Deferred
from penstock.config.project import Backend, Config, StackConfig, read_config
from penstock.config.sources import settle
from penstock.core import io
from penstock.core.options import Options
from penstock.core.ports import ArtifactStore, Catalog, Executor, MetadataStore, Serializer
from penstock.core.project import STATE, Project
from penstock.core.signing import signing_key
from penstock.errors import ConfigError, SerializationError, StoreError, UsageError
from penstock.perform.call import Tools
from penstock.plugins import create, entry_points, find
from penstock.serializers import default_serializers

LOCAL: Mapping[str, Backend] = {
    "orchestrator": Backend("local"),
    "executor": Backend("inline"),
    "artifact_store": Backend("local"),
    "metadata_store": Backend("sql"),
}
"""What a stack has where it names nothing else: SQLite and files in the project's home."""


class Stack(Struct, frozen=True):
    """Open backends, and the project that they serve."""

    name: str
    project: Project
    artifacts: Artifacts
    metadata: MetadataStore
    config: Config
    settings: StackConfig

    def options(self, options: Options) -> Options:
        """With what the environment and the project's file say, unless that is done."""
        return settle(self.config, options, os.environ).options

    @property
    def isolates(self) -> bool:
        """Whether its executor gives calls processes of their own."""
        return self.settings.backends.get("executor", LOCAL["executor"]).kind != "inline"

    def require(
        self, step: str, executor: str, env: object, serializers: Iterable[str] = ()
    ) -> None:
        """Refuse what a step asks for and nothing here gives. Raises UsageError."""
        try:
            for name in serializers:
                self.artifacts.named(name)
        except SerializationError as error:
            raise UsageError(f"'{step}' cannot run: {error.message}", hint=error.hint) from None
        if executor not in ("", "inline", "processes"):
            try:
                find("executors", Backend(executor))
            except ConfigError as error:
                raise UsageError(f"'{step}' cannot run: {error.message}", hint=error.hint) from None
        if env is not None:
            raise UsageError(
                f"'{step}' asks for an environment of its own, which no executor of stack "
                f"'{self.name}' gives",
                hint="Leave `env` out, and install what it needs beside the rest.",
            )

    def tools(self) -> Tools:
        """For calls in this process, whose code is what was planned."""
        return _tools(self.project, self.artifacts, None)

    def executor(self, workers: int | None = None, kind: str = "") -> Executor:
        """Where calls happen: as asked by `kind`, else in so many processes, else what the stack names."""
        backend = self.settings.backends.get("executor", LOCAL["executor"])
        if kind and kind != backend.kind:
            backend = Backend(kind)
        elif not kind and workers and backend.kind == "inline":
            backend = Backend("processes")
        if workers:
            # The number that was asked for goes before the one in the file.
            options = {k: v for k, v in backend.options.items() if k != "workers"}
            backend = Backend(backend.kind, options, backend.place)
        if backend.kind != "inline" and not self.metadata.address():
            raise UsageError(
                f"stack '{self.name}' keeps its records in memory, where no other process sees them",
                hint='Use executor = "inline", or a metadata store of kind "sql".',
            )
        given = {"workers": workers or 1, "tools": self.tools(), "stack": self.reference()}
        return cast(Executor, create("executors", backend, given, self.project.root))

    def reference(self) -> str:
        """What another process opens this stack by: JSON. `${VAR}` is resolved there, not here."""
        project = self.project
        return msgspec.json.encode(
            _Reference(
                root=str(project.root),
                name=project.name,
                home=str(project.home),
                stack=self.name,
                backends={
                    port: _backend(self.settings, port)
                    for port in ("artifact_store", "metadata_store")
                },
            )
        ).decode()

    def close(self) -> None:
        self.metadata.close()


def open_stack(
    project: Project, config: Config | None = None, name: str = "", *, reading: bool = False
) -> Stack:
    """The project's stack of this name, else of PENSTOCK_STACK, else its default one.

    When `reading`, local records that are not there yet are empty: looking leaves no trace.
    """
    config = config or read_config(project)
    settings = config.stack(name or os.environ.get("PENSTOCK_STACK", ""))
    orchestrator = settings.backends.get("orchestrator", LOCAL["orchestrator"])
    if orchestrator.kind != "local":
        raise UsageError(
            f"{orchestrator.place}: no orchestrator of kind '{orchestrator.kind}'",
            hint='There is: "local".',
        )
    records = _backend(settings, "metadata_store")
    if records is LOCAL["metadata_store"]:
        if not reading:
            _ignored(project)
        elif not os.path.exists(_records(project)):
            records = Backend("memory")
    metadata = _metadata(project, records)
    artifacts = _artifacts(project, _backend(settings, "artifact_store"), lambda: metadata.catalog)
    return Stack(settings.name, project, artifacts, metadata, config, settings)


def metadata_from(reference: str) -> MetadataStore:
    """The metadata store of a stack, opened in another process."""
    project, backends = _known(reference)
    return _metadata(project, backends["metadata_store"])


def tools_from(reference: str) -> Tools:
    """The tools of a call in another process; its metadata store is opened when something is looked up."""
    project, backends = _known(reference)
    opened: list[MetadataStore] = []

    def catalog() -> Catalog:
        if not opened:
            opened.append(_metadata(project, backends["metadata_store"]))
        return opened[0].catalog

    artifacts = _artifacts(project, backends["artifact_store"], catalog)
    # The code that this process imported is looked at; only here is the closure's reader needed.
    # One reader for the life of the process: what a step changes in its module afterwards is not code.
    closures: Any = import_module("penstock.define.closure").Closures(
        project.root, artifacts.digest
    )

    def code(function: Callable[..., Any]) -> str:
        return cast(str, closures.closure(function).digest)

    return replace(
        _tools(project, artifacts, code),
        class_digest=lru_cache(maxsize=None)(closures.class_digest),
    )


# ---- the parts


class _Reference(msgspec.Struct, frozen=True):
    root: str
    name: str
    home: str
    stack: str
    backends: dict[str, Backend]


def _known(reference: str) -> tuple[Project, Mapping[str, Backend]]:
    known = msgspec.json.decode(reference, type=_Reference)
    return Project(Path(known.root), known.name, Path(known.home)), known.backends


def _backend(settings: StackConfig, port: str) -> Backend:
    return settings.backends.get(port, LOCAL[port])


def _records(project: Project) -> Path:
    return project.home / "penstock.db"


def local_records(project: Project) -> tuple[int, int] | None:
    """Which file the local records are in now: device and inode; None where there is none."""
    try:
        found = _records(project).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _ignored(project: Project) -> None:
    """The state ignores itself for git; where PENSTOCK_HOME has moved it, that is not our folder."""
    mark = project.home / ".gitignore"
    if project.home == project.root / STATE and not mark.exists():
        with io.explained("make the project's .penstock folder"):
            io.mkdirs(project.home)
            io.replace(mark, b"*\n")


def _metadata(project: Project, backend: Backend) -> MetadataStore:
    given = {"url": str(_records(project)), "home": project.home}
    return cast(MetadataStore, create("metadata_stores", backend, given, project.root))


def _artifacts(project: Project, backend: Backend, catalog: Callable[[], Catalog]) -> Artifacts:
    given = {"folder": project.home / "artifacts", "home": project.home}
    return Artifacts(
        cast(ArtifactStore, create("artifact_stores", backend, given, project.root)),
        _serializers(),
        root=project.root,
        key=lambda: signing_key(project.home),
        lookup=lambda id: catalog().manifest(id),
        memo=lambda name, value=None: _memo(catalog(), name, value),
    )


def _memo(catalog: Catalog, name: str, value: str | None) -> str | None:
    """What may be remembered of a file: who may only read goes without, and looks at it again."""
    try:
        return catalog.memo(name, value)
    except StoreError:
        if value is None:
            raise
        return value


def _serializers() -> Sequence[Serializer | Deferred]:
    others: list[Serializer] = []
    for entry in entry_points("penstock.serializers"):
        module, _, name = entry.target.partition(":")
        others.append(getattr(import_module(module), name)())
    return (*others, *default_serializers())


def _tools(
    project: Project, artifacts: Artifacts, closure: Callable[[Callable[..., Any]], str] | None
) -> Tools:
    return Tools(
        artifacts=artifacts,
        project=project,
        scratch=project.home / "scratch",
        logs=project.home / "logs",
        closure=closure,
        own=closure is not None,
    )
