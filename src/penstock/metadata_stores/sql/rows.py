"""Records as rows: JSON without what a column says, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from penstock.core.records import (
    CallRecord,
    Counts,
    ErrorRecord,
    Logged,
    Manifest,
    Metric,
    Owner,
    RunRecord,
    StepRecord,
)
from penstock.core.tame import tame
from penstock.metadata_stores import rules

# ---- the same records, written without their defaults: rows stay small, and new fields come along


class _Run(RunRecord, frozen=True, kw_only=True, omit_defaults=True):
    pass


class _Step(StepRecord, frozen=True, kw_only=True, omit_defaults=True):
    pass


class _Call(CallRecord, frozen=True, kw_only=True, omit_defaults=True):
    pass


class _Manifest(Manifest, frozen=True, kw_only=True, omit_defaults=True):
    pass


NOTHING = Logged()
STEP_LOGGED = _Step(run="", node="").logged
CALL_LOGGED = _Call(key="", run="", node="", parts=rules.NO_PARTS, outputs={}, created=0).logged
"""The very objects that are the defaults: msgspec leaves out a default by identity."""
Row = tuple[Any, ...]

_encoder = msgspec.json.Encoder(enc_hook=repr)
_run = msgspec.json.Decoder(RunRecord)
_step = msgspec.json.Decoder(StepRecord)
_call = msgspec.json.Decoder(CallRecord)
_manifest = msgspec.json.Decoder(Manifest)
_owner = msgspec.json.Decoder(Owner)
_error = msgspec.json.Decoder(ErrorRecord)
_names = msgspec.json.Decoder(tuple[str, ...])


def dump(value: object) -> str:
    try:
        return _encoder.encode(value).decode()
    except (UnicodeEncodeError, OverflowError):
        # A traceback may hold half a character, a parameter a number that JSON readers refuse:
        # neither may stop the commit of a step.
        return _encoder.encode(tame(msgspec.to_builtins(value, enc_hook=repr))).decode()


# ---- runs


def dump_run(run: RunRecord) -> str:
    kept = {
        "id": "",
        "status": "pending",
        "name": "",
        "tags": (),
        "note": "",
        "owner": None,
        "counts": Counts(),
    }
    return dump(_Run(**(asdict(run) | kept)))


def load_run(row: Row) -> RunRecord:
    return replace(
        _run.decode(row[20]),
        id=row[1],
        created=row[21],
        name=row[2],
        status=row[3],
        ended=row[4],
        kept=bool(row[6]),
        durable=bool(row[7]),
        counts=Counts(*row[8:14]),
        owner=_owner.decode(row[16]),
        tags=_names.decode(row[17]),
        note=row[18],
        error=_error.decode(row[19]) if row[19] else None,
    )


def read_run(record: str) -> RunRecord:
    """What stands in the record alone: parameters, provenance, options."""
    return _run.decode(record)


def load_owner(text: str) -> Owner:
    return _owner.decode(text)


# ---- steps and calls


def dump_step(step: StepRecord, *, shared: bool) -> str:
    """`shared`: parts, outputs, logged and reads stand with the call."""
    kept: dict[str, Any] = {"run": "", "node": "", "index": "", "status": "pending"}
    if shared:
        kept |= {"parts": None, "outputs": {}, "logged": STEP_LOGGED, "reads": ()}
    elif step.logged.metrics:
        kept["logged"] = replace(step.logged, metrics=())  # a running step's: kept at its end
    return dump(_Step(**(asdict(step) | kept)))


def load_step(row: Row, call: CallRecord | None) -> StepRecord:
    """Of (run, …, node, item, position, status, detail, entry, key, metrics, record)."""
    step = _step.decode(row[9])
    changes: dict[str, Any] = {"run": row[0], "node": row[5], "index": row[6], "status": row[8]}
    if call is not None:
        changes |= {
            "parts": None if call.parts == rules.NO_PARTS else call.parts,
            "outputs": call.outputs,
            "logged": call.logged,
            "reads": call.reads,
        }
    return replace(step, **changes)


def queued(detail: str) -> int:
    """When a step was queued."""
    return _step.decode(detail).queued


def dump_call(call: CallRecord) -> str:
    kept: dict[str, Any] = {"key": "", "seed": -1}
    if call.logged.metrics:
        kept["logged"] = replace(call.logged, metrics=())
    elif call.logged == NOTHING:
        kept["logged"] = CALL_LOGGED
    return dump(_Call(**(asdict(call) | kept)))


def load_call(record: str, key: str, seed: int, metrics: Sequence[Metric]) -> CallRecord:
    call = _call.decode(record)
    if metrics:
        return replace(
            call, key=key, seed=seed, logged=replace(call.logged, metrics=tuple(metrics))
        )
    return replace(call, key=key, seed=seed)


def metric_row(entry: int, position: int, metric: Metric) -> dict[str, Any]:
    value = float(metric.value)
    # SQLite keeps NaN as NULL and -0.0 as 0; PostgreSQL and JSON differ about infinities.
    plain = math.isfinite(value) and (value != 0 or math.copysign(1, value) > 0)
    return {
        "entry": entry,
        "position": position,
        "name": metric.name,
        "step": metric.step,
        "value": value if plain else 0.0,
        "kind": "" if plain else repr(value),
        "at": metric.at,
    }


def load_metric(row: Row) -> Metric:
    """Of (name, step, value, kind, at)."""
    name, step, value, kind, at = row
    return Metric(name, float(kind) if kind else value, step, at)


# ---- artifacts


def dump_manifest(manifest: Manifest) -> str:
    return dump(_Manifest(**(asdict(manifest) | {"id": "", "content": "", "inline": None})))


def load_manifest(row: Row) -> Manifest:
    """Of (id, content, inline, manifest)."""
    id, content, inline, manifest = row
    return replace(_manifest.decode(manifest), id=id, content=content, inline=inline)
