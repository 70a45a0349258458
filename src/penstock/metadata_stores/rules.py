"""What every store of records must agree on: leases, counting, order, and names of runs."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from penstock.core.events import StepChanged
from penstock.core.liveness import boot
from penstock.core.place import similar
from penstock.core.ports import Liveness
from penstock.core.records import (
    FINAL,
    CallRecord,
    Logged,
    Metric,
    Owner,
    Parts,
    RunRecord,
    StepRecord,
)
from penstock.errors import LeaseLost, NotFound, UsageError

LEASE = 30_000_000
"""Microseconds for which an owner need not be heard of."""
NO_PARTS = Parts("")
COUNTED = ("done", "reused", "failed", "skipped", "cancelled")
_LATEST = re.compile(r"latest(?:~(\d+))?")


def clock() -> int:
    """The host's monotonic clock in microseconds: all processes of a boot share it."""
    return time.monotonic_ns() // 1000


def new_token() -> str:
    # Not by `secrets`, which loads all of OpenSSL.
    return os.urandom(16).hex()


def dead(owner: Owner, lease_boot: str, expires: int, now: int, alive: Liveness) -> bool:
    """Whether a running run's owner is gone; a live owner beats the expiry of its lease."""
    lives = alive(owner)
    if lives is None:
        # Another boot counts another clock; these stores belong to one machine, so it has ended.
        return lease_boot != boot() or expires < now
    return not lives


def lost(token: str) -> LeaseLost:
    return LeaseLost(
        f"this run no longer belongs to this process (lease '{token[:8]}…')",
        hint="It was thought dead and taken over, or it has ended; run the pipeline again: "
        "what is done is reused.",
    )


def crashed(run: RunRecord, seen: int) -> RunRecord:
    """A run whose owner is gone, as it is shown; it ended when it was last heard of."""
    return replace(run, status="crashed", ended=seen)


def crashed_step(step: StepRecord, seen: int) -> StepRecord:
    """A step of a crashed run: what ran ended with it."""
    if step.status == "running" or (step.status == "crashed" and not step.ended):
        return replace(step, status="crashed", ended=seen)
    return step


# ---- counting


def counts_towards(step: StepRecord) -> str:
    """The field of Counts that this step adds to, or ""; a map is counted by its items."""
    return step.status if step.total is None and step.status in COUNTED else ""


def counts(steps: Iterable[StepRecord]) -> dict[str, int]:
    """How many of them each field of Counts has."""
    counted = dict.fromkeys(COUNTED, 0)
    for step in steps:
        if field := counts_towards(step):
            counted[field] += 1
    return counted


def performed(step: StepRecord) -> bool:
    """Whether there is something to keep of what this step was made of or gave."""
    if step.status not in FINAL:
        return False
    logged = step.logged
    return bool(
        step.parts is not None
        or step.outputs
        or step.reads
        or logged.metrics
        or logged.params
        or logged.artifacts
    )


def takes_over(step: StepRecord, call: CallRecord) -> bool:
    """Whether a reused step is this call again. What it leaves open (parts, reads) is the call's."""
    return (
        step.status == "reused"
        and step.key == call.key
        and (step.outputs is call.outputs or step.outputs == call.outputs)
        and _same(step.logged, call.logged)
        and (step.parts is None or step.parts is call.parts or step.parts == call.parts)
        and (not step.reads or step.reads == call.reads)
    )


def _same(one: Logged, other: Logged) -> bool:
    # As it is written where they differ in numbers only that are never equal to themselves.
    return one is other or one == other or (bool(one.metrics) and repr(one) == repr(other))


def with_parts(step: StepRecord, call: CallRecord) -> StepRecord:
    """A reused step that says no parts has those of its key, whichever call it took over."""
    if step.parts is None and call.parts != NO_PARTS:
        return replace(step, parts=call.parts)
    return step


def is_of(step: StepRecord, call: CallRecord) -> bool:
    """Whether a step that was performed says the same as the call that it became."""
    return (
        step.key == call.key
        and (step.parts is call.parts or step.parts == call.parts)
        and (step.outputs is call.outputs or step.outputs == call.outputs)
        and _same(step.logged, call.logged)
        and step.reads == call.reads
    )


def own_call(step: StepRecord, run: str, moment: int) -> CallRecord:
    """What a step that is no cache entry was made of and what it gave."""
    return CallRecord(
        key=step.key,
        run=run,
        node=step.node,
        index=step.index,
        parts=step.parts or NO_PARTS,
        outputs=step.outputs,
        logged=step.logged,
        reads=step.reads,
        created=moment,
    )


def extras(call: CallRecord, change: StepChanged) -> Iterator[str]:
    """Artifacts made besides outputs, logged ones, and items of a collection."""
    if not change.manifests:
        return
    named = {made.artifact for made in call.outputs.values()}
    named.update(made.artifact for made in call.logged.artifacts.values())
    for items in change.members.values():
        named.update(items)
    for manifest in change.manifests:
        if manifest.id not in named:
            named.add(manifest.id)
            yield manifest.id


# ---- order


def in_order(steps: Iterable[tuple[int, StepRecord]]) -> list[StepRecord]:
    """As they were queued, items after their node; the number is the order of first mention."""
    listed = list(steps)
    first: dict[str, tuple[float, int]] = {}
    for position, step in listed:
        queued = step.queued or float("inf")
        known = first.get(step.node)
        first[step.node] = (
            (min(known[0], queued), min(known[1], position)) if known else (queued, position)
        )
    listed.sort(key=lambda pair: (first[pair[1].node], item_order(pair[1].index), pair[0]))
    return [step for _, step in listed]


def item_order(index: str) -> tuple[tuple[int, str], ...]:
    """Sorts "2" before "10", and "" before both."""
    if not index:
        return ()
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in index.split("."))


def last_of_each(metrics: Sequence[Metric]) -> list[int]:
    """Positions of the last value of each name: of the highest step, else as logged."""
    best: dict[str, int] = {}
    for position, metric in enumerate(metrics):
        known = best.get(metric.name)
        if known is None or _later(metric, metrics[known]):
            best[metric.name] = position
    return sorted(best.values())


def _later(metric: Metric, than: Metric) -> bool:
    if metric.step is None:
        return than.step is None
    return than.step is None or metric.step >= than.step


# ---- names of runs


def pick(wanted: str, known: Sequence[tuple[str, str]]) -> str:
    """The id that is meant, among (id, name) of runs, newest first.

    An id, a name (its newest run), "latest", "latest~2" (the third newest), or a unique prefix.
    """
    latest = _LATEST.fullmatch(wanted)
    if latest and len(known) > (back := int(latest[1] or 0)):
        return known[back][0]
    for id, name in known:
        if wanted in (id, name) and wanted:
            return id
    found = [id for id, _ in known if id.startswith(wanted)] if wanted else []
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
        raise NotFound(f"'{wanted}' begins the id of {len(found)} runs", hint=f"Which? {several}")
    raise NotFound(f"there is no run '{wanted}'", hint=_near(wanted, known))


def _near(wanted: str, known: Sequence[tuple[str, str]]) -> str:
    if not known:
        return "Nothing has run in this project; `penstock runs --all` lists the runs of others."
    if close := similar(wanted, (word for pair in known[:1000] for word in pair if word), 3):
        return "Did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return f"The newest is '{known[0][0]}'; `penstock runs` lists them."


# ---- refusals


def no_artifact(id: str, found: int) -> NotFound:
    if found:
        return NotFound(f"several artifacts begin with '{id}'", hint="Give more of the digest.")
    return NotFound(
        f"there is no artifact '{id}'", hint="`penstock artifacts RUN` lists those of a run."
    )


def check_removable(run: RunRecord) -> None:
    if run.status == "running":
        raise UsageError(
            f"run '{run.id}' is still running", hint="Stop it first, or wait for its end."
        )
    if run.kept:
        raise UsageError(
            f"run '{run.id}' is kept", hint=f"Let go of it first: penstock keep {run.id} --undo"
        )
