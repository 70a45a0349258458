import os
import signal
import subprocess
import sys

from msgspec.structs import replace

from penstock.core.liveness import alive, boot, me
from penstock.core.records import Owner

ASK = "import sys, msgspec; from penstock.core.liveness import me; print(msgspec.json.encode(me()).decode(), flush=True); sys.stdin.read()"


def start() -> tuple[subprocess.Popen[str], Owner]:
    import msgspec

    child = subprocess.Popen(
        [sys.executable, "-c", ASK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child, msgspec.json.decode(child.stdout.readline(), type=Owner)


def end(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def test_this_process_lives_and_names_this_boot():
    assert alive(me()) is True
    assert me().boot == boot() != ""
    assert me().pid == os.getpid()


def test_another_process_lives_until_it_is_killed():
    child, owner = start()
    assert alive(owner) is True
    end(child)
    assert alive(owner) is False


def test_a_killed_process_that_nobody_has_waited_for_is_dead():
    child, owner = start()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert alive(owner) is False
    end(child)


def test_only_the_lease_tells_of_a_stopped_process():
    child, owner = start()
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert alive(owner) is None
    child.send_signal(signal.SIGCONT)
    os.waitid(os.P_PID, child.pid, os.WCONTINUED)
    assert alive(owner) is True
    end(child)


def test_a_pid_given_again_is_another_process():
    assert alive(replace(me(), born="1")) is False


def test_a_boot_before_this_one_has_no_living_processes():
    assert alive(replace(me(), boot="before")) is False


def test_only_the_lease_tells_of_another_host_or_pid_namespace():
    assert alive(replace(me(), host="elsewhere", boot="other")) is None
    assert alive(replace(me(), namespace="pid:[1]")) is None


def test_a_forked_child_is_not_its_parent():
    parent = me()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, str(me().pid).encode())
        os._exit(0)
    os.close(write)
    assert int(os.read(read, 20)) == pid != parent.pid
    os.close(read)
    os.waitpid(pid, 0)
