"""A store that refuses to be written, in a process that lives on: no run seems to go on for that."""

from __future__ import annotations

from pathlib import Path

import penstock
from penstock import each, pipeline, step
from penstock.errors import RunFailed, StoreError
from penstock.testing.faults import Fault, faults


@step
def grow(size: int) -> bytes:
    return b"x" * size


@step
def total(parts: list[bytes]) -> int:
    return sum(map(len, parts))


@pipeline
def flow() -> int:
    return total(grow.map(each([10, 10_000])))


def test_a_run_whose_end_could_not_be_written_is_ended_before_the_next_one(
    penstock_project: Path,
) -> None:
    again = flow.options(cache=False)
    with faults() as trace:
        again.run()
    for at in range(1, len(trace) + 1):
        # The disk is full from there on; then somebody makes room.
        with faults(Fault("fail", at, lasting=True)):
            try:
                again.run()
            except (RunFailed, StoreError):
                pass
        again.run()
        runs = penstock.runs(limit=2)
        place = at, trace[at - 1]
        assert [run.status for run in runs] in (["done", "failed"], ["done", "done"]), place
        left = [one.name for run in runs for one in run.steps if one.status == "running"]
        assert left == [], place
    assert flow.run().result() == 10_010
