"""Two who need the same slow call at once: it is made once."""

from __future__ import annotations

import signal
import time

from tests.campaigns.scene import Scene, eventually

FLOW = """
from doing import executes, waits
from penstock import each, pipeline, step

@step
def slow(n: int) -> int:
    executes(f"slow:{n}")
    waits("go")
    return n * n

@step
def brief(n: int) -> int:
    executes(f"brief:{n}")
    return n

@pipeline
def one(n: int) -> int:
    return slow(n)

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
    killed = time.monotonic()
    scene.executed("slow:4", 2)
    assert time.monotonic() - killed < 5
    scene.releases("go")
    assert second.end().done["result"] == [16, 16]
    first.end()
    assert called(scene, "slow:4") == 2
    assert scene.statuses() == ["done", "crashed"]


def test_who_waits_takes_over_when_the_other_fails_or_is_cancelled(scene: Scene) -> None:
    scene.write(flow=FLOW)
    first = scene.start("flow:one", 5)
    scene.executed("slow:5")
    second = scene.start("flow:one", 5)
    eventually(lambda: len(scene.statuses()) == 2, "both have begun", 30)
    first.signal(signal.SIGINT)
    first.end()
    scene.executed("slow:5", 2)
    scene.releases("go")
    assert second.end().done["result"] == 25
    assert called(scene, "slow:5") == 2


def test_equal_calls_of_one_run_are_made_once_also_on_workers(scene: Scene) -> None:
    scene.write(flow=FLOW)
    scene.releases("go")
    assert scene.start("flow:equal", 6).end().done["result"] == [36, 36, 36]
    assert called(scene, "slow:6") == 1
    assert scene.start("flow:equal", 7, workers=2).end().done["result"] == [49, 49, 49]
    assert called(scene, "slow:7") == 1
