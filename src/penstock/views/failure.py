"""What is said at the end of a run that failed, or was cancelled, and how to go on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from penstock.core.records import RunRecord, StepRecord
from penstock.views.drawing import Pen

TOLD = 3
"""Steps whose tracebacks are shown."""


def broken(steps: Sequence[StepRecord]) -> list[StepRecord]:
    """The steps that failed by an error of their own."""
    return [step for step in steps if step.status == "failed" and step.error]


def failed(
    run: RunRecord, steps: Sequence[StepRecord], again: str, pen: Pen, *, logged: bool
) -> Iterator[str]:
    """The users' own tracebacks, then the next moves; `again` is the command to be given again.

    `logged`: the first step that failed has a log.
    """
    first = broken(steps)
    for step in first[:TOLD]:
        assert step.error is not None
        yield ""
        yield pen.paint(f"'{step.name}' failed", "red", "bold")
        text = step.error.traceback or f"{step.error.type}: {step.error.message}"
        yield from (f"  {line}" for line in text.rstrip().splitlines())
    if len(first) > TOLD:
        yield ""
        yield f"… and {len(first) - TOLD:,} more failed steps: penstock show {run.id}"
    if run.error and not first:
        yield pen.paint("error: ", "red", "bold") + run.error.message
    yield ""
    if first:
        where = f"{run.id} {shlex.quote(first[0].name)}"
        if logged:
            yield f"look:   penstock logs {where}"
        yield f"replay: penstock debug {where}"
    yield f"resume: {again}"


def cancelled(again: str) -> Iterator[str]:
    yield ""
    yield "cancelled; what is done is kept. Go on with:"
    yield f"  {again}"
