"""SIGINT and SIGTERM cancel a run in good order; whoever is impatient ends it at once."""

from __future__ import annotations

import signal

import pytest
from tests.campaigns.scene import Going, Scene, descendants, eventually, lives

FLOW = """
import time
from doing import executes, waits
from penstock import each, pipeline, step

@step
def first() -> list[int]:
    executes("first")
    return [1, 2]

@step
def slow(n: int) -> int:
    executes(f"slow:{n}")
    waits("go")
    return n

@step
def stubborn(n: int) -> int:
    executes(f"stubborn:{n}")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            executes("laughed")
    return n

@step
def total(parts: list[int]) -> int:
    return sum(parts)

@pipeline
def flow() -> int:
    return total(slow.map(each(first())))

@pipeline
def hard() -> int:
    return total(stubborn.map(each(first())))
"""


def command(scene: Scene, name: str, workers: int) -> Going:
    words = ("--workers", str(workers)) if workers else ()
    return scene.command("run", f"flow.py:{name}", *words)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_signal_cancels_the_run_and_the_next_one_goes_on(
    scene: Scene, number: signal.Signals, workers: int
) -> None:
    scene.write(flow=FLOW)
    going = command(scene, "flow", workers)
    for n in range(1, 1 + max(1, workers)):
        scene.executed(f"slow:{n}")
    family = descendants(going.pid)
    going.signal(number)
    going.end(20)
    assert going.code == 130, going.err
    assert "cancelled; what is done is kept. Go on with:" in going.err
    assert "Traceback" not in going.err
    assert scene.statuses() == ["cancelled"]
    with scene.client() as client:
        steps = {step.name: step.status for step in client.steps(client.run("last").id)}
    assert steps.pop("first") == "done"
    assert set(steps.values()) == {"cancelled"}, steps
    eventually(lambda: not any(lives(pid) for pid in family), "no process is left", 20)
    scene.releases("go")
    again = command(scene, "flow", workers).end()
    assert again.code == 0, again.err
    assert scene.statuses() == ["done", "cancelled"]
    assert [name for *_, name in scene.executions()].count("first") == 1


def test_a_second_interrupt_ends_the_run_at_once_and_in_good_order(scene: Scene) -> None:
    scene.write(flow=FLOW)
    going = command(scene, "hard", 2)
    scene.executed("stubborn:1")
    scene.executed("stubborn:2")
    family = descendants(going.pid)
    going.signal(signal.SIGINT)
    scene.executed("laughed")
    going.signal(signal.SIGINT)
    going.end(30)  # the steps would sleep for a minute
    assert going.code == 130, (going.code, going.err)
    eventually(lambda: not any(lives(pid) for pid in family), "no process is left", 20)
    assert scene.statuses() == ["cancelled"]
    with scene.client() as client:
        steps = {step.name: step.status for step in client.steps(client.run("last").id)}
    assert steps.pop("first") == "done"
    assert set(steps.values()) == {"cancelled"}, steps


def test_workers_that_do_not_heed_an_interrupt_are_ended(scene: Scene) -> None:
    scene.write(flow=FLOW)
    going = command(scene, "hard", 2)
    scene.executed("stubborn:1")
    scene.executed("stubborn:2")
    family = descendants(going.pid)
    going.signal(signal.SIGTERM)
    going.end(20)
    assert going.code == 130, going.err
    assert scene.statuses() == ["cancelled"]
    eventually(lambda: not any(lives(pid) for pid in family), "no process is left", 20)
