"""Who is stopped for longer than its lease loses its run, and notices before it writes again."""

from __future__ import annotations

import signal

import pytest
from tests.campaigns.scene import Scene, eventually

FLOW = """
from doing import executes, waits
from penstock import pipeline, step

@step
def slow(n: int) -> int:
    executes(f"slow:{n}")
    waits("go")
    return n * n

@step
def after(n: int) -> int:
    executes(f"after:{n}")
    return n + 1

@pipeline
def flow(n: int) -> int:
    return after(slow(n))
"""

SHORT = (
    "import penstock.metadata_stores.rules as rules; rules.LEASE = 1_000_000",
    "import penstock.run.renewal as renewal; renewal.INTERVAL = 0.2",
)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stopped_owner_is_taken_over_and_stops_when_it_wakes(scene: Scene, workers: int) -> None:
    scene.write(flow=FLOW)
    first = scene.start("flow:flow", 3, before=SHORT, workers=workers)
    scene.executed("slow:3")
    with scene.client() as client:
        id = client.runs()[0].id
    first.signal(signal.SIGSTOP)
    eventually(lambda: scene.statuses() == ["crashed"], "its lease has run out", 40)
    second = scene.start("flow:flow", 3, before=SHORT)
    scene.executed("slow:3", 2)
    scene.releases("go")
    assert second.end().done["result"] == 10
    with scene.client() as client:
        before = (client.run(id), client.steps(id))
    first.signal(signal.SIGCONT)
    first.end(20)
    assert first.code == 1
    assert "LeaseLost" in first.err
    with scene.client() as client:
        # A terminal state never changes; it wrote nothing.
        assert (client.run(id), client.steps(id)) == before
    assert before[0].status == "crashed"
    names = [(run, name) for run, _, name in scene.executions()]
    assert (id, "after:3") not in names
    assert scene.statuses() == ["done", "crashed"]


def test_a_stop_that_is_shorter_than_the_lease_does_no_harm(scene: Scene) -> None:
    scene.write(flow=FLOW)
    first = scene.start("flow:flow", 4)
    scene.executed("slow:4")
    first.signal(signal.SIGSTOP)
    assert scene.statuses() == ["running"]
    first.signal(signal.SIGCONT)
    scene.releases("go")
    assert first.end().done["result"] == 17
