"""Whatever is stored may be damaged: it is noticed, said, and made anew."""

from __future__ import annotations

import os
import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.campaigns.scene import Born, Nursery, Scene

FLOW = """
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.linear_model import LinearRegression
from doing import executes
from penstock import context, each, pipeline, step

class Odd:
    def __init__(self, text):
        self.text = text

@step
def rows(n: int = 3000) -> list[int]:
    print("counting to", n)
    return list(range(n))

@step
def count(rows: list[int]) -> int:
    return len(rows)

@step
def small(rows: list[int]) -> np.ndarray:
    return np.array(rows[:1000], dtype=float)

@step
def large(rows: list[int]) -> np.ndarray:
    return np.outer(np.array(rows[:200], dtype=float), np.ones(200))

@step
def frame(rows: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"x": rows, "s": [f"row {n}" for n in rows]})

@step
def table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)

@step
def model(large: np.ndarray) -> LinearRegression:
    return LinearRegression().fit(large[:, :60], large[:, 0])

@step
def odd(rows: list[int]) -> Odd:
    return Odd("odd " * len(rows))

@step
def file(rows: list[int]) -> Path:
    path = context().scratch / "rows.csv"
    path.write_text("\\n".join(map(str, rows)))
    return path

@step
def folder(rows: list[int]) -> Path:
    folder = context().scratch / "report"
    (folder / "inner").mkdir(parents=True)
    (folder / "one.txt").write_text("one" * len(rows))
    (folder / "inner" / "two.txt").write_text("two" * len(rows))
    return folder

@step
def part(n: int, small: np.ndarray) -> np.ndarray:
    return small * n

@step
def parts(all: list[np.ndarray]) -> float:
    return float(sum(one.sum() for one in all))

@step
def first(rows: list[int], small: np.ndarray, large: np.ndarray, frame: pd.DataFrame, count: int) -> list[float]:
    sums = [float(sum(rows)), float(small.sum()), float(large.sum()), float(frame.x.sum())]
    return [*sums, float(count)]

@step
def second(table: pa.Table, model: LinearRegression, odd: Odd, file: Path, folder: Path) -> list[int]:
    files = [file, *sorted(folder.rglob("*.txt"))]
    known = [table.num_rows, model.n_features_in_, len(odd.text)]
    return [*known, *(len(path.read_text()) for path in files)]

@pipeline
def flow() -> dict[str, object]:
    r = rows()
    s, l, f = small(r), large(r), frame(r)
    return {
        "first": first(r, s, l, f, count(r)),
        "second": second(table(f), model(l), odd(r), file(r), folder(r)),
        "parts": parts(part.map(each([1, 2, 3]), small=s)),
    }
"""
RESULT = {
    "first": [4498500.0, 499500.0, 3980000.0, 4498500.0, 3000.0],
    "second": [3000, 60, 12000, 13889, 9000, 9000],
    "parts": 2997000.0,
}
CONSUMERS = ("first", "second", "parts")

Damage = Callable[[Path], None]


def flip(path: Path, at: float = 0.5) -> None:
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def flip_unseen(path: Path) -> None:
    """As a disk does it: nothing of the file's description tells."""
    state = os.stat(path)
    flip(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def truncate(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


def remove(path: Path) -> None:
    path.unlink()


class Store:
    """A store that is damaged and healed, again and again."""

    def __init__(self, scene: Scene, nursery: Nursery) -> None:
        self.scene, self.nursery, self.home = scene, nursery, scene.home

    def run(self, **options: object) -> Born:
        return self.nursery.run(self.home, "flow:flow", **options)

    def files(self) -> list[Path]:
        folder = self.home / "artifacts"
        found = [path for path in folder.rglob("*") if path.is_file()]
        return sorted(p for p in found if len(p.parent.name) == 2)


@pytest.fixture
def store(scene: Scene) -> Iterator[Store]:
    scene.write(flow=FLOW)
    nursery = Nursery(scene.place, "flow")
    store = Store(scene, nursery)
    ran = store.run()
    assert ran.status == "done", ran
    assert ran.result == RESULT
    yield store
    nursery.close()


def healed(ran: Born, where: str) -> None:
    assert ran.status == "done", f"{where}: {ran.error}"
    assert ran.result == RESULT, where
    said = [ran.reasons[name] for name in ran.executed]
    said += [note for name in ran.executed for note in ran.notes[name]]
    assert any("damaged" in reason for reason in said), f"{where}: {ran.reasons}"


@pytest.mark.parametrize("damage", [flip, truncate, remove])
def test_damage_to_any_stored_file_is_noticed_said_and_healed(store: Store, damage: Damage) -> None:
    files = store.files()
    assert len(files) >= 11
    for path in files:
        damage(path)
        ran = store.run()
        healed(ran, f"{damage.__name__} {path.name[:8]}")
        assert len(ran.executed) <= 3, ran.executed
        assert path.exists()
    store.scene.is_sound()


@pytest.mark.parametrize("damage", [flip, flip_unseen, truncate, remove])
def test_damage_that_is_met_while_loading_is_healed_in_the_same_run(
    store: Store, damage: Damage
) -> None:
    for path in store.files():
        damage(path)
        ran = store.run(refresh=CONSUMERS)
        healed(ran, f"{damage.__name__} {path.name[:8]}")
    store.scene.is_sound()


def test_all_files_at_once_may_be_lost(store: Store) -> None:
    for path in store.files():
        remove(path)
    healed(store.run(), "all removed")
    store.scene.is_sound()
    for path in store.files():
        flip_unseen(path)
    healed(store.run(refresh=CONSUMERS), "all flipped unseen")
    assert store.run().executed <= {"table", "model"}  # large ones that nobody has read since
    store.scene.findings(repair=True)
    assert store.run().result == RESULT
    store.scene.is_sound()


def test_what_another_needs_to_heal_may_be_lost_too(store: Store) -> None:
    with store.scene.client() as client:
        steps = {step.name: step for step in client.steps(client.run("last").id)}
    lost = [
        store.home / "artifacts" / one.digest[:2] / one.digest[2:]
        for name in ("large", "rows")
        for made in steps[name].outputs.values()
        for one in made.files
    ]
    for path in lost:
        flip_unseen(path)
    ran = store.run(refresh=("model", "first"))
    healed(ran, "large, and rows of which it is made")
    assert {"rows", "model", "first"} <= ran.executed
    assert any("'large'" in note for name in ran.executed for note in ran.notes[name])


def test_logs_may_be_lost(store: Store) -> None:
    assert store.scene.command("logs", "last", "rows").end().out == "counting to 3000\n"
    logs = [path for path in (store.home / "logs").rglob("*") if path.is_file()]
    assert len(logs) == 1
    for path in logs:
        remove(path)
    assert store.run().result == RESULT
    lost = store.scene.command("logs", "last", "rows").end()
    assert (lost.code, lost.out, lost.err) == (0, "", "'rows' printed nothing\n")


@pytest.mark.parametrize("damage", [flip, remove])
def test_pickles_of_a_lost_key_are_made_anew(store: Store, damage: Damage) -> None:
    damage(store.home / "key")
    ran = store.run(refresh=("second",))
    assert ran.status == "done", ran.error
    assert ran.result == RESULT
    assert any("'odd'" in note for note in ran.notes["second"]), ran.notes
    assert store.run(refresh=("second",)).executed == {"second"}


def test_a_truncated_key_is_one_error_with_the_next_move(store: Store) -> None:
    truncate(store.home / "key")
    os.truncate(store.home / "key", 10)
    ran = store.run(refresh=("second",))
    # Said before any step runs, since one of them is to be signed.
    assert (ran.status, ran.executed) == ("raised", set())
    assert "the signing key at" in ran.error
    assert "delete it" in ran.error
    assert "Traceback" not in ran.stderr
    remove(store.home / "key")
    assert store.run(refresh=("second",)).result == RESULT


def test_values_inside_the_records_are_checked_too(store: Store) -> None:
    with closing(sqlite3.connect(store.home / "penstock.db")) as connection:
        inside = connection.execute("SELECT id, inline FROM artifact WHERE inline IS NOT NULL")
        for id, inline in inside.fetchall():
            broken = bytes([inline[0] ^ 1]) + bytes(inline[1:])
            connection.execute("UPDATE artifact SET inline = ? WHERE id = ?", (broken, id))
        connection.commit()
    # Who reuses them does not look at them. Who loads them does: a person is told,
    told = store.run()
    assert (told.executed, told.result) == (set(), None)
    assert re.fullmatch(DAMAGED_INSIDE, told.error)
    # and for a step they are made again, which its own record says.
    ran = store.run(refresh=("first",))
    assert ran.executed == {"first"}
    assert ran.notes["first"] == ["the stored output of 'count' was lost or damaged: made again"]
    assert re.fullmatch(DAMAGED_INSIDE, ran.error)  # the other two that it returns
    assert store.run(refresh=("second", "parts")).result == RESULT
    assert store.run().result == RESULT
    store.scene.is_sound()


DAMAGED_INSIDE = (
    "ArtifactDamaged: the bytes of artifact '[0-9a-f]{12}' in its row are not those recorded\n"
    "  Run its step again: `penstock run … --refresh STEP`."
)


def test_the_journal_of_the_database_may_be_lost(store: Store) -> None:
    # What it held is forgotten, and made again.
    for suffix in ("-wal", "-shm"):
        store.home.joinpath(f"penstock.db{suffix}").unlink()
    ran = store.run()
    assert (ran.status, ran.result) == ("done", RESULT), ran.error
    assert set(ran.reasons) == ran.executed
    assert len(ran.recorded) == 1
    store.scene.is_sound()


@pytest.mark.parametrize("at", [0.0, 0.001, 0.2, 0.5, 0.9])
def test_a_damaged_database_is_one_error_with_the_next_move(store: Store, at: float) -> None:
    path = store.home / "penstock.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(int(size * at))
        file.write(random.Random(at).randbytes(size // 10 + 200))
    told = store.scene.command("run", "flow.py:flow").end()
    # What lies further in may be nothing that this run reads.
    if told.code == 0 and at > 0.001:
        assert store.run().result == RESULT
        return
    assert (told.code, told.out) == (1, "")
    name = re.escape(str(path))
    assert re.search(
        rf"^error: the metadata store '{name}' is damaged: .+\n"
        r"  Move it away and run again \(artifacts are kept, their records are not\), or save what "
        rf"can be read: sqlite3 '{name}' \.recover\n\Z",
        told.err,
        re.MULTILINE,
    ), told.err
