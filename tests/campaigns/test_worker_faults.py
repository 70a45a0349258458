"""Every single write of a worker process fails, tears, or is the last thing that it does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.campaigns.scene import Nursery, Scene
from tests.campaigns.striking import strike_all

FLOW = """
import os, sys
from pathlib import Path
import numpy as np
from doing import executes
from penstock import context, pipeline, step

if "penstock.worker" in sys.modules:
    from penstock.core import io
    from penstock.testing.faults import install, parse
    watch = install(parse(os.environ.get("WORKER_FAULT", "")))

    def noted(name, half):
        with open(os.environ["WORKER_TRACE"], "a") as file:
            print(name, file=file)
        watch(name, half)

    io.watch(noted)

@step
def load() -> np.ndarray:
    executes("load")
    print("loaded")
    return np.arange(2000.0)

@step
def report(rows: np.ndarray) -> Path:
    executes("report")
    context().checkpoint.save(rows[:700])
    folder = context().scratch / "report"
    folder.mkdir()
    (folder / "one.txt").write_text(f"{rows.sum()}\\n" * 700)
    return folder

@step
def read(folder: Path) -> str:
    executes("read")
    return (folder / "one.txt").read_text()[:9]

@pipeline
def flow() -> str:
    return read(report(load()))
"""

ACTS = ("die", "tear", "fail:EIO")
RESULT = "1999000.0"
MAY_FAIL = {"unlink", "mkdir", "create", "write", "rename", "stamp", "rmdir"}
"""What may be left undone unseen: never what was said to be safe."""


class Trial:
    """One fault in the only worker of a run, and what comes after."""

    def __init__(self, scene: Scene, nursery: Nursery, home: Path) -> None:
        self.scene = Scene(scene.place, Path(f"{home}.ledger"), home)
        self.nursery = nursery
        self.home = home

    def strike(self, fault: str, operation: str) -> None:
        environment = {"WORKER_FAULT": fault, "WORKER_TRACE": f"{self.home}.trace"}
        struck = self.nursery.run(self.home, "flow:flow", environment=environment, workers=1)
        where = f"{fault} ({operation}): {struck}"
        assert struck.code == 0, where
        assert "Traceback" not in struck.stderr, where
        if struck.status == "done":
            assert struck.result == RESULT, where
            assert fault.startswith("fail"), where
            assert operation in MAY_FAIL, where
        else:
            assert (struck.recorded, struck.left) == (["failed"], []), where
            assert struck.error, where
        self.scene.is_sound()
        done = len(self.scene.executions())
        again = self.nursery.run(
            self.home,
            "flow:flow",
            environment={"WORKER_TRACE": f"{self.home}.trace"},
            workers=1,
        )
        assert (again.status, again.result) == ("done", RESULT), f"{where}\nthen: {again}"
        committed = {name for name, status in struck.statuses.items() if status == "done"}
        redone = {name for _, _, name in self.scene.executions()[done:]} & committed
        assert redone == set(), where
        self.scene.is_sound()


@pytest.mark.timeout(300)
def test_a_fault_at_any_write_of_a_worker_damages_nothing_and_the_next_run_completes(
    scene: Scene, tmp_path: Path
) -> None:
    scene.write(flow=FLOW)
    nurseries = [Nursery(scene.place, "flow"), Nursery(scene.place, "flow")]
    listed = tmp_path / "trace"
    undisturbed = nurseries[0].run(
        tmp_path / "undisturbed",
        "flow:flow",
        environment={"WORKER_TRACE": str(listed)},
        workers=1,
    )
    assert (undisturbed.status, undisturbed.result) == ("done", RESULT), undisturbed
    trace = listed.read_text().split()
    assert {"write", "publish", "mkdir"} <= set(trace)
    trials = [
        (act, at)
        for at, operation in enumerate(trace, 1)
        for act in ACTS
        if act != "tear" or operation == "write"  # what has no half is torn as it dies
    ]

    def strike(nursery: Nursery, home: Path, fault: str, operation: str) -> None:
        Trial(scene, nursery, home).strike(fault, operation)

    strike_all(nurseries, tmp_path / "homes", trace, trials, strike)
