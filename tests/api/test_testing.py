"""What `penstock.testing` gives to the tests of people who use penstock."""

from __future__ import annotations

import os
import random
from pathlib import Path

from penstock import context, pipeline, runs, step
from penstock.session import Session
from penstock.testing import in_memory, seeded


@step
def draw(count: int) -> list[float]:
    context().log_metric("count", count)
    return [random.random() for _ in range(count)]


@pipeline
def drawing(count: int) -> list[float]:
    return draw(count)


def test_runs_in_memory_leave_nothing_behind(project: Path) -> None:
    with in_memory():
        first, second = drawing.run(3), drawing.run(3)
        assert [one.status for one in second.steps] == ["reused"]
        assert second.metrics == {"draw.count": 3}
        assert first.result() == second.result()
        assert len(runs()) == 2
    assert not (project / ".penstock").exists()
    with in_memory():
        assert runs() == []


def test_plain_calls_leave_nothing_behind(project: Path) -> None:
    with seeded(7):
        assert drawing(3) == drawing(3)
    assert not (project / ".penstock").exists()


def test_the_fixture_draws_the_same_plainly_and_in_a_run(penstock_in_memory: Session) -> None:
    assert drawing(3) == drawing.run(3).result() == draw(3)
    with seeded(5):
        assert drawing(3) == drawing.options(seed=5).run(3).result()


@step(timeout="1m", resources={"memory": "8GiB"})
def limited(count: int) -> int:
    return os.getpid() + count


@pipeline
def limits(count: int) -> int:
    return limited(count)


def test_a_step_with_a_timeout_runs_in_the_process_of_the_test(
    penstock_in_memory: Session,
) -> None:
    assert limits.run(1).result() == os.getpid() + 1
