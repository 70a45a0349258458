"""Two who need the same slow call at once: it is made once."""

from __future__ import annotations

import signal

from tests.campaigns.scene import Scene

FLOW = """
import os
from pathlib import Path
from doing import executes, waits
from penstock import each, pipeline, step

@step
def slow(n: int) -> int:
    executes(f"slow:{n}")
    waits("go")
    return n * n

@step
def fails_once(n: int) -> int:
    executes(f"fails_once:{n}")
    waits("go")
    if first():
        raise ValueError("for the first time")
    return n * n

def first() -> bool:
    # Whether nobody has asked before.
    try:
        Path(os.environ["LEDGER"] + ".asked").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True

@step
def brief(n: int) -> int:
    executes(f"brief:{n}")
    return n

@step
def ends(n: int) -> int:
    waits("end")
    return n

@pipeline
def one(n: int) -> int:
    return slow(n)

@pipeline
def failing(n: int) -> list[int]:
    return [fails_once(n), ends(n)]

@pipeline
def waiting(n: int) -> list[int]:
    return [fails_once(n), brief(n)]

@pipeline
def other(n: int) -> list[int]:
    return [slow(n), slow(brief(n))]

@pipeline
def equal(n: int) -> list[int]:
    return slow.map(each([n, n, n]))
"""


def called(scene: Scene, name: str) -> int:
    return [found for *_, found in scene.executions()].count(name)


def test_a_call_that_two_runs_need_at_once_is_made_once(scene: Scene) -> None:
    scene.write(flow=FLOW)
    first = scene.start("flow:one", 3)
    scene.executed("slow:3")
    second = scene.start("flow:other", 3)
    scene.executed("brief:3")
    scene.releases("go")
    assert first.end().done["result"] == 9
    told = second.end().done
    assert told["result"] == [9, 9]
    assert called(scene, "slow:3") == 1
    with scene.client() as client:
        steps = {step.name: step.status for step in client.steps(told["id"])}
    assert steps == {"slow": "reused", "brief": "done", "slow-2": "reused"}


def test_who_waits_takes_over_when_the_other_is_killed(scene: Scene) -> None:
    scene.write(flow=FLOW)
    first = scene.start("flow:one", 4)
    scene.executed("slow:4")
    second = scene.start("flow:other", 4)
    scene.executed("brief:4")
    assert called(scene, "slow:4") == 1
    first.signal(signal.SIGKILL)
    scene.executed("slow:4", 2, limit=20)  # its lease would run out after 30 s
    scene.releases("go")
    assert second.end().done["result"] == [16, 16]
    first.end()
    assert called(scene, "slow:4") == 2
    assert scene.statuses() == ["done", "crashed"]


def test_who_waits_takes_over_when_the_other_fails(scene: Scene) -> None:
    scene.write(flow=FLOW)
    first = scene.start("flow:failing", 5, keep_going=True)
    scene.executed("fails_once:5")
    second = scene.start("flow:waiting", 5)
    scene.executed("brief:5")
    assert called(scene, "fails_once:5") == 1
    scene.releases("go")
    # The other run goes on with what does not need it.
    scene.executed("fails_once:5", 2)
    assert second.end().done["result"] == [25, 5]
    assert scene.statuses() == ["done", "running"]
    scene.releases("end")
    told = first.end().told
    assert told is not None
    assert (told["status"], told["error"]) == ("failed", "'fails_once': for the first time")
    assert called(scene, "fails_once:5") == 2


def test_who_waits_takes_over_when_the_other_is_cancelled(scene: Scene) -> None:
    scene.write(flow=FLOW)
    first = scene.start("flow:one", 5)
    scene.executed("slow:5")
    second = scene.start("flow:other", 5)
    scene.executed("brief:5")
    assert called(scene, "slow:5") == 1
    first.signal(signal.SIGINT)
    first.end()
    scene.executed("slow:5", 2)
    scene.releases("go")
    assert second.end().done["result"] == [25, 25]
    assert called(scene, "slow:5") == 2
    assert scene.statuses() == ["done", "cancelled"]


def test_equal_calls_of_one_run_are_made_once_also_on_workers(scene: Scene) -> None:
    scene.write(flow=FLOW)
    scene.releases("go")
    assert scene.start("flow:equal", 6).end().done["result"] == [36, 36, 36]
    assert called(scene, "slow:6") == 1
    assert scene.start("flow:equal", 7, workers=2).end().done["result"] == [49, 49, 49]
    assert called(scene, "slow:7") == 1
