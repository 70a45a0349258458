"""A bench for calls: functions to try an executor with, and what submits them and keeps its signals."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from penstock.core.calls import (
    Call,
    Finished,
    Given,
    Load,
    Outcome,
    Signal,
    Succeeded,
    Work,
)
from penstock.core.digest import digest_struct
from penstock.core.graph import Output, Target
from penstock.core.ports import Executor
from penstock.define.closure import closure
from penstock.perform.context import context
from penstock.perform.logs import log_path
from penstock.stack import Stack

RESULT = (Output("result"),)


# ---- steps to try with


class Split(NamedTuple):
    left: int
    right: int


class Strange(Exception):
    """An exception that does not survive pickling."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__("strange")


def add(a: int, b: int = 1) -> int:
    return a + b


def gather(*numbers: int, scale: int = 1, **more: int) -> int:
    return sum(numbers) * scale + sum(more.values())


def by_position(a: int, b: int, /) -> int:
    return a - b


def split(a: int) -> Split:
    return Split(a // 2, a - a // 2)


def spoil(rows: list[int]) -> list[int]:
    rows.append(0)
    return rows


def nothing() -> None:
    return None


def fail(text: str) -> int:
    raise ValueError(text)


def fail_strangely() -> int:
    raise Strange(1, 2)


def leave() -> int:
    sys.exit(3)


def speak() -> int:
    sys.stdout.write("to stdout\n")
    sys.stderr.write("to stderr\n")
    logging.getLogger("suite").warning("to %s", "logging")
    return 1


def draw() -> float:
    return random.random()


def draw_seed() -> int:
    return context().seed


def start_a_child() -> int:
    return subprocess.run([sys.executable, "-c", "pass"], check=True).returncode


def report() -> int:
    me = context()
    me.progress(1, 2, "half")
    me.log_metric("auc", 0.5, step=3)
    me.log_param("depth", 4)
    me.log_artifact("table", [1, 2])
    me.progress(2, 2)
    return 1


def count_on() -> int:
    begun: int = context().checkpoint.load(0)
    context().checkpoint.save(begun + 1)
    return begun


def use_scratch() -> str:
    (context().scratch / "note.txt").write_text("here")
    return str(context().scratch)


def read_beside(name: str) -> str:
    return Path(name).read_text()


def who(ignored: int) -> int:
    return os.getpid()


def sleep_for(seconds: float, marker: str) -> int:
    child = subprocess.Popen(["sleep", "1000"])
    Path(marker).write_text(f"{os.getpid()} {child.pid}")
    time.sleep(seconds)
    return 1


# ---- how they are tried


@dataclass(slots=True)
class Bench:
    """An executor on a bench: works are made, submitted, and their signals kept."""

    executor: Executor
    stack: Stack
    told: list[Signal] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    made: int = 0

    def work(
        self, function: Callable[..., Any], /, target: Target | None = None, **changes: Any
    ) -> Work:
        """A work; `arguments` as plain values, anything else a field of the call."""
        self.made += 1
        arguments = {
            name: value if isinstance(value, Given | Load) else Given(value)
            for name, value in changes.pop("arguments", {}).items()
        }
        name = changes.pop("node", function.__name__)
        code = closure(
            function,
            root=self.stack.project.root,
            digest_value=self.stack.artifacts.digest,
        ).digest
        settings: dict[str, Any] = {
            "run": "r1",
            "node": name,
            "ref": f"{function.__module__}:{function.__qualname__}",
            "code": code,
            "key": digest_struct("key", name),
            "arguments": arguments,
            "outputs": RESULT,
            "seed": 7,
        }
        found = target or Target(function.__module__, function.__qualname__)
        return Work(self.made, Call(**{**settings, **changes}), function, lambda: found)

    def run(self, function: Callable[..., Any], /, **changes: Any) -> Outcome:
        """Submit one work and wait for its end."""
        work = self.work(function, **changes)
        self.executor.submit(work)
        return self.outcome(work.id)

    def outcome(self, id: int) -> Outcome:
        return self.outcomes([id])[id]

    def outcomes(self, ids: Sequence[int], patience: float = 60.0) -> dict[int, Outcome]:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            found = {s.id: s.outcome for s in self.signals if isinstance(s, Finished)}
            if all(id in found for id in ids):
                return {id: found[id] for id in ids}
            self.signals += self.executor.poll(0.2)
        raise AssertionError(f"no end within {patience} s; there is {self.signals}")

    def value(self, outcome: Outcome, name: str = "result") -> Any:
        assert isinstance(outcome, Succeeded), outcome
        return self.stack.artifacts.decode(outcome.outputs[name])

    def log(self, node: str, index: str = "") -> str:
        path = log_path(self.stack.project.home / "logs", "r1", node, index)
        return path.read_text() if path.exists() else ""


def pids_in(marker: Path) -> list[int]:
    return [int(word) for word in marker.read_text().split()]


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not reaped does not."""
    try:
        stat = Path("/proc", str(pid), "stat").read_bytes()
    except OSError:
        if sys.platform == "linux":
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    return not stat.rpartition(b")")[2].lstrip().startswith(b"Z")
