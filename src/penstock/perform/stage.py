"""The stage: what surrounds a step while it runs, put up before and taken down after, in order."""

from __future__ import annotations

import resource
from types import TracebackType

from msgspec import Struct

from penstock.perform import audit, context, loglines, pulse, seeds
from penstock.perform.audit import Watch
from penstock.perform.capture import Capture
from penstock.perform.context import Scene
from penstock.perform.usage import Meter


class Stage(Struct):
    """One call's surroundings: context, seeds, log, audit. Calls may nest; one runs at a time."""

    scene: Scene
    watch: Watch
    meter: Meter
    capture: Capture | None
    memory: int | None = None
    _outer: Watch | None = None
    _limits: tuple[int, int] | None = None

    def __enter__(self) -> Stage:
        context.enter(self.scene)
        seeds.begin(self.scene.seed)
        if self.capture is not None:
            self.capture.begin()
            loglines.begin(self.capture.line)
        pulse.begin(self._beat)
        if self.memory is not None:
            self._limits = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (self.memory, self._limits[1]))
        self._outer = audit.watch(self.watch)
        return self

    def leave_function(self) -> bool:
        """The user's code has returned; whether it drew."""
        audit.watch(None)
        self._lift()
        return self.scene.drew or self.watch.started or seeds.drew()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        audit.watch(self._outer)
        self._lift()
        pulse.end()
        if self.capture is not None:
            loglines.end()
            self.capture.end()
        seeds.end()
        context.leave()

    def _beat(self) -> None:
        self.meter.sample()
        if self.capture is not None:
            self.capture.flush()

    def _lift(self) -> None:
        if self._limits is not None:
            resource.setrlimit(resource.RLIMIT_DATA, self._limits)
            self._limits = None
