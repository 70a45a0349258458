"""The file of the SQL store: how it comes to be, grows older, breaks, and survives faults."""

import errno
import os
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from penstock.core.events import Barrier, RunEnded, TextsFound
from penstock.core.ports import RunFilter
from penstock.errors import ConfigError, SchemaTooNew, StoreError
from penstock.metadata_stores.sql import SqlStore, creation
from penstock.metadata_stores.sql.queries import queries
from penstock.metadata_stores.sql.store import file_of
from penstock.testing.faults import Fault, faults
from penstock.testing.metadata import LATER, a_manifest, a_run, again, finish, performed, statuses


def columns(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        found = [row[1] for row in connection.execute("PRAGMA table_info(memo)")]
    connection.close()
    return found


def newer(folder: Path, script: str = "ALTER TABLE memo ADD COLUMN colour TEXT;") -> Path:
    """Our migrations and one more."""
    folder.mkdir()
    for file in creation.FOLDER.glob("*.sql"):
        (folder / file.name).write_text(file.read_text())
    (folder / "0999_more.sql").write_text(script)
    return folder


# ---- addresses


def test_a_store_is_found_again_at_its_address(tmp_path: Path):
    store = SqlStore(f"sqlite:///{tmp_path}/deep/er/p.db")
    finish(store, a_run("r1"))
    store.close()
    assert SqlStore(store.address()).runs.get("r1").status == "done"


def test_urls_are_paths_or_sqlite(tmp_path: Path):
    assert file_of("/a/b.db") == file_of("sqlite:////a/b.db") == Path("/a/b.db")
    assert file_of("b.db") == file_of("sqlite:///b.db") == Path.cwd() / "b.db"
    with pytest.raises(ConfigError, match="postgresql"):
        file_of("postgresql://host/db")


def test_creation_leaves_one_complete_file(tmp_path: Path):
    SqlStore(tmp_path / "p.db").close()
    assert sorted(os.listdir(tmp_path)) == ["p.db", "p.db.lock"]


def test_what_a_killed_creator_left_is_removed(tmp_path: Path):
    (tmp_path / "p.db.1-2-abc.tmp").write_bytes(b"half")
    (tmp_path / "p.db.1-2-abc.tmp-journal").write_bytes(b"half")
    SqlStore(tmp_path / "p.db").close()
    assert sorted(os.listdir(tmp_path)) == ["p.db", "p.db.lock"]


def test_an_empty_file_becomes_a_store(tmp_path: Path):
    (tmp_path / "p.db").touch()
    finish(store := SqlStore(tmp_path / "p.db"), a_run("r1"))
    assert store.runs.get("r1").status == "done"


# ---- what is refused


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path):
    SqlStore(tmp_path / "p.db").close()
    creation.prepare(tmp_path / "p.db", newer(tmp_path / "newer"))
    before = (tmp_path / "p.db").read_bytes()
    with pytest.raises(SchemaTooNew, match="Upgrade penstock"):
        SqlStore(tmp_path / "p.db")
    assert (tmp_path / "p.db").read_bytes() == before


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path):
    (tmp_path / "p.db").write_bytes(b"nonsense" * 1000)
    with pytest.raises(StoreError, match=r"damaged.*not a database"):
        SqlStore(tmp_path / "p.db")


def test_another_programs_database_is_refused(tmp_path: Path):
    with sqlite3.connect(tmp_path / "p.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    with pytest.raises(StoreError, match="not a penstock store"):
        SqlStore(tmp_path / "p.db")


def test_a_damaged_page_is_said_in_words(tmp_path: Path):
    store = SqlStore(tmp_path / "p.db")
    finish(store, a_run("r1"), *[performed("r1", "fit", index=str(at)) for at in range(500)])
    store.close()
    size = (tmp_path / "p.db").stat().st_size
    with open(tmp_path / "p.db", "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 8192))
    with pytest.raises(StoreError, match="damaged"):
        SqlStore(tmp_path / "p.db").runs.steps("r1")


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    device = os.stat(tmp_path).st_dev
    mounts = tmp_path / "mountinfo"
    numbers = f"{os.major(device)}:{os.minor(device)}"
    mounts.write_text(
        "22 1 0:21 / /proc rw - proc proc rw\n"
        f"36 35 {numbers} / /home rw,noatime shared:1 - nfs4 server:/home rw\n"
    )
    assert creation.file_system(tmp_path, mounts) == "nfs4"
    assert creation.file_system(tmp_path, tmp_path / "nowhere") == ""
    monkeypatch.setattr(creation, "MOUNTS", mounts)
    with pytest.raises(StoreError, match=r"network file system \(nfs4\)"):
        SqlStore(tmp_path / "p.db")
    assert not (tmp_path / "p.db").exists()


def test_a_folder_that_cannot_be_made_is_said_in_words(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot create the metadata store"):
        SqlStore(tmp_path / "file" / "p.db")


def test_a_store_held_by_another_program_is_said_to_be_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("penstock.metadata_stores.sql.database.BUSY", 0.01)
    store = SqlStore(tmp_path / "p.db")
    other = sqlite3.connect(tmp_path / "p.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="busy"):
        store.journal.begin(a_run("r1"))
    other.execute("ROLLBACK")
    other.close()
    store.journal.begin(a_run("r1"))


# ---- a newer penstock


def test_a_migration_keeps_records_and_a_copy_of_what_was(tmp_path: Path):
    path = tmp_path / "p.db"
    store = SqlStore(path)
    finish(store, a_run("r1"))
    store.close()
    creation.prepare(path, newer(tmp_path / "newer"))
    assert columns(path) == ["name", "value", "colour"]
    (copy,) = tmp_path.glob("p.db.schema-*.backup")
    assert columns(copy) == ["name", "value"]
    assert SqlStore(copy).runs.get("r1").status == "done"


def test_a_migration_that_fails_changes_nothing(tmp_path: Path):
    path = tmp_path / "p.db"
    SqlStore(path).close()
    broken = "ALTER TABLE memo ADD COLUMN colour TEXT; ALTER TABLE nowhere ADD COLUMN x TEXT;"
    with pytest.raises(sqlite3.OperationalError):
        creation.prepare(path, newer(tmp_path / "newer", broken))
    assert columns(path) == ["name", "value"]
    finish(SqlStore(path), a_run("r1"))


# ---- faults


def small_run(store: SqlStore) -> None:
    value = a_manifest("m", stored=True)
    token = store.journal.begin(a_run("r1", tags=("a",), parameters={"x": 1}))
    store.journal.claim(token, "k1")
    store.journal.append(token, [TextsFound({"d": "t"}), performed("r1", "load", value, key="k1")])
    store.journal.renew(token)
    store.journal.append(token, [performed("r1", "fit"), performed("r1", "test")])
    store.journal.append(token, [Barrier("r1"), RunEnded("r1", "done", 5)], durable=True)


WHOLE = [
    {},
    {"load": "done"},
    {"load": "done", "fit": "done", "test": "done"},
]


def test_wherever_a_write_fails_each_transaction_is_whole(tmp_path: Path):
    with faults() as trace:
        small_run(SqlStore(tmp_path / "p.db"))
    assert trace.count("db:commit") == 6
    for at in range(1, len(trace) + 1):
        path = tmp_path / str(at) / "p.db"
        with faults(Fault("fail", at, error=errno.ENOSPC)), pytest.raises(StoreError, match="disk"):
            small_run(SqlStore(path))
        store = SqlStore(path)
        seen: Sequence[dict[str, str]] = [
            statuses(store, run.id) for run in store.runs.list(RunFilter())
        ]
        assert seen in ([], *([state] for state in WHOLE))
        (found := store.calls.find("k1", 1)) is None or store.catalog.manifest(
            found.outputs["0"].artifact
        )
        store.close()


def test_after_a_failed_append_the_same_store_goes_on(tmp_path: Path):
    store = SqlStore(tmp_path / "p.db")
    token = store.journal.begin(a_run("r1"))
    with faults(Fault("fail", 2)), pytest.raises(StoreError):
        store.journal.append(token, [performed("r1", "fit", key="k1")])
    assert store.runs.steps("r1") == ()
    assert store.calls.find("k1", 1) is None
    store.journal.append(token, [performed("r1", "fit", key="k1"), RunEnded("r1", "done", 1)])
    assert statuses(store, "r1") == {"fit": "done"}


def test_an_entry_swept_away_before_its_reuse_is_written_anew(tmp_path: Path):
    one, other = SqlStore(tmp_path / "p.db"), SqlStore(tmp_path / "p.db")
    value = a_manifest("m")
    first = performed("r1", "fit", value, key="k1")
    finish(one, a_run("r1"), first)
    token = one.journal.begin(a_run("r2"))
    found = one.calls.find("k1", 7)
    assert found is not None
    other.runs.remove("r1")
    assert other.sweep.bury([m.id for m in other.sweep.doomed(LATER)]) == ()
    one.journal.append(token, [again("r2", found)])
    assert one.runs.steps("r2")[0].outputs == found.outputs


def test_two_stores_on_one_file_see_each_other_at_once(tmp_path: Path):
    one, other = SqlStore(tmp_path / "p.db"), SqlStore(tmp_path / "p.db")
    token = one.journal.begin(a_run("r1"))
    assert other.runs.get("r1").status == "running"
    assert other.journal.renew(token) is True
    one.journal.append(token, [RunEnded("r1", "done", 1)])
    assert other.runs.get("r1").status == "done"


def test_many_more_reuses_than_are_remembered(tmp_path: Path):
    store = SqlStore(tmp_path / "p.db")
    made = [performed("r1", "fit", index=str(at)) for at in range(1100)]
    finish(store, a_run("r1"), *made)
    finish(store, a_run("r2"), *[again("r2", c.call) for c in made if c.call is not None])
    with sqlite3.connect(tmp_path / "p.db") as connection:
        entries = connection.execute("SELECT count(*) FROM call").fetchone()[0]
    connection.close()
    assert entries == 1100
    assert [step.outputs for step in store.runs.steps("r2")] == [{}] * 1100


# ---- speed that stays

OFTEN = (
    "fence find previous_here previous_elsewhere by_id steps metrics metrics_of add_step withdraw"
)
SELDOM = (
    "producers consumers barrier names_file checkpoint claimant owner_of release text memo live"
)


@pytest.mark.parametrize("name", [*OFTEN.split(), *SELDOM.split()])
def test_what_happens_often_reads_no_table_from_end_to_end(name: str, tmp_path: Path):
    SqlStore(tmp_path / "p.db").close()
    statement = queries()[name]
    connection = sqlite3.connect(tmp_path / "p.db")
    given = dict.fromkeys(re.findall(r":(\w+)", statement))
    plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
    connection.close()
    scans = [row[3] for row in plan if row[3].startswith("SCAN")]
    assert scans in ([], ["SCAN r USING INDEX run_live"])
