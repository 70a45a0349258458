"""Who owns a run, and whether that process still lives: boot id, pid namespace, pid, start time."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from penstock.core.records import Owner

GONE = frozenset("ZXx")
STOPPED = frozenset("Tt")


def me() -> Owner:
    """This process."""
    return _owner(os.getpid())


@functools.lru_cache(maxsize=1)
def _owner(pid: int) -> Owner:
    # Remembered by pid, so that a forked child is not mistaken for its parent.
    found = _look(pid)
    return Owner(_host(), boot(), _namespace(), pid, found[1] if found else "")


def alive(owner: Owner) -> bool | None:
    """Whether `owner` lives: False is certain; None means that only its lease can tell."""
    here = me()
    if owner.boot != here.boot:
        # A machine that booted again runs none of its old processes; of another one we know nothing.
        return False if owner.host == here.host else None
    if owner.namespace != here.namespace:
        return None
    found = _look(owner.pid)
    if found is None:
        return None if _hidden(owner.pid) else False
    state, born = found
    if born != owner.born or state in GONE:
        return False
    return None if state in STOPPED else True


@functools.cache
def boot() -> str:
    """Names this boot of this machine: what was not flushed before another one may be lost."""
    if sys.platform == "darwin":
        return _sysctl(b"kern.bootsessionuuid")
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


@functools.cache
def _host() -> str:
    # A host name alone is not enough: "localhost" is many machines, and so is a cloned machine id.
    if sys.platform == "darwin":
        return f"{os.uname().nodename} {_sysctl(b'kern.uuid')}"
    try:
        return f"{os.uname().nodename} {Path('/etc/machine-id').read_text().strip()}"
    except OSError:
        return os.uname().nodename


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _hidden(pid: int) -> bool:
    """Whether there is such a process, but the system does not show it to us."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _look(pid: int) -> tuple[str, str] | None:
    """State letter and start time of a process."""
    if sys.platform == "darwin":
        return _look_darwin(pid)
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            stat = file.read(2048)
    except OSError:
        return None
    # The name, in parentheses, may hold anything; what follows it are fields 3, 4 …, 22 is the start.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return fields[0].decode(), fields[19].decode()


# ---- macOS: what /proc says elsewhere


def _look_darwin(pid: int) -> tuple[str, str] | None:
    import ctypes

    size = 136  # struct proc_bsdinfo of <sys/proc_info.h>
    info = ctypes.create_string_buffer(size)
    if ctypes.CDLL(None).proc_pidinfo(pid, 3, ctypes.c_uint64(0), info, size) != size:
        return None
    status = int.from_bytes(info.raw[4:8], "little")
    seconds, micros = (int.from_bytes(info.raw[at : at + 8], "little") for at in (120, 128))
    return {4: "T", 5: "Z"}.get(status, "R"), f"{seconds}.{micros:06}"


def _sysctl(name: bytes) -> str:
    import ctypes

    value = ctypes.create_string_buffer(256)
    size = ctypes.c_size_t(len(value))
    if ctypes.CDLL(None).sysctlbyname(name, value, ctypes.byref(size), None, 0) != 0:
        return ""
    return value.value.decode()
