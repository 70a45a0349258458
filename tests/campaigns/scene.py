"""A project under attack: real processes that run it, a ledger of what they executed, and how it looks after."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.place import Place

from penstock.client import Client
from penstock.core import liveness
from penstock.core.ports import RunFilter
from penstock.core.project import Project
from penstock.run import recovery
from penstock.stack import open_stack

DOING = """
import json, os, sys, time
from penstock import context

def executes(name):
    \"\"\"One line in a file outside the project, for each execution.\"\"\"
    here = context()
    line = f"{here.run_id} {here.step}[{here.index}] {name} {os.getpid()}\\n"
    fd = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, line.encode())
    os.close(fd)

def waits(name, limit=60):
    \"\"\"Until somebody makes the file of this name beside the ledger.\"\"\"
    path = os.environ["LEDGER"] + "." + name
    end = time.monotonic() + limit
    while not os.path.exists(path) and time.monotonic() < end:
        time.sleep(0.005)
"""

DRIVER = """
import importlib, json, os, sys
sys.path.insert(0, os.getcwd())
asked = json.loads(sys.argv[1])
module, _, name = asked["target"].partition(":")
pipeline = getattr(importlib.import_module(module), name)
for line in asked["before"]:
    exec(line)
from penstock.testing.faults import install, parse
watch = install(parse(asked["fault"]))
print("@@begins", flush=True)
run = pipeline.options(**{"on_error": "return", **asked["options"]}).run(*asked["arguments"])
result = run.result() if run.status == "done" else None
print("@@" + json.dumps({"error": run.error.message if run.error else "",
    "id": run.id, "status": run.status, "result": result, "operations": len(watch.trace)
}), flush=True)
"""


class Going:
    """A run in a process of its own, going on."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self.out = ""
        self.err = ""

    def begins(self) -> Going:
        """Wait until its imports are done and the run is about to begin."""
        assert self.process.stdout is not None
        while (line := self.process.stdout.readline()) and "@@begins" not in line:
            self.out += line
        return self

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self, timeout: float = 60) -> Going:
        try:
            out, self.err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdout, self.process.stderr):
                assert pipe is not None
                pipe.close()  # somebody else may still hold its other end
            raise AssertionError(f"it did not end:\n{self.out}") from None
        self.out += out
        return self

    @property
    def code(self) -> int:
        assert self.process.returncode is not None
        return self.process.returncode

    @property
    def told(self) -> dict[str, Any] | None:
        """What the run came to, if the process got so far."""
        last = self.out.rpartition("@@")[2]
        return json.loads(last) if last.startswith("{") else None

    @property
    def done(self) -> dict[str, Any]:
        """The same, of a run that must have gone well."""
        told = self.told
        assert told is not None, f"the run told nothing ({self.code}):\n{self.out}\n{self.err}"
        assert told["status"] == "done", f"{told}\n{self.err}"
        return told


@dataclass
class Scene:
    """A place with a ledger beside it."""

    place: Place
    ledger: Path
    home: Path
    going: list[Going] = field(default_factory=list)

    def environment(self, **more: str) -> dict[str, str]:
        return self.place.environment(
            LEDGER=str(self.ledger), PENSTOCK_HOME=str(self.home), OPENBLAS_NUM_THREADS="1", **more
        )

    def write(self, **modules: str) -> Scene:
        self.place.write({"doing.py": DOING}, **modules)
        return self

    # ---- runs

    def start(
        self,
        target: str,
        *arguments: Any,
        fault: str = "",
        before: tuple[str, ...] = (),
        **options: Any,
    ) -> Going:
        asked = {
            "target": target,
            "arguments": arguments,
            "options": options,
            "fault": fault,
            "before": before,
        }
        return self.process("-c", DRIVER, json.dumps(asked))

    def process(self, *words: str) -> Going:
        going = Going(
            subprocess.Popen(
                [sys.executable, *words],
                cwd=self.place.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        self.going.append(going)
        return going

    def close(self) -> None:
        """End what a failed test has left behind."""
        for going in self.going:
            if going.process.returncode is None:
                going.process.kill()
                going.process.wait()
            for pipe in (going.process.stdout, going.process.stderr):
                assert pipe is not None
                pipe.close()

    def command(self, *words: str) -> Going:
        """`penstock …`, as a person types it."""
        return self.process("-m", "penstock", *words)

    def releases(self, name: str) -> None:
        """Let steps that wait for this go on."""
        Path(f"{self.ledger}.{name}").touch()

    # ---- what has happened

    def executions(self) -> list[tuple[str, str, str]]:
        """(run, step, name) of each execution that began, in order."""
        return [(run, step, name) for run, step, name, _ in self._lines()]

    def performers(self) -> set[int]:
        """Processes in which steps were executed."""
        return {int(pid) for *_, pid in self._lines()}

    def _lines(self) -> list[list[str]]:
        text = self.ledger.read_text() if self.ledger.exists() else ""
        return [line.split() for line in text.splitlines()]

    def executed(self, name: str, times: int = 1, limit: float = 30.0) -> None:
        """Wait until this has been executed so often."""
        eventually(
            lambda: sum(found == name for *_, found in self.executions()) >= times,
            f"'{name}' is executed",
            limit,
        )

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A reader that has not looked at this store before."""
        root = self.place.root
        stack = open_stack(Project(root, "trial", self.home))
        try:
            yield Client(stack)
        finally:
            stack.close()

    def statuses(self) -> list[str]:
        """Of all runs, newest first."""
        with self.client() as client:
            return [run.status for run in client.runs(RunFilter(limit=10_000))]

    def findings(self, *, repair: bool = False) -> list[recovery.Finding]:
        """What the doctor says of the store."""
        with self.client() as client:
            stack = client.stack
            found = recovery.doctor(
                stack.metadata, stack.artifacts.store, repair=repair, boot=liveness.boot()
            )
        return list(found)

    def is_sound(self) -> None:
        """No artifact that records speak of is damaged or missing."""
        bad = [one for one in self.findings() if one.kind in ("damaged", "missing", "unsure")]
        assert bad == []


def eventually(true: Callable[[], bool], what: str, limit: float = 10.0) -> float:
    """Wait for it; how long that took."""
    begun = time.monotonic()
    while not true():
        if time.monotonic() - begun > limit:
            raise AssertionError(f"after {limit:g} s not yet so: {what}")
        time.sleep(0.01)
    return time.monotonic() - begun


def lives(pid: int) -> bool:
    found = liveness._look(pid)
    return found is not None and found[0] not in liveness.GONE


def descendants(pid: int) -> set[int]:
    """Processes below this one, as they are now."""
    import psutil

    try:
        return {child.pid for child in psutil.Process(pid).children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()


# ---- many runs, each in a child of a process that has imported everything

NURSERY = """
import importlib, json, os, sys, tempfile
sys.path.insert(0, os.getcwd())
import numpy
from penstock.testing.faults import install, parse
import penstock, penstock.api.pipeline, penstock.session, penstock.executors.inline
for name in sys.argv[1].split(","):
    importlib.import_module(name)

def child(asked, told):
    os.environ["PENSTOCK_HOME"] = asked["home"]
    os.environ["LEDGER"] = asked["home"] + ".ledger"
    os.environ.update(asked["environment"])
    module, _, name = asked["target"].partition(":")
    pipeline = getattr(importlib.import_module(module), name)
    watch = install(parse(asked["fault"]))
    out = {"status": "raised", "result": None, "error": "", "reasons": {}, "notes": {}}
    try:
        run = pipeline.options(**{"on_error": "return", **asked["options"]}).run(*asked["arguments"])
        out["status"] = run.status
        out["id"] = run.id
        out["error"] = run.error.message if run.error else ""
        steps = [*run.steps, *(item for step in run.steps for item in step.items)]
        out["statuses"] = {s.name: s.status for s in steps}
        out["reasons"] = {s.name: s.reason for s in steps}
        out["notes"] = {s.name: list(s.notes) for s in steps}
        out["result"] = run.result() if run.status == "done" else None
    except Exception as error:
        out["error"] = type(error).__name__ + ": " + str(error)
    out["trace"] = list(watch.trace)
    install(None)
    try:
        # As this process reads it, which lives on: a notebook, say.
        newest = penstock.runs(limit=1)
        out["recorded"] = [run.status for run in newest]
        out["left"] = [s.name for run in newest for s in run.steps if s.status == "running"]
    except Exception as error:
        out["recorded"] = [repr(error)]
    os.write(told.fileno(), json.dumps(out).encode())

for line in sys.stdin:
    asked = json.loads(line)
    told, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    pid = os.fork()
    if pid == 0:
        os.dup2(err.fileno(), 1)
        os.dup2(err.fileno(), 2)
        code = 1
        try:
            child(asked, told)
            sys.stdout.flush()
            sys.stderr.flush()
            code = 0
        except BaseException:
            import traceback
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    told.seek(0)
    err.seek(0)
    text = told.read().decode()
    answer = {"code": os.waitstatus_to_exitcode(status), "stderr": err.read().decode()}
    print(json.dumps({**answer, **(json.loads(text) if text else {})}), flush=True)
"""


@dataclass
class Born:
    """What became of a run in a child of the nursery."""

    code: int
    stderr: str
    status: str = "killed"
    id: str = ""
    result: Any = None
    error: str = ""
    statuses: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    """The run's status, as its own process reads it afterwards."""
    left: list[str] = field(default_factory=list)
    """Steps that read as running then."""

    @property
    def executed(self) -> set[str]:
        return {name for name, status in self.statuses.items() if status == "done"}


class Nursery:
    """Runs at the price of a fork. One run at a time; ends with its standard input."""

    def __init__(self, place: Place, *modules: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, ",".join(modules)],
            cwd=place.root,
            env=place.environment(OPENBLAS_NUM_THREADS="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        home: Path,
        target: str,
        *arguments: Any,
        fault: str = "",
        environment: Mapping[str, str] = {},
        **options: Any,
    ) -> Born:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {
            "home": str(home),
            "target": target,
            "arguments": arguments,
            "options": options,
            "fault": fault,
            "environment": dict(environment),
        }
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        if not select.select([self.process.stdout], [], [], 60)[0]:
            children = descendants(self.process.pid)
            for pid in children:
                os.kill(pid, 9)
            raise AssertionError(f"a run did not end within a minute: {asked}")
        return Born(**json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
