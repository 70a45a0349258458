"""Doctor and gc, over every pair of stores, beside live runs, killed anywhere."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from penstock.artifact_stores.local import LocalStore
from penstock.artifact_stores.memory import MemoryStore as MemoryArtifacts
from penstock.core import liveness
from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.events import RunEnded, StepChanged
from penstock.core.ports import ArtifactStore, MetadataStore, RunFilter
from penstock.core.records import (
    CallRecord,
    FileRef,
    Manifest,
    Parts,
    RunRecord,
    StepRecord,
    made,
    now,
)
from penstock.metadata_stores.memory import MemoryStore as MemoryMetadata
from penstock.metadata_stores.sql import SqlStore
from penstock.run.recovery import collect, doctor, intact
from penstock.testing.artifact_store import noise, put
from penstock.testing.faults import Fault, install

BOOT = liveness.boot()
DATA = noise(70_000)
PARTS = Parts(code="c")
_numbers = count()


@dataclass
class House:
    """Both stores, and what runs do to them."""

    metadata: MetadataStore
    artifacts: ArtifactStore
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def begin(self) -> str:
        run = f"run{next(_numbers):04}"
        record = RunRecord(id=run, project="p", pipeline="train", owner=liveness.me())
        self.tokens[run] = self.metadata.journal.begin(record)
        return run

    def step(self, run: str, key: str, data: bytes) -> Manifest:
        """One step that puts bytes and commits."""
        return self.commit(run, key, put(self.artifacts, data))

    def commit(self, run: str, key: str, file: FileRef) -> Manifest:
        manifest = Manifest(
            id=digest_struct("test", file.digest),
            content=file.digest,
            serializer="bytes",
            type="builtins:bytes",
            files=(file,),
        )
        outputs = {"result": made(manifest)}
        call = CallRecord(key=key, run=run, node=key, parts=PARTS, outputs=outputs, created=now())
        step = StepRecord(
            run=run, node=key, ref="m:f", status="done", key=key, parts=PARTS, outputs=outputs
        )
        self.append(run, StepChanged(step, call, (manifest,)))
        return manifest

    def reuse(self, run: str, call: CallRecord) -> None:
        step = StepRecord(
            run=run, node=call.node, status="reused", key=call.key, outputs=call.outputs
        )
        self.append(run, StepChanged(step))

    def append(self, run: str, *events: Any) -> None:
        self.metadata.journal.append(self.tokens[run], events)

    def end(self, run: str) -> None:
        self.append(run, RunEnded(run, "done", now()))

    def past(self, key: str, data: bytes) -> str:
        """A run of long ago."""
        run = self.begin()
        self.step(run, key, data)
        self.end(run)
        self.age()
        return run

    def age(self) -> None:
        """Everything that is there was there long ago."""
        for blob in self.artifacts.scan():
            match self.artifacts:
                case LocalStore(folder=folder):
                    os.utime(folder / blob.digest[:2] / blob.digest[2:], (1, 1))
                case MemoryArtifacts(_blobs=blobs):
                    blobs[blob.digest] = (blobs[blob.digest][0], 1)
        match self.metadata:
            case MemoryMetadata():
                state = self.metadata.journal._state
                for artifact in state.artifacts.values():
                    artifact.created = 1
                for entry in state.entries:
                    entry.withdrawn = min(entry.withdrawn, 1)
            case _:
                with sqlite3.connect(self.metadata.address()) as database:
                    database.execute("UPDATE artifact SET created = 1")
                    database.execute("UPDATE call SET withdrawn = 1 WHERE withdrawn <> 0")
                database.close()

    def reopened(self) -> House:
        if isinstance(self.metadata, SqlStore):
            address = self.metadata.address()
            self.metadata.close()
            self.metadata = SqlStore(address)
        if isinstance(self.artifacts, LocalStore):
            self.artifacts = LocalStore(self.artifacts.folder)
        return self

    def spoil(self, data: bytes, by: bytes | None) -> None:
        digest = digest_bytes(data)
        match self.artifacts:
            case LocalStore(folder=folder):
                path = folder / digest[:2] / digest[2:]
                path.unlink()
                if by is not None:
                    path.write_bytes(by)
            case MemoryArtifacts(_blobs=blobs):
                del blobs[digest]
                if by is not None:
                    blobs[digest] = (by, 1)

    def whole(self) -> bool:
        """Whether every artifact on record has its bytes."""
        return all(
            intact(self.artifacts, made(manifest)) for manifest in self.metadata.sweep.artifacts()
        )

    def doctor(self, *, repair: bool = False) -> list[tuple[str, bool]]:
        found = doctor(self.metadata, self.artifacts, repair=repair, boot=BOOT)
        return [(finding.kind, finding.repaired) for finding in found]

    def gc(self, *, older: float = 0, dry_run: bool = False) -> tuple[int, int, int]:
        garbage = collect(self.metadata, self.artifacts, older=older, dry_run=dry_run)
        return len(garbage.artifacts), garbage.files, garbage.size


def opened(kind: str, folder: Path) -> House:
    if kind == "memory":
        return House(MemoryMetadata(), MemoryArtifacts(), folder)
    return House(SqlStore(folder / "records.db"), LocalStore(folder / "artifacts"), folder)


@pytest.fixture(params=["memory", "disk"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    house = opened(request.param, tmp_path)
    yield house
    house.metadata.close()


# ---- gc


def test_what_a_run_needs_stays_and_what_none_needs_goes(house: House) -> None:
    keep, drop = house.past("keep", b"kept"), house.past("drop", DATA)
    assert house.gc() == (0, 0, 0)
    house.metadata.runs.remove(drop)
    assert house.gc(dry_run=True) == (1, 1, len(DATA))
    assert house.gc(dry_run=True) == (1, 1, len(DATA))
    assert house.gc() == (1, 1, len(DATA))
    assert house.gc() == (0, 0, 0)
    assert house.artifacts.stat(digest_bytes(DATA)) is None
    assert house.metadata.calls.find("keep", 0) is not None
    assert house.metadata.runs.get(keep).status == "done"
    assert house.whole()


def test_bytes_that_another_artifact_has_stay(house: House) -> None:
    drop = house.past("drop", DATA)
    run = house.begin()
    file = put(house.artifacts, DATA)
    house.commit(run, "keep", FileRef("another name", file.digest, file.size))
    house.end(run)
    house.age()
    house.metadata.runs.remove(drop)
    house.gc()
    assert house.artifacts.stat(file.digest) is not None
    assert house.whole()


def test_what_a_killed_run_left_goes_once_it_is_old(house: House) -> None:
    put(house.artifacts, DATA)
    assert house.gc() == (0, 0, 0)
    assert house.gc(older=-3600) == (0, 0, 0), "never less than the grace"
    house.age()
    assert house.gc(dry_run=True) == (0, 1, len(DATA))
    assert house.gc() == (0, 1, len(DATA))
    assert list(house.artifacts.scan()) == []


def test_what_is_younger_than_asked_stays(house: House) -> None:
    house.metadata.runs.remove(house.past("drop", DATA))
    put(house.artifacts, DATA)
    assert house.gc(older=3600)[1] == 0
    house.age()
    assert house.gc(older=3600)[1] == 1


def test_a_live_run_keeps_what_it_has_put_but_not_recorded(house: House) -> None:
    old = house.past("old", DATA)
    house.metadata.runs.remove(old)
    house.age()
    run = house.begin()
    file = put(house.artifacts, DATA)  # The same bytes as the garbage, before gc looks.
    house.gc()
    house.commit(run, "new", file)
    assert house.whole()
    assert house.artifacts.stat(file.digest) is not None


def test_a_live_run_keeps_what_it_has_found_but_not_recorded(house: House) -> None:
    old = house.past("old", DATA)
    run = house.begin()
    found = house.metadata.calls.find("old", 0)
    assert found is not None
    house.metadata.runs.remove(old)
    house.gc()
    house.reuse(run, found)
    assert intact(house.artifacts, found.outputs["result"])
    assert house.metadata.catalog.manifest(found.outputs["result"].artifact).files
    house.end(run)
    house.gc()
    assert house.whole()


class Watched:
    """A port that says when it is used."""

    def __init__(self, port: object, before: Callable[[], None]) -> None:
        self._port, self._before = port, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name in ("journal", "calls", "runs", "catalog", "sweep"):
            return Watched(found, self._before)

        def used(*args: Any, **kwargs: Any) -> Any:
            self._before()
            return found(*args, **kwargs)

        return used


def one_run_puts_the_same_bytes(house: House) -> None:
    house.step(house.begin(), "same", DATA)


def one_run_comes_and_goes(house: House) -> None:
    run = house.begin()
    house.step(run, "same", DATA)
    house.end(run)


def another_gc(house: House) -> None:
    house.gc()


def a_run_is_removed(house: House) -> None:
    for run in house.metadata.runs.list(RunFilter()):
        if run.status == "done":
            house.metadata.runs.remove(run.id)


MEDDLING = [one_run_puts_the_same_bytes, one_run_comes_and_goes, another_gc, a_run_is_removed]


@pytest.mark.parametrize("meddle", MEDDLING)
@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_whatever_happens_while_gc_works_no_recorded_artifact_loses_its_bytes(
    kind: str, tmp_path: Path, meddle: Callable[[House], None]
) -> None:
    for at in count(1):
        house = opened(kind, tmp_path)
        house.metadata.runs.remove(house.past("drop", DATA))
        house.past("keep", b"kept")
        house.age()
        used = 0

        def before(at: int = at, house: House = house) -> None:
            nonlocal used
            used += 1
            if used == at:
                meddle(house)

        collect(Watched(house.metadata, before), Watched(house.artifacts, before), older=0)  # type: ignore[arg-type]
        assert house.whole()
        house.metadata.close()
        if kind == "disk":
            shutil.rmtree(tmp_path)
            tmp_path.mkdir()
        if used < at:
            break
    assert at > 6


def test_killed_anywhere_gc_is_finished_by_the_next(tmp_path: Path) -> None:
    home = tmp_path / "home"

    def prepared() -> House:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        house = opened("disk", home)
        for number in range(3):
            house.metadata.runs.remove(house.past(f"drop{number}", noise(2000, number)))
        house.past("keep", b"kept")
        house.metadata.close()
        return opened("disk", home)

    for at in range(1, 100):
        prepared().metadata.close()
        if (child := os.fork()) == 0:
            install(Fault("die", at))
            opened("disk", home).gc()
            os._exit(0)
        died = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        house = opened("disk", home)
        assert house.whole()
        house.gc()
        assert [blob.size for blob in house.artifacts.scan()] == [4]
        assert house.whole()
        house.metadata.close()
        if not died:
            break
    assert 4 < at < 99


# ---- doctor


def test_a_healthy_house_has_no_findings(house: House) -> None:
    assert house.doctor() == []
    house.past("keep", DATA)
    assert house.doctor() == []
    assert house.doctor(repair=True) == []


@pytest.mark.parametrize(
    ("by", "kind"),
    [(b"!" + DATA[1:], "damaged"), (DATA[:-1], "damaged"), (b"", "damaged"), (None, "missing")],
)
def test_damage_is_found_and_repaired_so_that_it_is_made_anew(
    house: House, by: bytes | None, kind: str
) -> None:
    house.past("one", DATA)
    house.past("two", b"whole")
    house.spoil(DATA, by)
    assert house.reopened().doctor(repair=True) == [(kind, True)]
    assert house.metadata.calls.find("one", 0) is None
    assert house.metadata.calls.find("two", 0) is not None
    house.step(house.begin(), "one", DATA)
    assert house.metadata.calls.find("one", 0) is not None
    assert house.doctor() == []


def test_without_repair_nothing_changes(house: House) -> None:
    house.past("one", DATA)
    house.spoil(DATA, b"!" + DATA[1:])
    for _ in range(2):
        assert house.reopened().doctor() == [("damaged", False)]
    assert house.metadata.calls.find("one", 0) is not None
    assert house.artifacts.stat(digest_bytes(DATA)) is not None


def test_rot_under_a_file_that_this_process_knows_is_found(house: House) -> None:
    if not isinstance(house.artifacts, LocalStore):
        pytest.skip("memory does not rot")
    house.past("one", DATA)
    file = FileRef("data", digest_bytes(DATA), len(DATA))
    path = house.artifacts.path(file, verify=True)
    state = path.stat()
    path.chmod(0o644)
    with open(path, "r+b") as raw:
        raw.write(b"!")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert house.doctor(repair=True) == [("damaged", True)]
    assert house.artifacts.stat(file.digest) is None


def test_what_an_unclean_shutdown_left_unsure_is_read_and_vouched_for(house: House) -> None:
    house.past("one", DATA)
    house.past("two", b"lost")
    match house.metadata:
        case MemoryMetadata():
            for artifact in house.metadata.journal._state.artifacts.values():
                artifact.boot, artifact.durable = "another", False
        case _:
            with sqlite3.connect(house.metadata.address()) as database:
                database.execute("UPDATE artifact SET boot = 'another', durable = 0")
            database.close()
    house.spoil(b"lost", None)
    house = house.reopened()
    assert house.doctor() == [("missing", False), ("unsure", False)]
    assert house.doctor(repair=True) == [("missing", True), ("unsure", True)]
    assert house.doctor() == [("missing", False)], "the history of a run is not rewritten"


def test_dead_runs_and_leftovers_are_settled(house: House) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], stdout=-1)
    owner = replace(liveness.me(), pid=int(dead.stdout), born="1")
    run = RunRecord(id="dead", project="p", pipeline="train", owner=owner)
    house.metadata.journal.begin(run)
    put(house.artifacts, DATA)
    assert house.doctor(repair=True) == [("crashed", True)]
    house.age()
    assert house.doctor(repair=True) == [("unknown", False)]
    house.gc()
    assert house.doctor(repair=True) == []


def test_what_a_killed_writer_left_is_deleted_once_it_is_old(tmp_path: Path) -> None:
    house = opened("disk", tmp_path)
    if (child := os.fork()) == 0:
        house.artifacts.writer().write(DATA)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert house.artifacts.clean(60) == 0
    assert house.artifacts.clean(0) == 1
    assert house.doctor(repair=True) == []
    house.metadata.close()
