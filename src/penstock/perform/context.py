"""What a step may know and say of itself while it runs: `penstock.context()`."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar, overload

from msgspec import Struct, field

from penstock.core.calls import Advanced, Saved
from penstock.core.records import Logged, Made, Manifest, Metric, made, now
from penstock.errors import UsageError

T = TypeVar("T")
Notify = Callable[[Advanced | Saved], None]

PROGRESS_EVERY = 0.1
"""Seconds: what a step reports more often than people can read is not sent."""
PLAIN = (str, int, float, bool, type(None))


class Scene(Struct):
    """Everything around one call that its context needs; made by `perform`, or by the stand-in."""

    run: str = ""
    step: str = ""
    index: str = ""
    attempt: int = 1
    seed: int = 0
    key: str = ""
    logical_date: str = ""
    make_scratch: Callable[[], Path] | None = None
    encode: Callable[[Any], tuple[Manifest, tuple[Manifest, ...]]] | None = None
    decode: Callable[[Manifest], Any] | None = None
    notify: Notify | None = None
    resume: Manifest | None = None
    drew: bool = False
    dated: bool = False
    continued: bool = False
    scratch: Path | None = None
    thread: int = field(default_factory=threading.get_ident)
    metrics: list[Metric] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    artifacts: dict[str, Made] = field(default_factory=dict)
    extra: list[Manifest] = field(default_factory=list)

    def logged(self) -> Logged:
        return Logged(tuple(self.metrics), dict(self.params), dict(self.artifacts))


class Context:
    """The running step, as it sees itself. Outside a run its methods work and keep things in memory.

    `checkpoint.save(value)` keeps work in progress, on the disk when it returns, and
    `checkpoint.load(default)` gives what the last attempt at this very call has saved.
    """

    __slots__ = ("_reported", "_scene", "checkpoint")

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._reported = 0.0
        self.checkpoint = Checkpoint(scene)

    @property
    def run_id(self) -> str:
        """The run's id; "" outside a run."""
        return self._scene.run

    @property
    def step(self) -> str:
        """The step's name in its pipeline; "" outside a run."""
        return self._scene.step

    @property
    def index(self) -> str:
        """Which item of a map this is: "3", or "3.0" where maps nest; else ""."""
        return self._scene.index

    @property
    def attempt(self) -> int:
        """1, and one more after each retry."""
        return self._scene.attempt

    @property
    def seed(self) -> int:
        """The seed that `random`, NumPy and torch were given. Reading it makes the result depend on it."""
        self._scene.drew = True
        return self._scene.seed if self._scene.run or not _rehearsed else _rehearsed[-1]

    @property
    def idempotency_key(self) -> str:
        """Names this call, the same in each attempt: what an outside system needs to do a thing once."""
        return self._scene.key

    @property
    def logical_date(self) -> date:
        """The day that the run is for. A parameter `day: date = logical_date()` lets the cache know it."""
        self._scene.dated = True
        text = self._scene.logical_date
        return date.fromisoformat(text[:10]) if text else datetime.now(UTC).date()

    @property
    def scratch(self) -> Path:
        """A fresh folder of this attempt's own, removed when it has ended and its outputs are stored."""
        scene = self._scene
        if scene.scratch is None:
            scene.scratch = scene.make_scratch() if scene.make_scratch else _temporary()
        return scene.scratch

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        """Log a number; with `step`, a point of a series."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise UsageError(
                f"the metric '{name}' is no number: {value!r}",
                hint="Log other values with context().log_param(name, value).",
            ) from None
        at = None if step is None else int(step)
        self._scene.metrics.append(Metric(_named(name, "metric"), number, at, now()))

    def log_param(self, name: str, value: object) -> None:
        """Log a setting that the step chose itself; what JSON cannot say is kept as its repr."""
        self._scene.params[_named(name, "parameter")] = _plain(value)

    def log_artifact(self, name: str, value: object) -> None:
        """Store a value beside the step's outputs: a plot, a table, a file."""
        scene, name = self._scene, _named(name, "artifact")
        if scene.encode is None:
            return
        manifest, items = scene.encode(value)
        scene.artifacts[name] = made(manifest)
        scene.extra += (manifest, *items)

    @overload
    def progress(self, done: float, total: float | None = None, message: str = "") -> None: ...

    @overload
    def progress(
        self, done: Iterable[T], total: float | None = None, message: str = ""
    ) -> Iterator[T]: ...

    def progress(
        self, done: float | Iterable[T], total: float | None = None, message: str = ""
    ) -> Iterator[T] | None:
        """Say how far the step is; or put it around what you loop over, and it counts for you."""
        if isinstance(done, Iterable):
            return self._counted(done, total, message)
        ended = total is not None and done >= total
        self._report(float(done), total, message, at_once=ended)
        return None

    def _counted(self, values: Iterable[T], total: float | None, message: str) -> Iterator[T]:
        if total is None and isinstance(values, Sized):
            total = len(values)
        for count, value in enumerate(values, 1):
            yield value
            self._report(count, total, message, at_once=count == total)

    def _report(self, done: float, total: float | None, message: str, *, at_once: bool) -> None:
        scene = self._scene
        # The engine listens on the step's own thread only.
        if scene.notify is None or threading.get_ident() != scene.thread:
            return
        moment = time.monotonic()
        if at_once or moment - self._reported >= PROGRESS_EVERY:
            self._reported = moment
            scene.notify(Advanced(0, done, None if total is None else float(total), message))


class Checkpoint:
    """Work in progress, kept so that another attempt at the same call goes on from it."""

    __slots__ = ("_kept", "_scene")

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._kept: Any = None

    def save(self, value: object) -> None:
        """Replace the checkpoint. When this returns, the value outlives this process."""
        scene = self._scene
        if scene.encode is None or scene.notify is None:
            self._kept = value
            return
        if threading.get_ident() != scene.thread:
            raise UsageError(
                f"'{scene.step}' saves a checkpoint from a thread of its own",
                hint="Save it from the function's own thread.",
            )
        manifest, items = scene.encode(value)
        scene.notify(Saved(0, manifest, items))
        scene.resume = manifest

    def load(self, default: Any = None) -> Any:
        """What was saved last by an attempt at this very call, else `default`."""
        scene = self._scene
        if scene.decode is None:
            return default if self._kept is None else self._kept
        if scene.resume is None:
            return default
        value = scene.decode(scene.resume)
        scene.continued = True
        return value


_running: list[Context] = []
"""The innermost call is last: a step may run a pipeline, whose steps run inside of it."""
_stand_in: list[Context] = []
_rehearsed: list[int] = []
"""Seeds of plain calls, while they are made to draw as in a run."""


def context() -> Context:
    """The context of the step that runs; outside a run a stand-in, so that plain calls work."""
    if _running:
        return _running[-1]
    if not _stand_in:
        _stand_in.append(Context(Scene()))
    return _stand_in[0]


def current() -> Context | None:
    """The context of the step that runs, if one does."""
    return _running[-1] if _running else None


def enter(scene: Scene) -> None:
    _running.append(Context(scene))


def leave() -> None:
    _running.pop()


def rehearse(seed: int) -> None:
    """Until `rehearsed`, the stand-in has this seed."""
    _rehearsed.append(seed)


def rehearsed() -> None:
    _rehearsed.pop()


# ---- plain values


def _named(name: str, what: str) -> str:
    if not str(name).strip():
        raise UsageError(f"a logged {what} has no name", hint='Give it one: "auc", "loss", …')
    return str(name)


def _plain(value: object) -> Any:
    """A value as JSON has it, a NumPy scalar as its number; else its repr."""
    if type(value) is float and not math.isfinite(value):
        return str(value)
    if isinstance(value, bool) or type(value) in PLAIN:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    scalar = getattr(value, "item", None)
    if callable(scalar) and getattr(value, "shape", None) == ():
        return _plain(scalar())
    return repr(value)[:2000]


def _temporary() -> Path:
    # Outside a run: one folder of this process, gone when it ends.
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="penstock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
