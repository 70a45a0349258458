"""Events: what the engine says happened. The metadata store is the first listener."""

from __future__ import annotations

from msgspec import Struct

from penstock.core.records import CallRecord, ErrorRecord, Manifest, RunRecord, Status, StepRecord


class RunStarted(Struct, frozen=True, tag="run-started"):
    run: RunRecord


class StepChanged(Struct, frozen=True, tag="step"):
    """A step as it stands now, with what is committed together with it."""

    step: StepRecord
    call: CallRecord | None = None
    """The new cache entry, if the step's success becomes one."""
    manifests: tuple[Manifest, ...] = ()
    """Artifacts that this step made, to be recorded (also those of a run that is not cached)."""
    members: dict[str, tuple[str, ...]] = {}
    """Of each collection among the manifests: the artifacts that it lists, kept as long as it is."""


class StepsPlanned(Struct, frozen=True, tag="planned"):
    """A map was expanded, or the graph was read: so many more steps are known."""

    node: str
    total: int
    nodes: tuple[str, ...] = ()
    """Of the graph: the ids of its steps, so that a store may make ready for them at once."""


class Progress(Struct, frozen=True, tag="progress"):
    """How far a running step says it is. Shown, not kept."""

    node: str
    index: str
    done: float
    total: float | None
    message: str = ""


class Checkpointed(Struct, frozen=True, tag="checkpoint"):
    """A running call left a checkpoint, kept under its key until the call succeeds."""

    run: str
    key: str
    manifest: Manifest
    items: tuple[Manifest, ...] = ()
    """What it lists, when it is a collection."""


class Note(Struct, frozen=True, tag="note"):
    """Something that people should know now: a warning, a healed artifact. Shown, not kept."""

    message: str
    node: str = ""
    """A step, or one call of it: "fit", "fit[3]"."""
    wait: float | None = None
    """Seconds after which this call, which has failed, is made again."""


class TextsFound(Struct, frozen=True, tag="texts"):
    """Long texts by digest, each kept once: sources, closures, graphs, package lists, diffs."""

    texts: dict[str, str]


class Barrier(Struct, frozen=True, tag="barrier"):
    """Bytes that this run has put are on disk: their rows become durable in this transaction."""

    run: str
    artifacts: tuple[str, ...] | None = None
    """Which artifacts; None: all that this run has recorded so far."""


class RunEnded(Struct, frozen=True, tag="run-ended"):
    run: str
    status: Status
    at: int
    error: ErrorRecord | None = None


Event = (
    RunStarted
    | StepChanged
    | StepsPlanned
    | Progress
    | Checkpointed
    | Note
    | TextsFound
    | Barrier
    | RunEnded
)
