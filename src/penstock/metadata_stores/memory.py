"""Records in this process's memory: for tests, and the reference of what a store does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from penstock.core import events as said
from penstock.core import liveness
from penstock.core.events import StepChanged
from penstock.core.ports import Liveness, MetadataStore, RunFilter
from penstock.core.records import (
    FINAL,
    CallRecord,
    Counts,
    Made,
    Manifest,
    Metric,
    RunRecord,
    StepRecord,
    now,
)
from penstock.errors import StoreError
from penstock.metadata_stores import rules

# fmt: off
DECIDED = (
    "id", "project", "pipeline", "parent", "name", "tags", "note", "kept", "owner",
    "status", "created", "ended", "counts", "error", "durable",
)
# fmt: on
"""What the beginning of a run, its course and people decide; a RunStarted later only describes."""

# ---- what is held


@dataclass(eq=False)
class _Entry:
    """A performed call; a cache entry as long as `withdrawn` is 0."""

    number: int
    record: CallRecord
    ref: str
    run: int
    extras: tuple[str, ...]
    withdrawn: int = 0

    @property
    def parts(self) -> bool:
        return self.record.parts != rules.NO_PARTS

    def made(self) -> Iterator[tuple[str, Made]]:
        yield from self.record.outputs.items()
        yield from self.record.logged.artifacts.items()


@dataclass(eq=False)
class _Step:
    position: int
    record: StepRecord
    entry: _Entry | None


@dataclass(eq=False)
class _Run:
    number: int
    record: RunRecord
    token: str
    boot: str
    expires: int
    seen: int
    steps: dict[tuple[str, str], _Step] = field(default_factory=dict)


@dataclass(eq=False)
class _Artifact:
    manifest: Manifest
    run: int
    boot: str
    durable: bool
    created: int


@dataclass(eq=False)
class _State:
    alive: Liveness
    clock: Callable[[], int]
    lock: threading.RLock = field(default_factory=threading.RLock)
    runs: dict[str, _Run] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)
    artifacts: dict[str, _Artifact] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    checkpoints: dict[str, tuple[int, str]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    memos: dict[str, str] = field(default_factory=dict)
    numbers: int = 0

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def dead(self, run: _Run) -> bool:
        if run.record.status != "running" or run.record.owner is None:
            return False
        return rules.dead(run.record.owner, run.boot, run.expires, self.clock(), self.alive)

    def owned(self, token: str) -> _Run:
        for run in self.runs.values():
            if run.token == token and run.record.status == "running":
                return run
        raise rules.lost(token)

    def renewed(self, run: _Run) -> None:
        run.seen, run.boot = now(), liveness.boot()
        run.expires = self.clock() + rules.LEASE

    def ordered(self) -> list[_Run]:
        """Newest first."""
        return sorted(self.runs.values(), key=lambda r: (-r.record.created, -r.number))

    def run(self, wanted: str, project: str | None = None) -> _Run:
        if wanted in self.runs:
            return self.runs[wanted]
        known = [
            (run.record.id, run.record.name)
            for run in self.ordered()
            if project in (None, run.record.project)
        ]
        return self.runs[rules.pick(wanted, known)]

    def shown(self, run: _Run) -> RunRecord:
        return rules.crashed(run.record, run.seen) if self.dead(run) else run.record

    def find(self, key: str, seed: int) -> _Entry | None:
        for entry in reversed(self.entries):
            if entry.record.key == key and not entry.withdrawn and entry.record.seed in (-1, seed):
                return entry
        return None

    def referring(self, entry: _Entry) -> Iterator[tuple[_Run, _Step]]:
        for run in self.runs.values():
            for step in run.steps.values():
                if step.entry is entry:
                    yield run, step


# ---- the write side


class _Journal:
    def __init__(self, state: _State) -> None:
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
            kept = _Run(state.number(), record, rules.new_token(), "", 0, 0)
            state.renewed(kept)
            state.runs[run.id] = kept
            return kept.token

    def append(self, token: str, events: Sequence[said.Event], *, durable: bool = False) -> None:
        with self._state.lock:
            run = self._state.owned(token)
            self._state.renewed(run)
            for event in events:
                self._one(run, event)

    def _one(self, run: _Run, event: said.Event) -> None:
        state = self._state
        match event:
            case StepChanged():
                self._step(run, event)
            case said.StepsPlanned(total=total):
                counts = run.record.counts
                run.record = replace(run.record, counts=replace(counts, total=counts.total + total))
            case said.TextsFound(texts=texts):
                state.texts = texts | state.texts
            case said.Checkpointed(key=key, manifest=manifest):
                self._artifact(run, manifest)
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

    def _release(self, run: _Run) -> None:
        self._state.claims = {k: n for k, n in self._state.claims.items() if n != run.number}

    def _artifact(self, run: _Run, manifest: Manifest) -> None:
        known = self._state.artifacts.get(manifest.id)
        if known is not None:
            known.created = now()
            known.manifest = replace(manifest, inline=known.manifest.inline)
            return
        whole = manifest.inline is not None or not manifest.files
        self._state.artifacts[manifest.id] = _Artifact(
            manifest, run.number, liveness.boot(), whole, now()
        )

    def _step(self, run: _Run, change: StepChanged) -> None:
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
        run.steps[place] = _Step(position, _kept(run, step, entry), entry)
        if field := rules.counts_towards(step):
            counts = run.record.counts
            counts = replace(counts, **{field: getattr(counts, field) + 1})
            run.record = replace(run.record, counts=counts)

    def _entry(self, run: _Run, change: StepChanged) -> _Entry | None:
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

    def _add(self, run: _Run, change: StepChanged, call: CallRecord) -> _Entry:
        extras = tuple(rules.extras(call, change))
        entry = _Entry(self._state.number(), call, change.step.ref, run.number, extras)
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


def _kept(run: _Run, step: StepRecord, entry: _Entry | None) -> StepRecord:
    step = replace(step, run=run.record.id)
    if entry is None:
        return replace(step, logged=replace(step.logged, metrics=()))
    if step.status == "reused":
        call = entry.record
        parts = call.parts if entry.parts else None
        return replace(step, parts=parts, reads=call.reads)
    return step


# ---- the cache


class _Calls:
    def __init__(self, state: _State) -> None:
        self._state = state

    def find(self, key: str, seed: int) -> CallRecord | None:
        with self._state.lock:
            entry = self._state.find(key, seed)
            return entry.record if entry else None

    def previous(self, run: RunRecord, node: str, index: str, ref: str) -> StepRecord | None:
        with self._state.lock:
            known = self._state.runs.get(run.id)
            limit = known.number if known else self._state.number()
            runs = [other for other in self._state.runs.values() if other.number < limit]
            for other in sorted(runs, key=lambda r: -r.number):
                step = other.steps.get((node, index))
                same = (other.record.project, other.record.pipeline) == (run.project, run.pipeline)
                if same and step and step.entry and step.entry.parts:
                    return step.record
            return self._elsewhere(ref, limit) if ref else None

    def _elsewhere(self, ref: str, limit: int) -> StepRecord | None:
        made = (e for e in self._state.entries if e.ref == ref and e.parts and e.run < limit)
        for entry in sorted(made, key=lambda e: (-e.run, -e.number)):
            uses = [(r.number, s) for r, s in self._state.referring(entry) if r.number < limit]
            if uses:
                return max(uses, key=lambda use: use[0])[1].record
        return None

    def checkpoint(self, key: str) -> Manifest | None:
        with self._state.lock:
            _, id = self._state.checkpoints.get(key, (0, ""))
            return self._state.artifacts[id].manifest if id in self._state.artifacts else None

    def forget(self, keys: Sequence[str]) -> None:
        with self._state.lock:
            for entry in self._state.entries:
                if entry.record.key in keys and not entry.withdrawn:
                    entry.withdrawn = now()


# ---- the read side


class _Runs:
    def __init__(self, state: _State) -> None:
        self._state = state

    def get(self, prefix: str, project: str | None = None) -> RunRecord:
        with self._state.lock:
            return self._state.shown(self._state.run(prefix, project))

    def list(self, filter: RunFilter) -> Sequence[RunRecord]:
        with self._state.lock:
            shown = map(self._state.shown, self._state.ordered())
            return tuple(run for run in shown if _passes(run, filter))[: filter.limit]

    def steps(self, run: str, node: str | None = None) -> Sequence[StepRecord]:
        with self._state.lock:
            held = self._state.run(run)
            gone = self._state.dead(held)
            return tuple(
                rules.in_order(
                    (s.position, rules.crashed_step(s.record, held.seen) if gone else s.record)
                    for s in held.steps.values()
                    if node in (None, s.record.node)
                )
            )

    def metrics(self, run: str, *, last: bool = True) -> Sequence[tuple[str, Metric]]:
        return tuple(
            (step.name, step.logged.metrics[at])
            for step in self.steps(run)
            for at in (
                rules.last_of_each(step.logged.metrics) if last else range(len(step.logged.metrics))
            )
        )

    def edit(
        self,
        run: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        kept: bool | None = None,
    ) -> RunRecord:
        changes: dict[str, Any] = {"name": name, "note": note, "kept": kept}
        changes["tags"] = None if tags is None else tuple(dict.fromkeys(tags))
        with self._state.lock:
            held = self._state.run(run)
            given = {field: value for field, value in changes.items() if value is not None}
            held.record = replace(held.record, **given)
            return self._state.shown(held)

    def remove(self, run: str) -> None:
        state = self._state
        with state.lock:
            held = state.run(run)
            rules.check_removable(state.shown(held))
            for step in held.steps.values():
                entry = step.entry
                if entry and not entry.withdrawn:
                    others = (other for other, _ in state.referring(entry) if other is not held)
                    if next(others, None) is None:
                        entry.withdrawn = now()
            del state.runs[held.record.id]
            state.checkpoints = {
                key: saved for key, saved in state.checkpoints.items() if saved[0] != held.number
            }
            state.claims = {k: n for k, n in state.claims.items() if n != held.number}


def _passes(run: RunRecord, filter: RunFilter) -> bool:
    return (
        filter.project in (None, run.project)
        and filter.pipeline in (None, run.pipeline)
        and (not filter.statuses or run.status in filter.statuses)
        and (filter.tag is None or filter.tag in run.tags)
        and filter.parent in (None, run.parent)
        and (filter.before is None or run.created < filter.before)
    )


# ---- artifacts and texts


class _Catalog:
    def __init__(self, state: _State) -> None:
        self._state = state

    def manifest(self, id: str) -> Manifest:
        with self._state.lock:
            known = self._state.artifacts
            found = (
                [id] if id in known else [other for other in known if id and other.startswith(id)]
            )
            if len(found) != 1:
                raise rules.no_artifact(id, len(found))
            return known[found[0]].manifest

    def _uses(self) -> Iterator[tuple[RunRecord, _Step, _Entry]]:
        for run in sorted(self._state.runs.values(), key=lambda r: r.number):
            for step in sorted(run.steps.values(), key=lambda s: s.position):
                if step.entry is not None:
                    yield run.record, step, step.entry

    def producers(self, id: str) -> Sequence[tuple[str, str, str, str]]:
        with self._state.lock:
            if id not in self._state.artifacts:
                return ()
            return tuple(
                (run.id, step.record.node, step.record.index, name)
                for run, step, entry in self._uses()
                for name in sorted(
                    [name for name, made in entry.made() if made.artifact == id]
                    + [""] * (id in entry.extras)
                )
            )

    def consumers(self, content: str) -> Sequence[tuple[str, str, str, str]]:
        with self._state.lock:
            return tuple(
                (run.id, step.record.node, step.record.index, name)
                for run, step, entry in self._uses()
                for name, digest in sorted(entry.record.parts.inputs.items())
                if digest == content
            )

    def texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        with self._state.lock:
            return {
                digest: self._state.texts[digest]
                for digest in digests
                if digest in self._state.texts
            }

    def memo(self, name: str, value: str | None = None) -> str | None:
        with self._state.lock:
            if value is not None:
                self._state.memos[name] = value
            return self._state.memos.get(name)


# ---- garbage


class _Sweep:
    def __init__(self, state: _State) -> None:
        self._state = state

    def doomed(self, older: int) -> Sequence[Manifest]:
        with self._state.lock:
            reached = self._reached(older)
            return tuple(a.manifest for id, a in self._state.artifacts.items() if id not in reached)

    def _reached(self, older: int) -> set[str]:
        state = self._state
        found = {id for id, artifact in state.artifacts.items() if artifact.created >= older}
        found.update(id for _, id in state.checkpoints.values())
        taken: set[str] = set()
        for entry in state.entries:
            fresh = not entry.withdrawn or entry.withdrawn >= older
            if fresh or next(state.referring(entry), None) is not None:
                found.update(made.artifact for _, made in entry.made())
                found.update(entry.extras)
                taken.update(entry.record.parts.inputs.values())
        found.update(id for id, a in state.artifacts.items() if a.manifest.content in taken)
        ahead = list(found)
        while ahead:
            new = state.members.get(ahead.pop(), set()) - found
            found |= new
            ahead.extend(new)
        return found

    def bury(self, artifacts: Sequence[str]) -> Sequence[str]:
        state = self._state
        with state.lock:
            reached = self._reached(older=2**62)
            gone = [
                state.artifacts.pop(id).manifest
                for id in dict.fromkeys(artifacts)
                if id in state.artifacts and id not in reached
            ]
            for manifest in gone:
                state.members.pop(manifest.id, None)
            state.entries = [
                entry
                for entry in state.entries
                if not entry.withdrawn or next(state.referring(entry), None) is not None
            ]
            files = dict.fromkeys(file.digest for m in gone if m.inline is None for file in m.files)
            return self.unnamed(tuple(files))

    def suspects(self, boot: str) -> Sequence[Manifest]:
        with self._state.lock:
            return tuple(
                a.manifest
                for a in self._state.artifacts.values()
                if not a.durable and a.boot != boot
            )

    def vouch(self, artifacts: Sequence[str]) -> None:
        with self._state.lock:
            for id in artifacts:
                if id in self._state.artifacts:
                    self._state.artifacts[id].durable = True

    def artifacts(self) -> Iterator[Manifest]:
        with self._state.lock:
            return iter([artifact.manifest for artifact in self._state.artifacts.values()])

    def unnamed(self, digests: Sequence[str]) -> Sequence[str]:
        with self._state.lock:
            named = {
                file.digest
                for artifact in self._state.artifacts.values()
                if artifact.manifest.inline is None
                for file in artifact.manifest.files
            }
            return tuple(digest for digest in digests if digest not in named)


# ---- all of it


class MemoryStore:
    """Nothing outlives the process, and no other process sees it. Safe for several threads."""

    def __init__(
        self, *, alive: Liveness = liveness.alive, clock: Callable[[], int] = rules.clock
    ) -> None:
        state = _State(alive, clock)
        self.journal = _Journal(state)
        self.calls = _Calls(state)
        self.runs = _Runs(state)
        self.catalog = _Catalog(state)
        self.sweep = _Sweep(state)

    def address(self) -> str:
        return ""

    def close(self) -> None:
        pass


def _conforms(store: MemoryStore) -> MetadataStore:
    return store
