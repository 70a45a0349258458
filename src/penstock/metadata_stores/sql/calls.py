"""The cache: committed calls by key."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.core.records import CallRecord, Manifest, Metric, RunRecord, StepRecord, now
from penstock.metadata_stores.sql import rows
from penstock.metadata_stores.sql.database import Database
from penstock.metadata_stores.sql.remembered import Remembered

UNRECORDED = 2**62
"""The number of a run that is planned only: later than all."""


class SqlCalls:
    def __init__(self, database: Database, remembered: Remembered) -> None:
        self._database = database
        self._remembered = remembered
        self._numbers: dict[str, int] = {}

    def find(self, key: str, seed: int) -> CallRecord | None:
        row = self._database.row("find", {"key": key, "seed": str(seed)})
        if row is None:
            return None
        call = load_call(self._database, row)
        self._remembered.put(key, row[0], call)
        return call

    def previous(self, run: RunRecord, node: str, index: str, ref: str) -> StepRecord | None:
        number = self._number(run.id)
        row = self._database.row(
            "previous_here",
            {
                "project": run.project,
                "pipeline": run.pipeline,
                "node": node,
                "item": index,
                "run": number,
            },
        )
        if row is None and ref:
            row = self._database.row("previous_elsewhere", {"ref": ref, "run": number})
        return load_step(self._database, row) if row else None

    def _number(self, id: str) -> int:
        if (known := self._numbers.get(id)) is not None:
            return known
        if (row := self._database.row("number_of", {"id": id})) is None:
            return UNRECORDED
        number: int = row[0]
        self._numbers[id] = number
        return number

    def checkpoint(self, key: str) -> Manifest | None:
        row = self._database.row("checkpoint", {"key": key})
        return rows.load_manifest(row) if row else None

    def forget(self, keys: Sequence[str]) -> None:
        moment = now()
        with self._database.transaction():
            self._database.write_all("forget", [{"key": key, "now": moment} for key in keys])
        self._remembered.clear()


def load_call(database: Database, row: rows.Row) -> CallRecord:
    """Of (id, key, seed, metrics, record)."""
    id, key, seed, metrics, record = row
    return rows.load_call(record, key, int(seed), logged_by(database, id) if metrics else ())


def load_step(database: Database, row: rows.Row) -> StepRecord:
    """Of the columns that the queries of steps have in common; not yet shown as crashed."""
    id, key, metrics, record = row[10:14]
    if id is None:
        return rows.load_step(row, None)
    logged = logged_by(database, id) if metrics else ()
    return rows.load_step(row, rows.load_call(record, key, -1, logged))


def logged_by(database: Database, entry: int) -> tuple[Metric, ...]:
    return tuple(map(rows.load_metric, database.rows("metrics_of", {"entry": entry})))
