"""A call: a step with all its inputs known, and what comes of performing it."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any
from typing import Literal as OneOf

from msgspec import Struct

from penstock.core.graph import Access, Output, Retry, Target
from penstock.core.records import ErrorRecord, Logged, Manifest
from penstock.errors import RunError

DATED = "context().logical_date"
"""What stands among the reads of a call that asked for the run's date."""

# ---- arguments, ready to be loaded where the call runs


class Given(Struct, frozen=True, tag="given"):
    """A small plain value (JSON atoms and containers of them, Path, date …)."""

    value: Any


class Load(Struct, frozen=True, tag="load"):
    """A stored artifact, then one step into it."""

    manifest: Manifest
    path: tuple[Access, ...] = ()


class Assemble(Struct, frozen=True, tag="assemble"):
    """A container of arguments; a "namedtuple" is built of `cls`, by its fields `keys`."""

    kind: OneOf["list", "tuple", "dict", "namedtuple"]
    items: tuple[Argument, ...]
    keys: tuple[Any, ...] = ()
    cls: Any = None


class Reveal(Struct, frozen=True, tag="reveal"):
    """A secret, read from its source where the step runs."""

    source: str
    name: str


Argument = Given | Load | Assemble | Reveal

# ---- the call


class Call(Struct, frozen=True, kw_only=True):
    """What `perform` needs to know, wherever it runs."""

    run: str
    node: str
    index: str = ""
    ref: str
    code: str
    """The code digest that was planned; another one is refused."""
    classes: dict[str, str] = {}
    """By name the code digests of the classes and functions that the inputs hold, or that the step's
    policy names; others are refused."""
    key: str
    arguments: dict[str, Argument]
    outputs: tuple[Output, ...]
    several: bool = False
    seed: int = 0
    attempt: int = 1
    retry: Retry = Retry()
    logical_date: str = ""
    timeout: float | None = None
    memory: int | None = None
    """Bytes that the step may take; kept where it has its own process."""
    strict: bool = False
    capture: bool = True
    """Stdout, stderr and `logging` go to the step's log."""
    resume: Manifest | None = None
    """The checkpoint that an earlier attempt of this same call left, if any."""


class Usage(Struct, frozen=True):
    """What a call took."""

    started: int = 0
    ended: int = 0
    cpu: float = 0.0
    memory: int = 0
    exact: bool = False
    pid: int = 0


class Succeeded(Struct, frozen=True, kw_only=True, tag="succeeded"):
    outputs: dict[str, Manifest]
    extra: tuple[Manifest, ...] = ()
    """Artifacts besides the outputs: a collection's items, logged ones."""
    logged: Logged = Logged()
    drew: bool = False
    """It read its seed, changed a seeded generator, or started a process."""
    reads: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """Input files that changed while the step ran: its result is not cached."""
    notes: tuple[str, ...] = ()
    usage: Usage = Usage()


class Broke(Struct, frozen=True, kw_only=True, tag="broke"):
    """The call failed; `kind` "error" is the user's exception, the others are ours."""

    kind: OneOf["error", "timeout", "died", "refused", "cancelled"]
    error: ErrorRecord
    exception: BaseException | None = None
    """The exception itself, where it could be brought here."""
    retryable: bool = True
    lost: tuple[str, ...] = ()
    """Artifacts that could not be loaded, missing or damaged: making them again may heal the call."""
    logged: Logged = Logged()
    reads: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    usage: Usage = Usage()


Outcome = Succeeded | Broke


class Work(Struct, frozen=True):
    """A call handed to an executor, with the function for those that stay in this process."""

    id: int
    call: Call
    function: Callable[..., Any]
    target: Callable[[], Target]
    """Asked only by executors that need another process to find the function."""


# ---- what executors answer


class Began(Struct, frozen=True):
    """The work left the queue and runs (a process may first have had to start)."""

    id: int


class Advanced(Struct, frozen=True):
    """A running call reports progress."""

    id: int
    done: float
    total: float | None
    message: str


class Saved(Struct, frozen=True):
    """A running call saved a checkpoint; it goes on when the engine has recorded it."""

    id: int
    manifest: Manifest
    items: tuple[Manifest, ...] = ()
    """What it lists, when it is a collection."""


class Finished(Struct, frozen=True):
    id: int
    outcome: Outcome


Signal = Began | Advanced | Saved | Finished


# ---- arguments, put together


def follow(value: Any, path: tuple[Access, ...]) -> Any:
    """Some steps into a value."""
    for step in path:
        try:
            value = getattr(value, str(step.name)) if step.kind == "attribute" else value[step.name]
        except (AttributeError, LookupError, TypeError) as error:
            way = f".{step.name}" if step.kind == "attribute" else f"[{step.name!r}]"
            raise RunError(
                f"a '{type(value).__name__}' that an earlier step returned has no '{way}'",
                hint="The pipeline asks for it where it passes this output on.",
            ) from error
    return value


def assemble(kind: str, items: list[Any], keys: tuple[Any, ...], cls: Any) -> Any:
    """A container of loaded arguments."""
    match kind:
        case "list":
            return items
        case "tuple":
            return tuple(items)
        case "dict":
            return dict(zip(keys, items, strict=True))
        case _:
            # A spec may give fields without saying whose they are.
            make = cls or namedtuple("Result", keys)
            return make(**dict(zip(keys, items, strict=True)))
