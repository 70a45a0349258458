"""The local store on a real disk, with real processes, under faults."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from penstock.artifact_stores.flush import MANY
from penstock.artifact_stores.local import LocalStore
from penstock.core import io
from penstock.core.digest import digest_bytes
from penstock.core.records import FileRef
from penstock.errors import ArtifactDamaged, ArtifactMissing, StoreError
from penstock.testing.artifact_store import noise, put, read
from penstock.testing.faults import Fault, faults, install

SMALL, LARGE, SPOILT = noise(1000), noise(300_000), b"spoilt by a test"


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """Others may read what is made: some of them do."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "artifacts")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of this machine may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def place(store: LocalStore, file: FileRef) -> Path:
    return store.folder / file.digest[:2] / file.digest[2:]


def forked(work: Callable[[], object], user: int | None = None) -> int:
    """Do `work` in a child process; its exit code, negative for a signal."""
    if (child := os.fork()) == 0:
        code = 70
        try:
            if user is not None and os.geteuid() == 0:
                os.setuid(user)
            work()
            code = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def every_visible_file_is_whole(store: LocalStore) -> set[str]:
    found = {blob.digest for blob in store.scan()}
    for digest in found:
        path = store.folder / digest[:2] / digest[2:]
        data = path.read_bytes()
        assert data == SPOILT or digest_bytes(data) == digest
    return found


# ---- where files lie


def test_files_lie_as_in_git_and_cannot_be_written(store: LocalStore) -> None:
    file = put(store, SMALL)
    assert place(store, file).read_bytes() == SMALL
    assert place(store, file).stat().st_mode & 0o777 == 0o444
    assert sorted(entry.name for entry in store.folder.iterdir()) == [file.digest[:2], "writing"]


def test_opening_a_store_writes_nothing(store: LocalStore) -> None:
    assert list(store.scan()) == []
    assert store.stat(digest_bytes(SMALL), check=True) is None
    assert store.clean(0) == 0
    assert not store.remove(digest_bytes(SMALL))
    assert not store.folder.exists()


# ---- what is trusted


def test_a_large_file_is_reused_for_the_price_of_a_stat(store: LocalStore) -> None:
    file = put(store, LARGE)
    rot(place(store, file))
    fresh = LocalStore(store.folder)
    assert fresh.stat(file.digest, check=True) is not None, "nothing touched it: it is not read"
    with pytest.raises(ArtifactDamaged, match="quarantine"):
        fresh.path(file, verify=True)
    assert [entry.name[:64] for entry in (store.folder / "quarantine").iterdir()] == [file.digest]


def test_a_small_file_is_read_when_it_is_reused(store: LocalStore) -> None:
    file = put(store, SMALL)
    rot(place(store, file))
    assert LocalStore(store.folder).stat(file.digest, check=True) is None


def test_a_file_that_was_touched_is_read_once_and_sealed_again(store: LocalStore) -> None:
    file = put(store, LARGE)
    os.utime(place(store, file))
    fresh = LocalStore(store.folder)
    assert fresh.stat(file.digest, check=True) is not None
    rot(place(store, file))
    assert LocalStore(store.folder).stat(file.digest, check=True) is not None


def test_a_copied_store_is_read_because_its_files_are_others(store: LocalStore) -> None:
    file = put(store, LARGE)
    rot(place(store, file))
    shutil.copytree(store.folder, copy := store.folder.with_name("copy"))
    assert LocalStore(copy).stat(file.digest, check=True) is None


def test_what_this_process_wrote_is_not_read_again(store: LocalStore) -> None:
    file = put(store, LARGE)
    rot(place(store, file))
    assert store.path(file, verify=True).exists()


def test_writing_again_what_was_there_is_no_proof_of_it(store: LocalStore) -> None:
    file = put(store, LARGE)
    rot(place(store, file))
    fresh = LocalStore(store.folder)
    assert put(fresh, LARGE) == file
    with pytest.raises(ArtifactDamaged):
        fresh.path(file, verify=True)


def rot(path: Path) -> None:
    """Change a byte as a disk does: nobody wrote, no time changed."""
    state = path.stat()
    path.chmod(0o644)
    with open(path, "r+b") as raw:
        byte = raw.read(1)[0]
        raw.seek(0)
        raw.write(bytes([byte ^ 1]))
    path.chmod(0o444)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


# ---- many processes

PUT_ALL = """
import sys
from pathlib import Path
from penstock.artifact_stores.local import LocalStore
from penstock.testing.artifact_store import noise, put, read
store = LocalStore(Path(sys.argv[1]))
sys.stdin.read()
files = [put(store, noise(size, size)) for size in (10, 100_000, 5_000_000) for _ in range(5)]
store.sync([file.digest for file in files])
assert all(len(read(store, file)) == file.size for file in files)
print(sorted({file.digest for file in files}))
"""


def test_eight_processes_that_write_the_same_make_one_file_of_each(store: LocalStore) -> None:
    command = [sys.executable, "-c", PUT_ALL, str(store.folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    started = [subprocess.Popen(command, **pipes) for _ in range(8)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    for process in started:
        process.stdin = None
    answers = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0] * 8
    assert answers == {f"{sorted(every_visible_file_is_whole(store))}\n".encode()}
    assert store.clean(0) == 0


WRITE_ON = """
import itertools, sys
from pathlib import Path
from penstock.artifact_stores.local import LocalStore
from penstock.testing.artifact_store import noise, put
store = LocalStore(Path(sys.argv[1]))
for number in itertools.count():
    file = put(store, noise((1000, 70_000, 20_000_000)[number % 3], number))
    print(file.digest, flush=True)
"""


@pytest.mark.parametrize("after", [1, 2, 5, 6, 14])
def test_killed_in_the_middle_of_writing(store: LocalStore, after: int) -> None:
    command = [sys.executable, "-c", WRITE_ON, str(store.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = {process.stdout.readline().strip() for _ in range(after)}
        process.kill()
        told |= set(process.stdout.read().split("\n")[:-1])
    assert told <= every_visible_file_is_whole(store)
    store.clean(0)
    assert os.listdir(store.folder / "writing") == []


def test_cleaning_spares_living_writers_however_old_their_file(store: LocalStore) -> None:
    writer = store.writer()
    writer.write(LARGE)
    (unfinished,) = (store.folder / "writing").iterdir()
    os.utime(unfinished, (0, 0))
    assert store.clean(0) == 0
    assert read(store, writer.commit("data")) == LARGE


def test_a_commit_wins_over_a_removal_and_over_another_writer(store: LocalStore) -> None:
    """Whoever has committed finds the bytes, whatever old file gc was about to delete."""
    remover, other = os.fork(), -1
    if remover == 0:
        mine = LocalStore(store.folder)
        while True:
            for data in (SMALL, LARGE):
                mine.remove(digest_bytes(data), before=int((time.time() - 100) * 1e6))
    if (other := os.fork()) == 0:
        mine = LocalStore(store.folder)
        while True:
            for data in (SMALL, LARGE):
                put(mine, data)
    try:
        for _ in range(300):
            for data in (SMALL, LARGE):
                file = put(store, data)
                assert place(store, file).exists()
                try:
                    os.utime(place(store, file), (1, 1))  # Long ago: now it may go.
                except FileNotFoundError:
                    pytest.fail("a committed file went while it was young")
    finally:
        for child in (remover, other):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    every_visible_file_is_whole(store)


# ---- faults


def work(store: LocalStore, source: Path) -> None:
    """Every kind of write."""
    small, large = put(store, SMALL), put(store, LARGE)
    put(store, SMALL)
    put(store, LARGE)
    adopted = store.adopt(source, "mine")
    store.sync([small.digest, large.digest, adopted.digest])
    place(store, small).chmod(0o644)
    place(store, small).write_bytes(SPOILT)
    put(store, SMALL)
    store.remove(adopted.digest)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.write_bytes(noise(100_000, 9))
    return path


def places(folder: Path, source: Path) -> int:
    with faults() as trace:
        work(LocalStore(folder), source)
    shutil.rmtree(folder)
    return len(trace)


def broken(folder: Path, source: Path, fault: Fault) -> None:
    install(fault)
    try:
        work(LocalStore(folder), source)
    except StoreError:
        os._exit(7)


@pytest.mark.parametrize("act", ["fail", "tear", "die"])
def test_a_fault_at_every_operation_leaves_all_or_nothing(
    store: LocalStore, source: Path, act: Literal["fail", "tear", "die"]
) -> None:
    count = places(store.folder, source)
    assert count > 40
    for at in range(1, count + 1):
        code = forked(partial(broken, store.folder, source, Fault(act, at)))
        assert code in ((0, 7) if act == "fail" else (-signal.SIGKILL,))
        every_visible_file_is_whole(store)
        if act == "fail":
            # What could not be removed after it got its name is all that may stay.
            assert len(list((store.folder / "writing").glob("*"))) <= 1
        LocalStore(store.folder).clean(0)
        assert list((store.folder / "writing").glob("*")) == []
        work(LocalStore(store.folder), source)
        shutil.rmtree(store.folder)


@pytest.mark.parametrize(
    ("error", "hint"),
    [(errno.ENOSPC, "penstock gc"), (errno.EDQUOT, "quota"), (errno.EROFS, "PENSTOCK_HOME")],
)
@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["small", "large"])
def test_a_full_disk_is_said_with_the_next_move(
    store: LocalStore, error: int, hint: str, data: bytes
) -> None:
    put(store, b"earlier")
    with faults(Fault("fail", 1, error, lasting=True)), pytest.raises(StoreError) as caught:
        put(store, data)
    assert os.strerror(error) in str(caught.value)
    assert hint in caught.value.hint
    assert [blob.size for blob in store.scan()] == [len(b"earlier")]
    assert list((store.folder / "writing").iterdir()) == []
    assert read(store, put(store, data)) == data


def test_an_error_of_fsync_is_final(store: LocalStore) -> None:
    file = put(store, SMALL)
    with faults(Fault("fail", 1, errno.EIO)), pytest.raises(StoreError, match="safely"):
        store.sync([file.digest])
    with pytest.raises(StoreError, match="safely"):
        store.sync([file.digest])


def test_an_error_of_the_background_flush_reaches_the_barrier(store: LocalStore) -> None:
    def watch(name: str, half: object) -> None:
        if name == "fsync" and threading.current_thread() is not threading.main_thread():
            failed.append(name)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    failed: list[str] = []
    io.watch(watch)
    try:
        file = put(store, noise(9 << 20))
        with pytest.raises(StoreError, match="safely"):
            store.sync([file.digest])
    finally:
        io.watch(None)
    assert failed == ["fsync"]


def test_sync_asks_only_for_what_is_new(store: LocalStore) -> None:
    first, second = put(store, SMALL), put(store, LARGE)
    store.sync([first.digest])
    with faults() as trace:
        store.sync([first.digest])
        assert trace == []
        store.sync([first.digest, second.digest])
        assert trace == ["fsync"] * 3, "the file, its folder, the store's folder"


def test_many_files_go_down_together(store: LocalStore) -> None:
    files = [put(store, b"%d" % number) for number in range(5 * MANY)]
    with faults() as trace:
        store.sync([file.digest for file in files])
    assert trace == ["fsync"]
    assert len(every_visible_file_is_whole(store)) == 5 * MANY


# ---- rights


def test_a_folder_that_cannot_be_written_is_said_and_can_be_read(open_folder: Path) -> None:
    store = LocalStore(open_folder / "artifacts")
    file = put(store, SMALL)
    for path in (store.folder, place(store, file).parent, store.folder / "writing"):
        path.chmod(0o555)

    def stranger() -> None:
        mine = LocalStore(store.folder)
        assert read(mine, file) == SMALL
        assert mine.stat(file.digest, check=True) is not None
        with pytest.raises(StoreError, match="Permission denied") as caught:
            put(mine, LARGE)
        assert "PENSTOCK_HOME" in caught.value.hint

    try:
        assert forked(stranger, user=65534) == 0
    finally:
        for path in (store.folder, place(store, file).parent, store.folder / "writing"):
            path.chmod(0o755)


def test_two_users_share_a_store(open_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can act as two users")
    store = LocalStore(open_folder / "artifacts")
    files = [put(store, SMALL), put(store, LARGE)]
    store.remove(put(store, b"makes the lock").digest)
    for folder in (store.folder, *(path for path in store.folder.iterdir() if path.is_dir())):
        folder.chmod(0o777)
    (store.folder / "lock").chmod(0o666)

    def other() -> None:
        mine = LocalStore(store.folder)
        assert [put(mine, SMALL), put(mine, LARGE)] == files
        assert read(mine, files[1]) == LARGE
        assert not mine.remove(files[1].digest, before=int((time.time() - 1) * 1e6))

    for file in files:
        os.utime(place(store, file), (1, 1))
    assert forked(other, user=65534) == 0
    assert every_visible_file_is_whole(store) == {file.digest for file in files}
    with pytest.raises(ArtifactMissing):
        store.path(FileRef("data", "0" * 64, 1), verify=False)
