"""Runs are killed anywhere, again and again, and go on where they were."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.campaigns.scene import Going, Scene, descendants, eventually, lives

from penstock.core.ports import RunFilter
from penstock.core.records import FINAL

FLOW = """
import time
from pathlib import Path
import numpy as np
from doing import executes
from penstock import context, each, pipeline, step

@step
def load(round: int) -> list[int]:
    executes("load")
    return [100 * round + i for i in range(10)]

@step
def work(i: int) -> np.ndarray:
    executes(f"work:{i}")
    time.sleep(0.003)
    return np.arange(3000.0) * i

@step
def gather(parts: list[np.ndarray]) -> dict[str, float]:
    executes("gather")
    return {str(n): float(part.sum()) for n, part in enumerate(parts)}

@step
def report(sums: dict[str, float]) -> Path:
    executes("report")
    folder = context().scratch / "report"
    folder.mkdir()
    for name, value in sums.items():
        (folder / name).write_text(f"{value}\\n" * 500)
    return folder

@step
def weigh(folder: Path) -> int:
    executes("weigh")
    return sum(len(file.read_bytes()) for file in folder.iterdir())

@pipeline
def flow(round: int) -> dict[str, object]:
    sums = gather(work.map(each(load(round))))
    return {"sums": sums, "size": weigh(report(sums))}
"""

KILLS = int(os.environ.get("CAMPAIGN_KILLS", "200" if os.environ.get("CI") else "80"))
SEED = int(os.environ.get("CAMPAIGN_SEED", "1")) or secrets.randbelow(1 << 32)
"""Where it is killed; with 0 another one each time."""
MOST = 7
"""Kills of one round; then it may end."""


def expected(round: int) -> dict[str, object]:
    items = [100 * round + i for i in range(10)]
    sums = {str(n): float(i * 2999 * 3000 // 2) for n, i in enumerate(items)}
    return {"sums": sums, "size": sum(len(f"{value}\n") * 500 for value in sums.values())}


@dataclass
class Chain:
    """Kills of one store, one after another."""

    scene: Scene
    random: random.Random
    workers: int = 0
    kills: int = 0
    crashed: int = 0
    """Of these, in the midst of a run."""
    rounds: int = 0
    seen: set[str] = field(default_factory=set)
    committed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By round: calls that are done for good."""

    def go_on(self, times: int) -> None:
        self.scene.write(flow=FLOW)
        took, operations = self._measure()
        while self.kills < times:
            self._round(took, operations, times)

    def _measure(self) -> tuple[float, int]:
        """An undisturbed run: how long it takes, and how many operations of files and databases."""
        going = self._start(0).begins()
        begun = time.monotonic()
        told = going.end().done
        took = time.monotonic() - begun
        assert told["result"] == expected(0)
        self._look(0)
        return took, told["operations"]

    def _start(self, round: int, fault: str = "") -> Going:
        options = {"workers": self.workers} if self.workers else {}
        return self.scene.start("flow:flow", round, fault=fault, **options)

    def _round(self, took: float, operations: int, times: int) -> None:
        """A new argument: all is to be done; killed until it has ended."""
        self.rounds += 1
        round = self.rounds
        killed = 0
        while True:
            if killed == MOST or self.kills == times:
                going = self._start(round).end()
            elif self.kills == 0:
                going = self._start(round, f"die:{operations // 2}").end()
            elif self.random.random() < 0.5:
                fault = (
                    f"{self.random.choice(('die', 'tear'))}:{self.random.randint(1, operations)}"
                )
                going = self._start(round, fault).end()
            else:
                going = self._start(round).begins()
                time.sleep(self.random.uniform(0, took))
                going.signal(signal.SIGKILL)
                going.end()
            if going.code == -signal.SIGKILL and going.told is None:
                killed += 1
                self.kills += 1
                found = self._look(round)
                # Before its run was on record, in its midst, or when all was done.
                assert found in ([], ["crashed"], ["done"])
                self.crashed += found.count("crashed")
                continue
            told = going.done
            assert told["result"] == expected(round)
            assert self._look(round) == ["done"]
            names = {name for _, _, name in self.scene.executions()}
            assert {f"work:{100 * round + i}" for i in range(10)} <= names
            return

    def _look(self, round: int) -> list[str]:
        """After each process: nothing is damaged, and what was committed has not been done again.

        How the runs stand that have come since.
        """
        found: list[str] = []
        self.scene.is_sound()
        rounds: dict[str, set[str]] = defaultdict(set)
        for run, step, _ in self.scene.executions():
            rounds[run].add(step)
        with self.scene.client() as client:
            runs = client.runs(RunFilter(limit=1000))
            for run in reversed(runs):
                assert run.status in FINAL, f"{run.id} is {run.status}"
                if run.id in self.seen:
                    continue
                self.seen.add(run.id)
                found.append(run.status)
                again = rounds[run.id] & self.committed[str(round)]
                assert again == set(), f"done again in {run.id}"
                self.committed[str(round)] |= {
                    f"{step.node}[{step.index}]"
                    for step in client.steps(run.id)
                    if step.status == "done" and step.total is None
                }
                assert self.committed[str(round)] <= {s for r in rounds.values() for s in r}
        return found


@pytest.mark.timeout(1200)
def test_a_run_that_is_killed_anywhere_goes_on_where_it_was(
    scenes: Callable[[str], Scene],
) -> None:
    sys.stdout.write(f"CAMPAIGN_SEED={SEED} CAMPAIGN_KILLS={KILLS}\n")
    alone = Chain(scenes("alone"), random.Random(SEED))
    crew = Chain(scenes("crew"), random.Random(SEED + 1), workers=2)
    failures: list[BaseException] = []

    def work(chain: Chain, times: int) -> None:
        try:
            chain.go_on(times)
        except BaseException as error:
            failures.append(error)

    share = KILLS * 3 // 4
    threads = [
        threading.Thread(target=work, args=(alone, share)),
        threading.Thread(target=work, args=(crew, KILLS - share)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    assert alone.kills + crew.kills == KILLS
    for chain in (alone, crew):
        assert chain.scene.statuses().count("crashed") == chain.crashed >= 1
        assert not any(lives(pid) for pid in chain.scene.performers())


HANGING = """
from doing import executes, waits
from penstock import each, pipeline, step

@step
def first(i: int) -> int:
    executes(f"first:{i}")
    return i

@step
def hangs(i: int) -> int:
    import subprocess
    helper = subprocess.Popen(
        ["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    executes(f"hangs:{i}:{helper.pid}")
    waits("never")
    return i

@pipeline
def flow() -> list[int]:
    return hangs.map(each([first(1), first(2)]))
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_run_reads_as_crashed_at_once_and_leaves_no_process(
    scene: Scene, workers: int
) -> None:
    scene.write(flow=HANGING)
    quick = "import penstock.run.renewal as r; r.INTERVAL = 0.2"
    going = scene.start("flow:flow", before=(quick,), workers=workers)
    eventually(lambda: len(_hanging(scene)) == max(1, workers), "the steps hang", 30)
    # A small process keeps the lease when a step holds the interpreter for long.
    eventually(lambda: any("penstock.renewer" in line for line in _below(going.pid).values()), "it")
    family = _below(going.pid)
    # What a step starts in the run's own process is its own: nothing is left to end it with.
    own = {pid for pid, line in family.items() if not workers and line.startswith("sleep")}
    going.signal(signal.SIGKILL)
    eventually(lambda: scene.statuses() == ["crashed"], "it reads as crashed", 5)
    going.end()
    seen = json.loads(scene.command("runs", "--json").end().out)
    assert [run["status"] for run in seen] == ["crashed"]
    ours = set(family) - own
    assert len(ours) == 1 + 2 * workers, family
    eventually(lambda: not any(lives(pid) for pid in ours), "all its processes are gone", 20)
    for pid in own:
        os.kill(pid, signal.SIGKILL)
    with scene.client() as client:
        steps = {step.name: step.status for step in client.steps(client.run("last").id)}
    hanging = {name: status for name, status in steps.items() if name.startswith("hangs[")}
    assert steps["first"] == steps["first-2"] == "done"
    assert hanging == {f"hangs[{i}]": "crashed" for i in range(max(1, workers))}


def _hanging(scene: Scene) -> list[str]:
    return [name for *_, name in scene.executions() if name.startswith("hangs")]


def _below(pid: int) -> dict[int, str]:
    """Command lines of the processes below this one."""
    found: dict[int, str] = {}
    for child in descendants(pid):
        with suppress(OSError):
            found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return found
