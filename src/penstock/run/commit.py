"""Commits: events gathered into few transactions, and the barrier that makes them durable."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Sequence

from msgspec.structs import replace

from penstock.core import interrupts
from penstock.core.events import Barrier, Checkpointed, Event, RunEnded, StepChanged
from penstock.core.ports import ArtifactStore, Journal, Listener
from penstock.core.records import ErrorRecord, Manifest, Status, StepRecord, now
from penstock.errors import StoreError

INTERVAL = 5.0
"""Seconds between barriers of a long run."""
VOLUME = 1 << 30
"""Bytes put since the last barrier that bring the next one forward."""
BATCH = 256
"""Events after which a batch is written even if nothing asks for it."""


class Commits:
    """The write side of one run. Events are visible after `flush`, durable after a barrier."""

    def __init__(
        self,
        journal: Journal,
        store: ArtifactStore,
        run: str,
        token: str,
        listeners: Sequence[Listener],
    ) -> None:
        self.journal, self.store, self.run, self.token = journal, store, run, token
        self.listeners = listeners
        self.events: list[Event] = []
        self.open: dict[tuple[str, str], StepRecord] = {}
        """Steps that are recorded as running."""
        self.files: list[str] = []
        self.artifacts: list[str] = []
        self.volume = 0
        self.last = time.monotonic()
        self.written = False
        """Whether a transaction is not yet known to be on the disk."""
        self.syncing: _Syncing | None = None

    def add(self, event: Event) -> None:
        """Part of the next transaction."""
        self.events.append(event)
        self._note(event)
        if len(self.events) >= BATCH:
            self.flush()

    def tell(self, event: Event) -> None:
        """Only shown."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception as error:
                # What only looks on must not end a run.
                warnings.warn(f"a listener failed: {error!r}", RuntimeWarning, stacklevel=2)

    def flush(self, *, durable: bool = False) -> None:
        """Write what was added, in one transaction, then tell the listeners."""
        if not self.events and not durable:
            return
        events, self.events = self.events, []
        try:
            self.journal.append(self.token, events, durable=durable)
        except (KeyboardInterrupt, StoreError):
            # Nothing of it was written: what has happened is still to be said, if only at the end.
            self.events[:0] = events
            raise
        self.written = not durable
        for event in events:
            self.tell(event)

    def claim(self, key: str, seed: int | None, running: StepChanged) -> str:
        """What was added, then the claim of a call and its beginning, in one transaction.

        The run that has the claim now; "" if a result came to be known meanwhile.
        """
        before, self.events = self.events, []
        try:
            holder = self.journal.claim(self.token, key, seed=seed, before=before, then=(running,))
        except (KeyboardInterrupt, StoreError):
            self.events[:0] = before
            raise
        self.written = True
        for event in before:
            self.tell(event)
        if holder == self.run:
            self._note(running)
            self.tell(running)
        return holder

    def breathe(self) -> None:
        """Called between steps: begins a barrier when one is due, and finishes one that has synced."""
        if self.syncing is not None and not self.syncing.is_alive():
            done, self.syncing = self.syncing, None
            done.check()
            self.events.append(Barrier(self.run, tuple(done.artifacts)))
            self.flush(durable=True)
        due = self.volume >= VOLUME or time.monotonic() - self.last >= INTERVAL
        if not due or self.syncing is not None:
            return
        if self.files:
            # Rows first: a barrier speaks of rows that are there.
            self.flush()
            self.syncing = _Syncing(self.store, self.files, self.artifacts)
            self.files, self.artifacts, self.volume = [], [], 0
            self.last = time.monotonic()
            self.syncing.start()
        elif self.written:
            # Small values lie in the rows: there is nothing to wait for but these.
            self.events.append(Barrier(self.run, ()))
            self.flush(durable=True)
            self.last = time.monotonic()

    def end(self, status: Status, error: ErrorRecord | None) -> None:
        """The last barrier, then the run's end, durable with all before it.

        Who is impatient gets the end alone: nothing is said to be safe that may not be.
        """
        self._let_go(error)
        self.flush()
        ended = RunEnded(self.run, status, now(), error)
        if interrupts.hurried():
            self._end(ended)
            return
        heeded = interrupts.heed()
        if self.syncing is not None:
            self.syncing.join()
            self.syncing.check()
        self.store.sync(self.files)
        interrupts.hold(heeded)
        self._end(Barrier(self.run), ended)

    def give_up(self, error: ErrorRecord) -> None:
        """The run's end where a store refused: nothing is said to be safe that may not be."""
        self._let_go(error)
        self._end(RunEnded(self.run, "failed", now(), error))

    def _let_go(self, error: ErrorRecord | None) -> None:
        """A step that was in hand when the run broke off has ended with it."""
        why = error.message if error is not None else "the run was interrupted"
        for step in tuple(self.open.values()):
            self.add(StepChanged(replace(step, status="cancelled", ended=now(), reason=why)))

    def _end(self, *last: Event) -> None:
        self.events += last
        try:
            self.flush(durable=True)
        except (KeyboardInterrupt, StoreError):
            # It has not ended in this way.
            self.events = [event for event in self.events if event not in last]
            raise

    def _note(self, event: Event) -> None:
        match event:
            case StepChanged(step=step, manifests=manifests):
                place = step.node, step.index
                if step.status == "running":
                    self.open[place] = step
                else:
                    self.open.pop(place, None)
                for manifest in manifests:
                    self._put(manifest)
            case Checkpointed(manifest=manifest, items=items):
                for made in (*items, manifest):
                    self._put(made)

    def _put(self, manifest: Manifest) -> None:
        self.artifacts.append(manifest.id)
        if manifest.inline is None:
            self.files.extend(file.digest for file in manifest.files)
            self.volume += manifest.size


class _Syncing(threading.Thread):
    """Waits for the disk beside the user's code; its error is raised where it is checked."""

    def __init__(self, store: ArtifactStore, files: list[str], artifacts: list[str]) -> None:
        super().__init__(name="penstock-sync", daemon=True)
        self.store, self.files, self.artifacts = store, files, artifacts
        # An error until it is known that there was none.
        self.error: StoreError | None = StoreError("the artifact store was not synced")

    def run(self) -> None:
        try:
            self.store.sync(self.files)
        except StoreError as error:
            self.error = error
        else:
            self.error = None

    def check(self) -> None:
        if self.error is not None:
            raise self.error
