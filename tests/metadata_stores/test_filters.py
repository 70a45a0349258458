"""A filter in SQL means what it says: on any runs it chooses what plain Python does, in the same order."""

import math
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from msgspec.structs import replace

from penstock.core.conditions import (
    All,
    Condition,
    Field,
    Measure,
    Not,
    Order,
    Parameter,
    Some,
    Term,
    terms,
)
from penstock.core.events import Event
from penstock.core.ports import RunFilter
from penstock.core.records import Logged, Metric, Provenance, RunRecord
from penstock.core.where import where
from penstock.core.where.fields import FIELDS
from penstock.metadata_stores.memory import MemoryStore
from penstock.metadata_stores.sql import SqlStore, creation
from penstock.metadata_stores.sql.choosing import Choosing
from penstock.testing.metadata import a_run, finish, performed

WORDS = some.sampled_from(["", "a", "B", "ab", "8", "true", "é", "x y", "[1]", "done", "failed"])
# Quarters: their means are exact, in whatever order they are added.
QUARTERS = some.integers(-8, 8).map(lambda n: n / 4)
NUMBERS = QUARTERS | some.sampled_from([math.inf, -math.inf])
# In parameters, records have words for what JSON has no number for.
SCALARS = (
    some.none() | some.booleans() | some.integers(-3, 9) | QUARTERS | WORDS
    | some.sampled_from(["inf", "-inf", "nan"])
)  # fmt: skip
PARAMETERS = some.dictionaries(
    some.sampled_from(["depth", "name", "hyper"]),
    SCALARS | some.lists(some.integers(0, 1), max_size=2) | some.dictionaries(WORDS, SCALARS),
    max_size=3,
)
METRICS = some.lists(
    some.tuples(
        some.sampled_from(["fit", "evaluate"]),
        some.sampled_from(["", "0", "1"]),
        some.sampled_from(["auc", "a.b"]),
        NUMBERS | some.just(math.nan),
    ),
    max_size=5,
)
MOMENTS = some.integers(0, 5)
SUBJECTS = (
    some.sampled_from([Field(name) for name in FIELDS if name != "age"])
    | some.sampled_from(["depth", "name", "hyper", "hyper.a", "hyper."]).map(Parameter)
    | some.builds(
        Measure,
        some.sampled_from(["fit", "evaluate", "none"]),
        some.sampled_from(["auc", "a.b"]),
        some.sampled_from(["", "", "1"]),
    )
)
OPERATORS = some.sampled_from(["=", "<", "<=", ">", ">=", "contains", "begins", "none", "nan"])
TESTS = some.builds(
    Term, subject=SUBJECTS, op=OPERATORS, text=WORDS, number=some.none() | NUMBERS | MOMENTS
)
CONDITIONS: Any = some.recursive(
    TESTS,
    lambda inner: (
        some.builds(Not, inner)
        | some.builds(All, some.lists(inner, max_size=3).map(tuple))
        | some.builds(Some, some.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
ORDERS = some.lists(
    some.builds(Order, SUBJECTS.filter(lambda s: s != Field("tag")), some.booleans()), max_size=2
)
RUNS = some.builds(
    RunRecord,
    id=some.just(""),
    project=some.sampled_from(["shop", "bank"]),
    pipeline=some.sampled_from(["train", "predict"]),
    name=WORDS,
    created=some.integers(1, 5),
    started=MOMENTS,
    seed=some.integers(0, 2),
    parameters=PARAMETERS,
    tags=some.lists(WORDS, max_size=2, unique=True).map(tuple),
    note=WORDS,
    kept=some.booleans(),
    logical_date=WORDS,
    parent=WORDS,
    provenance=some.builds(
        Provenance, user=WORDS, host=WORDS, commit=WORDS, branch=WORDS, dirty=some.booleans()
    ),
)
FATES = some.sampled_from(["done", "failed", "running"])


def steps_of(run: RunRecord, metrics: Any) -> list[Event]:
    logged: dict[tuple[str, str], dict[str, float]] = {}
    for node, item, name, value in metrics:
        logged.setdefault((node, item), {})[name] = value
    return [
        performed(
            run.id,
            node,
            index=item,
            key=f"{run.id} {node} {item}",
            logged=Logged(tuple(Metric(n, v, None, 1) for n, v in values.items())),
        )
        for (node, item), values in logged.items()
    ]


@contextmanager
def both() -> Iterator[tuple[MemoryStore, SqlStore]]:
    with tempfile.TemporaryDirectory() as folder:
        stores = MemoryStore(), SqlStore(Path(folder) / "p.db")
        yield stores
        for store in stores:
            store.close()


@settings(max_examples=60, deadline=None)
@given(
    runs=some.lists(some.tuples(RUNS, METRICS, FATES), min_size=1, max_size=5),
    asked=some.lists(some.tuples(CONDITIONS, ORDERS), min_size=8, max_size=8),
    limit=some.sampled_from([1, 3, 50]),
)
def test_sql_chooses_and_sorts_as_python_does(
    runs: list[Any], asked: list[tuple[Condition, list[Order]]], limit: int
) -> None:
    with both() as stores:
        for at, (run, metrics, fate) in enumerate(runs):
            run = replace(run, id=f"r{at}", owner=a_run("").owner)
            for store in stores:
                if fate == "running":
                    store.journal.append(store.journal.begin(run), steps_of(run, metrics))
                else:
                    finish(store, run, *steps_of(run, metrics), status=fate)
        for condition, order in asked:
            if any(
                test.subject == Field("ended") or test.subject == Field("took")
                for test in terms(condition)
            ):
                continue  # the moment of the end is each store's own
            if any(one.subject in (Field("ended"), Field("took")) for one in order):
                continue
            filter = RunFilter(where=condition, order=tuple(order), limit=limit)
            plain, sql = ([run.id for run in store.runs.list(filter)] for store in stores)
            assert sql == plain, (condition, order)


def test_a_store_of_the_first_schema_is_filtered_like_a_new_one(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "0001_first.sql").write_text((creation.FOLDER / "0001_first.sql").read_text())
    path = tmp_path / "p.db"
    store = SqlStore(tmp_path / "now.db")
    provenance = Provenance(user="ann", commit="ab12")
    run = a_run("r1", parameters={"depth": 8, "hyper": {"lr": 0.5}}, provenance=provenance)
    logged = Logged((Metric("auc", 0.5, None, 1), Metric("loss", math.inf, None, 1)))
    logged = replace(logged, metrics=(*logged.metrics, Metric("gap", math.nan, None, 1)))
    finish(store, run, performed("r1", "fit", logged=logged))
    store.close()
    creation.prepare(path, old)
    with sqlite3.connect(path) as made:
        made.execute("ATTACH ? AS now", (str(tmp_path / "now.db"),))
        names = [
            row[0]
            for row in made.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")
        ]
        for name in names:
            columns = ", ".join(row[1] for row in made.execute(f"PRAGMA main.table_info({name})"))
            if name not in ("meta", "sqlite_sequence"):
                made.execute(
                    f"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM now.{name}"
                )
    made.close()
    migrated = SqlStore(path)
    for text in (
        "depth>7",
        "param.hyper.lr=0.5",
        "fit.auc=0.5",
        "fit.loss>1e300",
        "fit.gap=nan",
        "user=ann and commit=ab1",
    ):
        assert [run.id for run in migrated.runs.list(RunFilter(where=where(text)))] == ["r1"], text


@pytest.mark.parametrize("text", ["depth>6", "evaluate.auc>0.7", "tag=try", "user=ann", "note~x"])
def test_what_a_filter_asks_of_each_run_is_found_by_an_index(text: str, tmp_path: Path) -> None:
    SqlStore(tmp_path / "p.db").close()
    choosing = Choosing(RunFilter(where=where(text)))
    connection = sqlite3.connect(tmp_path / "p.db")
    plan = connection.execute(f"EXPLAIN QUERY PLAN {choosing.statement}", choosing.values)
    scans = [row[3] for row in plan if row[3].startswith("SCAN")]
    connection.close()
    assert scans == ["SCAN r USING INDEX run_created"]
