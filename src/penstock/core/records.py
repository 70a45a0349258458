"""Records: what a run leaves behind. Frozen; changed by `structs.replace`. Times are UTC microseconds."""

from __future__ import annotations

import time
from typing import Any
from typing import Literal as OneOf

from msgspec import Struct

Status = OneOf[
    "pending", "running", "reused", "done", "failed", "skipped", "rejected", "cancelled", "crashed"
]
FINAL: frozenset[str] = frozenset(
    ("reused", "done", "failed", "skipped", "rejected", "cancelled", "crashed")
)
INLINE_LIMIT = 4096
"""Bytes up to which the only file of an artifact lives in its row."""
NONE = "builtins:NoneType"
"""The type that the artifact of `None` has."""


def now() -> int:
    """This moment, in UTC microseconds since 1970."""
    return time.time_ns() // 1000


# ---- artifacts


class FileRef(Struct, frozen=True, array_like=True):
    """A stored file: its name inside the artifact, the digest and size of its bytes."""

    name: str
    digest: str
    size: int


class Manifest(Struct, frozen=True, kw_only=True):
    """What an artifact is; its bytes are in `inline` (one small file) or in the artifact store."""

    id: str
    """Digest of everything below but `inline` and `signature`."""
    content: str
    """Digest of the value: what names it in keys."""
    serializer: str
    type: str
    """"module:qualname" of the value's class."""
    files: tuple[FileRef, ...] = ()
    inline: bytes | None = None
    meta: dict[str, Any] = {}
    """What the serializer needs or shows: shape, dtype, columns, preview. JSON."""
    items: int | None = None
    """For a collection: how many artifacts it lists (in its only file)."""
    classes: tuple[str, ...] = ()
    """First-party classes of the value and of what it holds: their code counts in consumers' keys."""
    unsafe: bool = False
    """Reading it may run code: a pickle."""
    signature: str = ""

    @property
    def size(self) -> int:
        """Bytes, all files together."""
        return sum(file.size for file in self.files)


class Made(Struct, frozen=True, array_like=True):
    """An output as a cache entry remembers it: enough to build keys and to check existence."""

    artifact: str
    content: str
    files: tuple[FileRef, ...] = ()
    """Files in the artifact store; empty when the bytes are in the manifest's row."""
    classes: tuple[str, ...] = ()


def made(manifest: Manifest) -> Made:
    stored = () if manifest.inline is not None else manifest.files
    return Made(manifest.id, manifest.content, stored, manifest.classes)


# ---- calls: the cache


class Metric(Struct, frozen=True, array_like=True):
    """A number that a call logged; `step` orders a series."""

    name: str
    value: float
    step: int | None
    at: int


class Logged(Struct, frozen=True):
    """What a call logged: it belongs to the call, and is replayed where the call is reused."""

    metrics: tuple[Metric, ...] = ()
    params: dict[str, Any] = {}
    artifacts: dict[str, Made] = {}


class Parts(Struct, frozen=True):
    """The parts of a key, kept to say later which of them changed."""

    code: str
    inputs: dict[str, str] = {}
    """Parameter to digest."""
    shown: dict[str, str] = {}
    """Parameter to a short text for people: a literal's repr, or "load.result"."""
    distributions: dict[str, str] = {}
    options: dict[str, str] = {}
    """Declared options that change results: version, also, environment, key."""


class CallRecord(Struct, frozen=True, kw_only=True):
    """A cache entry: a committed call. Only successes become one."""

    key: str
    seed: int = -1
    """The seed it drew from, or -1 when it was seen not to draw: then any seed reuses it."""
    run: str
    node: str
    index: str = ""
    parts: Parts
    outputs: dict[str, Made]
    logged: Logged = Logged()
    reads: tuple[str, ...] = ()
    """Files, variables and sockets used without the key knowing."""
    created: int
    seconds: float = 0.0
    python: str = ""


# ---- steps and runs


class ErrorRecord(Struct, frozen=True):
    """A user's exception: class, message, and the traceback without our own frames."""

    type: str
    message: str
    traceback: str = ""


class StepRecord(Struct, frozen=True, kw_only=True):
    """One step of a run, or one item of its map, as it stands."""

    run: str
    node: str
    """Full id: "fit", "sub/fit-2"."""
    index: str = ""
    """"" or the item's position in its map; nested maps join with ".": "3.0"."""
    ref: str = ""
    status: Status = "pending"
    key: str = ""
    reason: str = ""
    """Why it ran, or where it was reused from, in words."""
    source: str = ""
    """The run that made what was reused."""
    attempt: int = 0
    seed: int | None = None
    drew: bool = False
    total: int | None = None
    """Of a map: how many items."""
    queued: int = 0
    started: int = 0
    ended: int = 0
    cpu: float = 0.0
    """Seconds of processor time."""
    memory: int = 0
    """Peak bytes; exact where the step had its own process."""
    exact: bool = False
    executor: str = ""
    parts: Parts | None = None
    copies: dict[str, Made] = {}
    """Of files and folders that it was given, by parameter, as they were: those small enough to keep."""
    outputs: dict[str, Made] = {}
    logged: Logged = Logged()
    reads: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Warnings about this step: uncached and why, result not cached, continued from a checkpoint."""
    error: ErrorRecord | None = None

    @property
    def name(self) -> str:
        return f"{self.node}[{self.index}]" if self.index else self.node


class Owner(Struct, frozen=True):
    """A process that owns a run: enough to see, on the same host, whether it lives."""

    host: str
    boot: str
    namespace: str
    """Of pids, where the system has them."""
    pid: int
    born: str
    """Start time as the system tells it: a pid may be given again."""


class Counts(Struct, frozen=True):
    """Steps of a run by how they ended; each item of a map counts."""

    total: int = 0
    done: int = 0
    reused: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0


class Provenance(Struct, frozen=True, kw_only=True):
    """Who, when, where and with what; long texts are kept once, under their digest."""

    user: str = ""
    host: str = ""
    command: tuple[str, ...] = ()
    cwd: str = ""
    python: str = ""
    platform: str = ""
    packages: str = ""
    """Digest of the text "name==version" lines of what is installed."""
    commit: str = ""
    branch: str = ""
    dirty: bool = False
    diff: str = ""
    """Digest of the text of `git diff HEAD`, if dirty."""
    penstock: str = ""


class RunRecord(Struct, frozen=True, kw_only=True):
    """One run of a pipeline: an experiment."""

    id: str
    project: str
    pipeline: str
    ref: str = ""
    """"module:qualname" of the pipeline."""
    name: str = ""
    status: Status = "pending"
    created: int = 0
    started: int = 0
    ended: int = 0
    seed: int = 0
    parameters: dict[str, Any] = {}
    """As people read them: JSON values, or a repr."""
    tags: tuple[str, ...] = ()
    note: str = ""
    kept: bool = False
    stack: str = "local"
    options: dict[str, Any] = {}
    logical_date: str = ""
    parent: str = ""
    graph: str = ""
    """Digest of the text of the graph, as JSON."""
    result: str = ""
    """What the pipeline returns, as an input tree in JSON over this run's outputs."""
    counts: Counts = Counts()
    provenance: Provenance = Provenance()
    owner: Owner | None = None
    error: ErrorRecord | None = None
    durable: bool = False
