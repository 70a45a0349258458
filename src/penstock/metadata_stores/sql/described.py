"""What runs are filtered by, as rows: their parameters, and where they come from."""

from __future__ import annotations

import math
import sqlite3
from typing import Any

from penstock.core.conditions import flat
from penstock.core.records import RunRecord
from penstock.core.tame import tame
from penstock.metadata_stores.sql import rows
from penstock.metadata_stores.sql.queries import queries

Values = dict[str, Any]


def parameters(number: int, run: RunRecord) -> list[Values]:
    """A row for each parameter, nested ones too."""
    return [
        {"run": number, "name": path, "value": value.text, "number": value.number}
        for path, value in flat(run.parameters).items()
    ]


def origin(number: int, run: RunRecord) -> Values:
    made = run.provenance
    return {
        "run": number,
        "started": run.started,
        "seed": str(run.seed),
        "stack": tame(run.stack),
        "day": tame(run.logical_date),
        "person": tame(made.user),
        "host": tame(made.host),
        "python": made.python,
        "revision": made.commit,
        "branch": tame(made.branch),
        "dirty": int(made.dirty),
    }


def last_metric(entry: int, position: int, name: str, value: float) -> Values:
    number = None if math.isnan(value) else float(value)
    return {"entry": entry, "name": name, "position": position, "number": number}


def refill(connection: sqlite3.Connection) -> None:
    """These rows of the runs that were recorded before there were such rows."""
    statements = queries()
    connection.execute("DELETE FROM param")
    for number, record in connection.execute("SELECT run, record FROM about").fetchall():
        run = rows.read_run(record)
        connection.executemany(statements["add_param"], parameters(number, run))
        connection.execute(statements["add_origin"], origin(number, run))
    for kind in ("inf", "-inf", "-0.0"):
        connection.execute(statements["refill_metric"], {"kind": kind, "number": float(kind)})
