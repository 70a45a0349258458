"""A condition that cannot be computed fails the step that it guards, and no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from penstock import pipeline, step
from penstock.testing import in_memory


@step
def score(kind: str) -> Any:
    found: dict[str, Any] = {"none": None, "array": np.ones(3)}
    return {"auc": found[kind]}


@step
def publish(number: int) -> int:
    return number


@step
def beside() -> int:
    return 1


@pipeline
def inner(number: int) -> int:
    return publish(number)


@pipeline
def guarded(kind: str) -> tuple[int, int]:
    return publish.when(score(kind)["auc"] > 0.9)(1), beside()


@pipeline
def nested(kind: str) -> tuple[int, int]:
    return inner.when(score(kind)["auc"] > 0.9)(1), beside()


@pytest.mark.parametrize("flow", [guarded, nested])
@pytest.mark.parametrize(
    ("kind", "told"), [("none", "'>' not supported"), ("array", "truth value of an array")]
)
def test_a_condition_that_cannot_be_computed_fails_its_step(
    flow: Any, kind: str, told: str
) -> None:
    with in_memory():
        run = flow.options(keep_going=True, on_error="return").run(kind)
        statuses = {one.name: one.status for one in run.steps}
        assert run.status == "failed"
        assert run.error is not None
        assert told in run.error.message
        assert (statuses.pop("score"), statuses.pop("beside")) == ("done", "done")
        assert set(statuses.values()) <= {"failed", "cancelled"}
        planned = {one.step: one.action for one in flow.plan(kind)}
        assert planned["beside"] == "reuse"
