"""The layer that all writes pass through, and faults in it."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from penstock.core import io
from penstock.errors import StoreError, UsageError
from penstock.testing.faults import Fault, faults, install, parse


def test_a_small_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "config"
    io.replace(path, b"old", durable=True)
    with faults() as trace:
        io.replace(path, b"new", durable=True)
    assert trace == ["create", "write", "fsync", "rename", "fsync"]
    for at in range(1, 5):
        with faults(Fault("fail", at)), pytest.raises(OSError, match="No space left"):
            io.replace(path, b"newer", durable=True)
        assert path.read_bytes() == b"new"
    for act in ("tear", "die"):
        for at in range(1, 5):
            if (child := os.fork()) == 0:
                install(Fault(act, at))  # type: ignore[arg-type]
                io.replace(path, b"newer", durable=True)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            assert path.read_bytes() == b"new"


def test_a_torn_write_leaves_half(tmp_path: Path) -> None:
    path = tmp_path / "file"
    if (child := os.fork()) == 0:
        install(Fault("tear", 2))
        io.write(io.create(path), b"abcdefgh")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert path.read_bytes() == b"abcd"


def test_of_two_that_publish_one_wins_and_none_is_overwritten(tmp_path: Path) -> None:
    one, two, final = (str(tmp_path / name) for name in ("one", "two", "final"))
    Path(one).write_bytes(b"1")
    Path(two).write_bytes(b"2")
    assert io.publish(one, final)
    assert not io.publish(two, final)
    assert Path(final).read_bytes() == b"1"
    assert not Path(one).exists()
    assert Path(two).exists()


def test_long_and_odd_buffers_are_written_whole(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_blocking(write, True)
    data = memoryview(bytearray(range(256)) * 1024).cast("I")
    if (child := os.fork()) == 0:
        os.close(read)
        io.write(write, data)
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        assert pipe.read() == data.tobytes()
    assert os.waitpid(child, 0)[1] == 0


def test_temporary_names_differ_between_processes_and_calls(tmp_path: Path) -> None:
    names = {io.temporary(tmp_path / "file") for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(f"{tmp_path}/file.") for name in names)


@pytest.mark.parametrize(
    ("error", "hint"),
    [(errno.ENOSPC, "penstock gc"), (errno.EACCES, "PENSTOCK_HOME"), (errno.EMFILE, "ulimit")],
)
def test_an_error_says_what_why_and_the_next_move(error: int, hint: str) -> None:
    with pytest.raises(StoreError) as caught, io.explained("store 'model'"):
        raise OSError(error, os.strerror(error), "/some/file")
    assert caught.value.message == (f"cannot store 'model' at '/some/file': {os.strerror(error)}")
    assert hint in caught.value.hint
    assert isinstance(caught.value.__cause__, OSError)


def test_faults_are_written_as_words() -> None:
    assert parse("none") is None
    assert parse("die:17") == Fault("die", 17)
    assert parse("tear:4") == Fault("tear", 4)
    assert parse("fail:3") == Fault("fail", 3, errno.ENOSPC)
    assert parse("fail:3:EIO:lasting") == Fault("fail", 3, errno.EIO, lasting=True)
    for wrong in ("die", "die:0", "die:x", "fail:3:EWHAT", "explode:1"):
        with pytest.raises(UsageError, match="is no fault"):
            parse(wrong)


def test_a_lasting_fault_stays(tmp_path: Path) -> None:
    with faults(Fault("fail", 2, lasting=True)) as trace:
        os.close(io.create(tmp_path / "one"))
        for _ in range(3):
            with pytest.raises(OSError, match="No space"):
                io.create(tmp_path / "two")
    os.close(io.create(tmp_path / "two"))
    assert trace == ["create"] * 4
