"""Whole processes, measured: seconds, peak memory, in a project made for the occasion."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PROGRAMS = Path(__file__).parent / "programs"
MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    peak: int
    """Resident bytes at most, of the process and each child it waited for, as the kernel counts."""
    private: int = 0
    """Anonymous bytes at most, sampled; only where asked for, as sampling slows the process."""
    cpu: float = 0.0
    """Seconds of processor time, of all its threads and children."""


def environment() -> dict[str, str]:
    """Ours, but for what would keep Python from using its bytecode, or move penstock's state."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PENSTOCK_HOME", "PENSTOCK_STACK")
    return {name: value for name, value in os.environ.items() if name not in unwanted}


@contextmanager
def project(folder: Path | None = None) -> Iterator[Path]:
    """A new project with the programs in it, under git as most are."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-", dir=folder) as name:
        root = Path(name)
        for file in PROGRAMS.glob("*.py"):
            shutil.copy(file, root)
        (root / "penstock.toml").touch()
        (root / ".gitignore").write_text(".penstock/\nby_hand/\n__pycache__/\n")
        git = ["git", "-C", name, "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "bench"], check=True)
        yield root


def measure(root: Path, program: str, *arguments: object, private: bool = False) -> Measured:
    """One fresh process, from its start to its end."""
    command = [sys.executable, f"{program}.py", *map(str, arguments)]
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=root, env=environment(), stdout=log, stderr=subprocess.STDOUT
        )
        sampled = [0]
        if private:
            sampler = threading.Thread(target=_sample, args=(process.pid, sampled), daemon=True)
            sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{log.read().decode()}")
    scale = 1 if sys.platform == "darwin" else 1024
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(seconds, usage.ru_maxrss * scale, sampled[0], cpu)


def _sample(pid: int, highest: list[int]) -> None:
    """Until the process is gone. Linux only: elsewhere nothing is found and 0 stays."""
    try:
        while True:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            found = re.search(r"^Anonymous:\s+(\d+) kB", text, re.MULTILINE)
            if found is None:
                return
            highest[0] = max(highest[0], int(found[1]) * 1024)
            time.sleep(0.01)
    except OSError:
        return


def middle(measurements: list[Measured]) -> float:
    return median(m.seconds for m in measurements)


def slope(few: list[Measured], many: list[Measured], more: int) -> float:
    """Seconds for each further one."""
    return (middle(many) - middle(few)) / more
