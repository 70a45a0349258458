"""Records to try a metadata store with."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from penstock.core.digest import digest_struct
from penstock.core.events import (
    Barrier,
    Event,
    RunEnded,
    StepChanged,
)
from penstock.core.liveness import me
from penstock.core.ports import MetadataStore
from penstock.core.records import (
    CallRecord,
    FileRef,
    Logged,
    Manifest,
    Parts,
    RunRecord,
    Status,
    StepRecord,
    made,
    now,
)

NOTHING = Logged()


def a_run(id: str, **changes: Any) -> RunRecord:
    run = RunRecord(id=id, project="shop", pipeline="train", owner=me(), created=now())
    return replace(run, **changes)


def a_manifest(value: str, *, stored: bool = False) -> Manifest:
    """An artifact whose bytes are inline, or in one stored file."""
    file = FileRef("value.json", digest_struct("file", value), len(value))
    return Manifest(
        id=digest_struct("artifact", value, stored),
        content=digest_struct("content", value),
        serializer="json",
        type="builtins:str",
        files=(file,),
        inline=None if stored else value.encode(),
        meta={"preview": value},
    )


def parts_of(code: str, **inputs: str) -> Parts:
    return Parts(
        code=code,
        inputs={name: digest_struct("content", value) for name, value in inputs.items()},
        shown=inputs,
    )


def performed(
    run: str,
    node: str,
    *manifests: Manifest,
    index: str = "",
    key: str = "",
    seed: int = -1,
    status: Status = "done",
    parts: Parts | None = None,
    logged: Logged = NOTHING,
    cached: bool = True,
    **changes: Any,
) -> StepChanged:
    """A step that was performed; its outputs are "0", "1", … in the order of the manifests."""
    key = key or digest_struct("key", node, index)
    parts = parts or parts_of(f"code of {node}")
    outputs = {str(at): made(manifest) for at, manifest in enumerate(manifests)}
    step = StepRecord(
        run=run,
        node=node,
        index=index,
        ref=f"steps:{node}",
        status=status,
        key=key,
        reason="first time",
        attempt=1,
        seed=7,
        drew=seed != -1,
        queued=now(),
        ended=now(),
        parts=parts,
        outputs=outputs,
        logged=logged,
    )
    call = CallRecord(
        key=key,
        seed=seed,
        run=run,
        node=node,
        index=index,
        parts=parts,
        outputs=outputs,
        logged=logged,
        created=now(),
        seconds=0.5,
        python="3.11",
    )
    kept = call if cached and status == "done" else None
    return StepChanged(replace(step, **changes), kept, manifests)


def again(run: str, call: CallRecord) -> StepChanged:
    """A step that reuses this call."""
    step = StepRecord(
        run=run,
        node=call.node,
        index=call.index,
        ref=f"steps:{call.node}",
        status="reused",
        key=call.key,
        seed=None if call.seed == -1 else call.seed,
        source=call.run,
        reason=f"from run {call.run}",
        queued=now(),
        ended=now(),
        outputs=call.outputs,
        logged=call.logged,
    )
    return StepChanged(step)


def running(run: str, node: str, index: str = "", **changes: Any) -> StepChanged:
    step = StepRecord(run=run, node=node, index=index, status="running", queued=now())
    return StepChanged(replace(step, **changes))


def finish(store: MetadataStore, run: RunRecord, *events: Event, status: Status = "done") -> None:
    """A whole run: begun, these events, ended."""
    token = store.journal.begin(run)
    store.journal.append(token, [*events, Barrier(run.id), RunEnded(run.id, status, now())])


def statuses(store: MetadataStore, run: str) -> dict[str, str]:
    return {step.name: step.status for step in store.runs.steps(run)}


DEAD = replace(me(), born="0")
"""An owner with our pid, that is somebody else's by now."""
LATER = now() + 86_400_000_000
