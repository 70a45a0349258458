"""Events put into memory: what the owner of a run says."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from penstock.core import events as said
from penstock.core import liveness
from penstock.core.events import StepChanged
from penstock.core.records import (
    FINAL,
    CallRecord,
    Counts,
    Manifest,
    RunRecord,
    StepRecord,
    now,
)
from penstock.errors import StoreError
from penstock.metadata_stores import rules
from penstock.metadata_stores.memory.state import Artifact, Entry, Run, State, Step

# fmt: off
DECIDED = (
    "id", "project", "pipeline", "parent", "name", "tags", "note", "kept", "owner",
    "status", "created", "ended", "counts", "error", "durable",
)
# fmt: on
"""What the beginning of a run, its course and people decide; a RunStarted later only describes."""


class MemoryJournal:
    def __init__(self, state: State) -> None:
        self._state = state

    def begin(self, run: RunRecord) -> str:
        state = self._state
        with state.lock:
            if run.id in state.runs:
                raise StoreError(f"there is a run '{run.id}' already")
            record = replace(
                run,
                status="running",
                created=run.created or now(),
                ended=0,
                counts=Counts(),
                owner=run.owner or liveness.me(),
                error=None,
                durable=False,
            )
            kept = Run(state.number(), record, rules.new_token(), "", 0, 0)
            state.renewed(kept)
            state.runs[run.id] = kept
            return kept.token

    def append(self, token: str, events: Sequence[said.Event], *, durable: bool = False) -> None:
        with self._state.lock:
            run = self._state.owned(token)
            self._state.renewed(run)
            for event in events:
                self._one(run, event)

    def _one(self, run: Run, event: said.Event) -> None:
        state = self._state
        match event:
            case StepChanged():
                self._step(run, event)
            case said.StepsPlanned(total=total):
                counts = run.record.counts
                run.record = replace(run.record, counts=replace(counts, total=counts.total + total))
            case said.TextsFound(texts=texts):
                state.texts = texts | state.texts
            case said.Checkpointed(key=key, manifest=manifest, items=items):
                for made in (*items, manifest):
                    self._artifact(run, made)
                if items:
                    state.members.setdefault(manifest.id, set()).update(m.id for m in items)
                state.checkpoints[key] = (run.number, manifest.id)
            case said.Barrier(artifacts=artifacts):
                for id, artifact in state.artifacts.items():
                    if (artifact.run == run.number) if artifacts is None else (id in artifacts):
                        artifact.durable = True
                if artifacts is None:
                    run.record = replace(run.record, durable=True)
            case said.RunStarted(run=new):
                old = run.record
                run.record = replace(new, **{name: getattr(old, name) for name in DECIDED})
            case said.RunEnded(status=status, at=at, error=error):
                run.record = replace(run.record, status=status, ended=at, error=error)
                self._release(run)
            case said.Progress() | said.Note():
                pass

    def _release(self, run: Run) -> None:
        self._state.claims = {k: n for k, n in self._state.claims.items() if n != run.number}

    def _artifact(self, run: Run, manifest: Manifest) -> None:
        known = self._state.artifacts.get(manifest.id)
        if known is not None:
            known.created = now()
            known.manifest = replace(manifest, inline=known.manifest.inline)
            return
        whole = manifest.inline is not None or not manifest.files
        self._state.artifacts[manifest.id] = Artifact(
            manifest, run.number, liveness.boot(), whole, now()
        )

    def _step(self, run: Run, change: StepChanged) -> None:
        state, step = self._state, change.step
        for manifest in change.manifests:
            self._artifact(run, manifest)
        for collection, items in change.members.items():
            known = {item for item in items if item in state.artifacts}
            if collection in state.artifacts and known:
                state.members.setdefault(collection, set()).update(known)
        entry = self._entry(run, change)
        if step.status in FINAL and step.key:
            if state.claims.get(step.key) == run.number:
                del state.claims[step.key]
            if step.status in ("done", "reused"):
                state.checkpoints.pop(step.key, None)
        place = (step.node, step.index)
        before = run.steps.get(place)
        if before is not None and before.record.status in FINAL:
            return  # a terminal state never changes
        position = before.position if before else state.number()
        run.steps[place] = Step(position, _kept(run, step, entry), entry)
        if field := rules.counts_towards(step):
            counts = run.record.counts
            counts = replace(counts, **{field: getattr(counts, field) + 1})
            run.record = replace(run.record, counts=counts)

    def _entry(self, run: Run, change: StepChanged) -> Entry | None:
        step, call = change.step, change.call
        if step.drew and step.key and step.status in FINAL:
            self._withdraw(step.key, -1)
        if call is not None:
            self._withdraw(call.key, call.seed)
            entry = self._add(run, change, call)
            if rules.is_of(step, call):
                return entry
        elif step.status == "reused" and step.key:
            seed = -1 if step.seed is None else step.seed
            found = self._state.find(step.key, seed)
            if found is not None:
                if rules.takes_over(step, found.record):
                    return found
                step = rules.with_parts(step, found.record)
        if not rules.performed(step):
            return None
        own = rules.own_call(step, run.record.id, now())
        entry = self._add(run, change, own)
        entry.withdrawn = now()
        return entry

    def _add(self, run: Run, change: StepChanged, call: CallRecord) -> Entry:
        extras = tuple(rules.extras(call, change))
        entry = Entry(self._state.number(), call, change.step.ref, run.number, extras)
        self._state.entries.append(entry)
        return entry

    def _withdraw(self, key: str, seed: int) -> None:
        for entry in self._state.entries:
            if entry.record.key == key and entry.record.seed == seed and not entry.withdrawn:
                entry.withdrawn = now()

    def renew(self, token: str) -> bool:
        with self._state.lock:
            for run in self._state.runs.values():
                if run.token == token and run.record.status == "running":
                    self._state.renewed(run)
                    return True
            return False

    def claim(
        self,
        token: str,
        key: str,
        *,
        seed: int | None = None,
        before: Sequence[said.Event] = (),
        then: Sequence[said.Event] = (),
    ) -> str:
        state = self._state
        with state.lock:
            us = state.owned(token)
            if before:
                self.append(token, before)
            if seed is not None and state.find(key, seed) is not None:
                return ""
            holder = state.claims.get(key)
            for run in state.runs.values():
                alive = run.record.status == "running" and not state.dead(run)
                if run.number == holder and run is not us and alive:
                    return run.record.id
            state.claims[key] = us.number
            if then:
                self.append(token, then)
            return us.record.id

    def settle(self) -> int:
        state = self._state
        with state.lock:
            gone = [run for run in state.runs.values() if state.dead(run)]
            for run in gone:
                run.record = rules.crashed(run.record, run.seen)
                for step in run.steps.values():
                    step.record = rules.crashed_step(step.record, run.seen)
                self._release(run)
            return len(gone)


def _kept(run: Run, step: StepRecord, entry: Entry | None) -> StepRecord:
    step = replace(step, run=run.record.id)
    if entry is None:
        return replace(step, logged=replace(step.logged, metrics=()))
    if step.status == "reused":
        call = entry.record
        parts = call.parts if entry.parts else None
        return replace(step, parts=parts, reads=call.reads)
    return step
