"""What runs after a nested pipeline runs after all that the pipeline stands for."""

from __future__ import annotations

from typing import Any

from penstock import pipeline, step
from penstock.define.trace import trace
from penstock.run.flatten import flatten
from penstock.testing import in_memory


@step
def make(x: int) -> int:
    return x


@pipeline
def with_steps(x: int) -> int:
    return make(make(x))


@pipeline
def handing_on(x: Any, y: Any) -> dict[str, Any]:
    return {"x": x, "y": y}


def waits_for(flow: Any) -> set[str]:
    """What the step "last" waits for."""
    with in_memory() as session:
        flat = flatten(trace(flow, (), {}, session.environment(), logical_date="2026-03-01"))
    return set(flat.templates["last"].after)


def test_after_a_nested_pipeline_is_after_its_steps() -> None:
    @pipeline
    def flow() -> None:
        inner = with_steps(1)
        make.named("last").after(inner)(2)

    assert waits_for(flow) == {"with_steps/make", "with_steps/make-2"}


def test_after_one_without_steps_is_after_what_it_was_given_its_guard_and_what_it_waits_for() -> (
    None
):
    @pipeline
    def flow() -> None:
        given, guard = make.named("given")(1), make.named("guard")(2)
        before = make.named("before")(3)
        inner = handing_on.when(guard == 2).after(before)(given, 7)
        make.named("last").after(inner["y"])(4)

    assert waits_for(flow) == {"given", "guard", "before"}


def test_the_same_by_name() -> None:
    @pipeline
    def flow() -> None:
        given = make.named("given")(1)
        handing_on.when(given > 0).named("inner")(given, 7)
        make.named("last").after("inner")(4)

    assert waits_for(flow) == {"given"}


def test_one_without_steps_in_another_hands_its_ends_on() -> None:
    @pipeline
    def around(x: int) -> Any:
        return handing_on.when(x > 0).named("core")(x, 1)

    @pipeline
    def flow() -> None:
        given = make.named("given")(1)
        inner = around.when(given > 0)(given)
        make.named("last").after(inner["y"])(4)

    assert waits_for(flow) == {"given"}
