"""Ports: what the core asks of its backends. The docstring is the contract.

Every backend, ours or yours, passes the public suite of its port in `penstock.testing`.
Unless a method says otherwise, a backend is used by one thread at a time but may be opened
by many processes at once, and raises only `StoreError`s of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from msgspec import Struct

from penstock.core.calls import Signal, Work
from penstock.core.conditions import Condition, Measure, Names, Order
from penstock.core.events import Event
from penstock.core.records import (
    CallRecord,
    FileRef,
    Manifest,
    Metric,
    Owner,
    RunRecord,
    Status,
    StepRecord,
)

# ---- artifact store: bytes by digest


class Blob(Struct, frozen=True):
    """A stored file as the store sees it."""

    digest: str
    size: int
    modified: int
    """When it was last committed, in microseconds; up to 2 s late, never early."""


class Writer(Protocol):
    """A file being written: hashed as it grows, invisible until `commit`."""

    def write(self, data: bytes | bytearray | memoryview, /) -> int: ...

    def commit(self, name: str) -> FileRef:
        """Make the bytes visible under their digest, at once or never; the same bytes twice is one file."""
        ...

    def abort(self) -> None:
        """Leave nothing behind. Harmless after `commit`."""
        ...


class ArtifactStore(Protocol):
    """Files by the BLAKE3 digest of their bytes; written once, never changed in place.

    Safe for any number of threads and processes at once.
    """

    def writer(self, size: int | None = None) -> Writer:
        """Begin a file; `size` is a hint in bytes."""
        ...

    def adopt(self, path: Path, name: str) -> FileRef:
        """Store a copy of an existing file (a reflink where the file system can)."""
        ...

    def path(self, file: FileRef, *, verify: bool) -> Path:
        """A local, read-only path to the bytes.

        With `verify` the digest is checked once a process for each unchanged file (inode, size,
        mtime). Raises ArtifactMissing, or ArtifactDamaged after the bytes were set aside.
        """
        ...

    def stat(self, digest: str, *, check: bool = False) -> Blob | None:
        """The file as it is, or None. Reads no bytes.

        With `check`, what reuse asks: a file that is small, or is not the one that was committed
        (inode, size, mtime), is read; None also when it was damaged and has been set aside.
        """
        ...

    def sync(self, digests: Sequence[str]) -> None:
        """Return when these files and their folders have reached the disk. An fsync error is fatal."""
        ...

    def remove(self, digest: str, *, before: int | None = None) -> bool:
        """Delete; harmless if absent; whether it went.

        With `before` (microseconds), only a file that was last committed earlier, by anyone. A
        commit of the same bytes and a removal exclude each other: the commit either renews a file
        that then stays, or writes it again.
        """
        ...

    def scan(self) -> Iterator[Blob]:
        """Every stored file, in any order."""
        ...

    def clean(self, older: float) -> int:
        """Delete unfinished writes older than so many seconds; how many there were."""
        ...


# ---- serializers: values to files and back


class Files(Protocol):
    """Where a serializer writes: one artifact's files."""

    def create(self, name: str, size: int | None = None) -> BinaryIO:
        """A new file to write; closing it commits it."""
        ...

    def adopt(self, path: Path, name: str) -> None:
        """Add a copy of an existing file."""
        ...


class Encoded(Struct, frozen=True):
    """What a serializer says of what it wrote."""

    meta: dict[str, Any] = {}
    content: str = ""
    """Digest of the value; empty when the format is canonical: then it derives from the files."""
    unsafe: bool = False


class Serializer(Protocol):
    """One family of values. Registered by entry point `penstock.serializers` or `register`."""

    @property
    def name(self) -> str: ...

    def accepts(self, value: object) -> bool:
        """Whether this value is of the family; never imports the library (look in sys.modules)."""
        ...

    def encode(self, value: Any, files: Files) -> Encoded:
        """Write all of the value, or raise SerializationError and write nothing that stays.

        `Unfit` leaves a value that was accepted to the next serializer (`digest` then says so too).
        """
        ...

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        """A fresh value, equal to the one encoded, that no other consumer shares.

        `files` are read-only paths, or the bytes themselves for an inline file.
        """
        ...

    def digest(self, value: Any) -> str:
        """The content digest of a value, as `encode` would give it."""
        ...


class Part(Struct, frozen=True):
    """A value written inside another one's artifact; `files` are names without their prefix."""

    serializer: str
    type: str
    files: tuple[str, ...] = ()
    meta: dict[str, Any] = {}
    unsafe: bool = False


class Family(Protocol):
    """All serializers together, as one sees them whose values hold values of others."""

    @property
    def root(self) -> Path:
        """The project's root: what is below it is named relative to it."""

    def pick(self, value: object) -> str:
        """The name of the first serializer that accepts this value; "" if none does."""

    def write(self, value: object, files: Files, prefix: str, serializer: str = "") -> Part:
        """Write a value inside another one's artifact, each file's name after `prefix`."""

    def named(self, name: str) -> Serializer:
        """Raises SerializationError when there is none of this name."""

    def digest(self, value: object) -> str:
        """By the canonical walk, each value inside named by its own serializer."""

    def file_digest(self, path: Path) -> str:
        """Of the content of a file, or of a folder with all that is in it."""

    def owns(self, path: Path) -> bool:
        """Whether the step that runs made this path, in its scratch folder."""

    def folder(self) -> Path:
        """A fresh folder, for a value that is files itself."""

    def vouch(self, manifest: Manifest) -> None:
        """Raises Untrusted unless a key of this project signed it."""


@runtime_checkable
class Joining(Serializer, Protocol):
    """A serializer that needs the others."""

    @property
    def walked(self) -> bool:
        """Whether its values have the content that the walk gives them: `digest` asks the family."""
        ...

    def joined(self, family: Family) -> Serializer:
        """This serializer, among these."""
        ...


# ---- metadata store: what happened


class RunFilter(Struct, frozen=True, kw_only=True):
    """Which runs; every field that is set must hold."""

    project: str | None = None
    pipeline: str | None = None
    statuses: tuple[Status, ...] = ()
    tag: str | None = None
    parent: str | None = None
    before: int | None = None
    """Created before, in microseconds: for pages."""
    where: Condition | None = None
    """What else must hold; `penstock.core.where` reads it from text."""
    order: tuple[Order, ...] = ()
    """By the first, among equals by the next; then, or without any, the newest first."""
    limit: int = 50


class Journal(Protocol):
    """The write side: a run is owned, and only its owner writes."""

    def begin(self, run: RunRecord) -> str:
        """Record a new run, `running`, owned by `run.owner`, with a fresh lease; its fencing token."""
        ...

    def append(self, token: str, events: Sequence[Event], *, durable: bool = False) -> None:
        """All of these events in one transaction, in order, or none of them.

        Raises LeaseLost when `token` no longer owns a running run. Progress and Note are ignored.
        With `durable` the transaction has reached the disk when this returns.
        """
        ...

    def renew(self, token: str) -> bool:
        """Extend the lease (30 s); False when it is lost. Called from other threads and processes."""
        ...

    def claim(
        self,
        token: str,
        key: str,
        *,
        seed: int | None = None,
        before: Sequence[Event] = (),
        then: Sequence[Event] = (),
    ) -> str:
        """Take the right to perform the call `key`; the id of the run that has it (ours when it is us).

        With a `seed`, "" says that a result is known by now and nothing was claimed. In the same
        transaction `before` is appended first, and `then` if the claim is ours. A claim lives as
        long as its run, or until the step's end is appended. A dead run's is taken over.
        """
        ...

    def settle(self) -> int:
        """Write down as `crashed` every run whose owner is gone, and its running steps; how many."""
        ...


class Calls(Protocol):
    """The cache: committed calls by key."""

    def find(self, key: str, seed: int) -> CallRecord | None:
        """The newest entry that did not draw, or that drew from this seed."""
        ...

    def previous(self, run: RunRecord, node: str, index: str, ref: str) -> StepRecord | None:
        """The last step with parts recorded before `run` for this node of this pipeline, else for `ref`."""
        ...

    def checkpoint(self, key: str) -> Manifest | None:
        """What the last unfinished attempt of this call saved."""
        ...

    def forget(self, keys: Sequence[str]) -> None:
        """Withdraw entries: their artifacts are lost, or they are to be made anew."""
        ...


class Runs(Protocol):
    """The read side, and what people may edit."""

    def get(self, prefix: str, project: str | None = None) -> RunRecord:
        """By id, name (its newest run), "latest", "latest~2", or unique prefix; `crashed` is derived.

        Raises NotFound, with near names as hint.
        """

    def list(self, filter: RunFilter) -> Sequence[RunRecord]:
        """Newest first, or in the filter's order; `crashed` is derived."""

    def names(self, project: str | None = None) -> Names:
        """What runs can be filtered by. Parameters and metrics may be those of other projects."""

    def measured(self, runs: Sequence[str], metric: Measure) -> Sequence[float | None]:
        """The last value of a metric in each of these runs (ids): NaN if it is none, None if not logged."""

    def steps(self, run: str, node: str | None = None) -> Sequence[StepRecord]:
        """In the order in which they were queued; items of maps follow their node."""

    def metrics(self, run: str, *, last: bool = True) -> Sequence[tuple[str, Metric]]:
        """(step's name, metric) pairs: the last value of each name, or the whole series."""

    def edit(
        self,
        run: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        kept: bool | None = None,
    ) -> RunRecord: ...

    def remove(self, run: str) -> None:
        """Forget a run that has ended and is not kept; its artifacts are gc's business."""


class Catalog(Protocol):
    """Artifacts and long texts, by digest."""

    def manifest(self, id: str) -> Manifest:
        """By id or unique prefix. Raises NotFound."""
        ...

    def producers(self, id: str) -> Sequence[tuple[str, str, str, str]]:
        """(run, node, index, output) that made or reused this artifact, oldest first."""
        ...

    def consumers(self, content: str) -> Sequence[tuple[str, str, str, str]]:
        """(run, node, index, parameter) that took an input of this content, oldest first."""
        ...

    def texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        """Those that are known."""
        ...

    def memo(self, name: str, value: str | None = None) -> str | None:
        """A small remembered fact (a file's digest by size, mtime, inode), read, or written."""
        ...


class Sweep(Protocol):
    """Garbage: what no record, live lease or pending write reaches."""

    def doomed(self, older: int) -> Sequence[Manifest]:
        """Artifacts that nothing reaches, recorded before `older` (microseconds)."""
        ...

    def bury(self, artifacts: Sequence[str]) -> Sequence[str]:
        """Drop these rows in one transaction unless reached again; digests of files that no row names now."""
        ...

    def suspects(self, boot: str) -> Sequence[Manifest]:
        """Artifacts of another boot that never passed a barrier: to be verified in full before reuse."""
        ...

    def vouch(self, artifacts: Sequence[str]) -> None:
        """These were verified: they are durable."""
        ...

    def artifacts(self) -> Iterator[Manifest]:
        """Every artifact on record, in any order; those recorded meanwhile may be among them."""
        ...

    def unnamed(self, digests: Sequence[str]) -> Sequence[str]:
        """Those of these files that no artifact on record has: what a killed run left."""
        ...


class MetadataStore(Protocol):
    """One place of record, opened; its nouns share a connection."""

    @property
    def journal(self) -> Journal: ...
    @property
    def calls(self) -> Calls: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def sweep(self) -> Sweep: ...

    def address(self) -> str:
        """What another process opens to reach the same store; "" if none can."""
        ...

    def close(self) -> None: ...


# ---- executors: where a call runs


class Executor(Protocol):
    """Runs calls; answers with signals. Used by the engine's thread alone.

    Advanced and Saved are told to `notify` as they happen, on the engine's thread (from within
    `submit` or `poll`): a Saved is recorded when `notify` returns. `poll` returns the others.
    """

    slots: int
    """How many calls run at once."""

    def start(self, notify: Callable[[Signal], None]) -> None:
        """Called once, before anything else. Processes start when the first work comes."""
        ...

    def submit(self, work: Work) -> None:
        """Take work; at most `slots` are in hand at a time. May block while an inline call runs."""
        ...

    def poll(self, timeout: float | None) -> Sequence[Signal]:
        """What happened since, waiting up to `timeout` seconds (None: until something does)."""
        ...

    def cancel(self, id: int) -> None:
        """Stop this work, with its child processes; a Finished with kind "cancelled" follows."""
        ...

    def close(self) -> None:
        """Stop all work and processes. Harmless twice."""
        ...


# ---- what the engine is handed


Listener = Callable[[Event], None]
Liveness = Callable[[Owner], bool | None]
"""Whether an owner lives: True, False, or None when only its lease can tell."""
