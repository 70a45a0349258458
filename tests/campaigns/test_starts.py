"""Many processes begin at once where there is nothing yet."""

from __future__ import annotations

from tests.campaigns.scene import Scene

FLOW = """
import numpy as np
from doing import executes
from penstock import pipeline, step

class Tuned:
    def __init__(self, by):
        self.by = by

@step
def rows(n: int) -> np.ndarray:
    executes("rows")
    return np.arange(1000.0 + n)

@step
def tuned(rows: np.ndarray) -> Tuned:
    executes("tuned")
    return Tuned(len(rows))

@step
def by(tuned: Tuned) -> int:
    return tuned.by

@pipeline
def flow(n: int) -> int:
    return by(tuned(rows(n)))
"""


def test_sixteen_processes_start_at_once_on_a_store_that_does_not_exist(scene: Scene) -> None:
    # A pickle needs the project's key: that, too, is made by whoever comes first.
    scene.write(flow=FLOW)
    waiting = """
import os, time
while not os.path.exists(os.environ["LEDGER"] + ".start"):
    time.sleep(0.001)
"""
    going = [scene.start("flow:flow", number % 4, before=(waiting,)) for number in range(16)]
    scene.releases("start")
    results = [one.end().done["result"] for one in going]
    assert results == [1000 + number % 4 for number in range(16)]
    assert scene.statuses() == ["done"] * 16
    # Of equal calls that began at once, one was made.
    assert len(scene.executions()) == 8
    scene.is_sound()
    again = scene.start("flow:flow", 1).end().done
    assert again["result"] == 1001
    assert len(scene.executions()) == 8
