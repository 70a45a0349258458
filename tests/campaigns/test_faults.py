"""Every single write of a run fails, tears, or is the last thing that the process does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.campaigns.scene import Nursery, Scene
from tests.campaigns.striking import strike_all

FLOW = """
from pathlib import Path
import numpy as np
from doing import executes
from penstock import context, each, pipeline, step

@step
def load() -> np.ndarray:
    executes("load")
    return np.arange(2000.0)

@step
def size(rows: np.ndarray) -> int:
    executes("size")
    print("so many:", len(rows))
    return len(rows)

@step
def scaled(rows: np.ndarray, by: int) -> np.ndarray:
    executes(f"scaled:{by}")
    return rows * by

@step
def report(parts: list[np.ndarray], size: int) -> Path:
    executes("report")
    folder = context().scratch / "report"
    (folder / "inner").mkdir(parents=True)
    for n, part in enumerate(parts):
        (folder / "inner" / f"{n}.txt").write_text(f"{part.sum()} of {size}\\n" * 300)
    return folder

@step
def read(folder: Path) -> list[str]:
    executes("read")
    return [file.read_text()[:40] for file in sorted((folder / "inner").iterdir())]

@pipeline
def flow() -> list[str]:
    rows = load()
    parts = scaled.map(rows, by=each([2, 3]))
    return read(report(parts, size(rows)))
"""

ACTS = ("die", "tear", "fail", "fail:EIO", "fail:ENOSPC:lasting")
RESULT = [
    "3998000.0 of 2000\n3998000.0 of 2000\n3998000.0 of 2000\n"[:40],
    "5997000.0 of 2000\n5997000.0 of 2000\n5997000.0 of 2000\n"[:40],
]


class Trial:
    """One fault in a store of its own, and what comes after."""

    def __init__(self, scene: Scene, nursery: Nursery, home: Path) -> None:
        self.scene = Scene(scene.place, Path(f"{home}.ledger"), home)
        self.nursery = nursery
        self.home = home

    def strike(self, fault: str, operation: str) -> None:
        struck = self.nursery.run(self.home, "flow:flow", fault=fault)
        where = f"{fault} ({operation}): {struck}"
        if fault.startswith(("die", "tear")):
            assert struck.code == -9, where
        else:
            assert struck.code == 0, where
            if struck.status == "done":
                # Only what may be left undone may fail unseen: never what was said to be safe.
                assert struck.result == RESULT, where
                assert operation in ("unlink", "mkdir", "create", "write", "rename", "stamp"), where
            else:
                assert struck.error, where
                if "lasting" not in fault:
                    assert struck.recorded in ([], ["failed"]), where
                    assert struck.left == [], where
                assert "Traceback" not in struck.stderr, where
        before = self._committed()
        done = len(self.scene.executions())
        self.scene.is_sound()
        again = self.nursery.run(self.home, "flow:flow")
        assert again.status == "done", f"{where}\nthen: {again}"
        assert again.result == RESULT, where
        redone = {step for _, step, _ in self.scene.executions()[done:]} & before
        assert redone == set(), where
        self.scene.is_sound()
        kinds = {one.kind for one in self.scene.findings()}
        # What a dying writer leaves behind is young, and for a later gc.
        assert kinds <= {"unfinished", "unknown"}, where

    def _committed(self) -> set[str]:
        if not (self.home / "penstock.db").exists():
            return set()
        with self.scene.client() as client:
            return {
                f"{step.node}[{step.index}]"
                for run in client.runs()
                for step in client.steps(run.id)
                if step.status == "done" and step.total is None
            }


@pytest.mark.timeout(300)
def test_a_fault_at_any_write_of_a_run_damages_nothing_and_the_next_run_completes(
    scene: Scene, tmp_path: Path
) -> None:
    scene.write(flow=FLOW)
    nurseries = [Nursery(scene.place, "flow"), Nursery(scene.place, "flow")]
    undisturbed = nurseries[0].run(tmp_path / "undisturbed", "flow:flow")
    assert undisturbed.status == "done", undisturbed
    assert undisturbed.result == RESULT
    trace = undisturbed.trace
    assert {"write", "publish", "db:begin", "db:commit", "fsync", "mkdir"} <= set(trace)
    trials = [(act, at) for at in range(1, len(trace) + 1) for act in ACTS]

    def strike(nursery: Nursery, home: Path, fault: str, operation: str) -> None:
        Trial(scene, nursery, home).strike(fault, operation)

    strike_all(nurseries, tmp_path / "homes", trace, trials, strike)
