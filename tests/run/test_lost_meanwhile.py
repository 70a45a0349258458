"""Bytes that are lost while a run goes on, where it is not plain who makes them again."""

from __future__ import annotations

from pathlib import Path

from penstock import each, pipeline, step


@step
def load(size: int) -> bytes:
    return b"x" * size


@step
def clean(data: bytes, times: int = 1) -> bytes:
    """Changes nothing, mostly: what it returns is what it was given."""
    return data * times


@step(cache=False)
def lose(data: bytes) -> int:
    for file in Path(".penstock/artifacts").glob("??/*"):
        file.unlink()
    return len(data)


@step
def total(data: bytes, size: int) -> int:
    return len(data) + size


@step
def totals(parts: list[bytes], size: int) -> int:
    return sum(map(len, parts)) + size


@pipeline
def one() -> int:
    data = clean(load(10_000))
    return total(data, lose(data))


@pipeline
def many() -> int:
    data = load(10_000)
    return totals(clean.map(data, times=each([1, 2, 1])), lose.after("clean")(data))


def test_a_step_that_returns_its_input_does_not_wait_for_itself(penstock_project: Path) -> None:
    run = one.run()
    assert {one.name: one.status for one in run.steps} == dict.fromkeys(
        ("load", "clean", "lose", "total"), "done"
    )
    assert run.result() == 20_000


def test_nor_does_an_item_of_a_map(penstock_project: Path) -> None:
    run = many.run()
    assert {one.status for one in run.steps} == {"done"}
    assert run.result() == 50_000


def test_what_stands_in_for_a_step_is_not_made_again_and_fails_who_needs_it(
    penstock_project: Path,
) -> None:
    before = one.run()
    again = one.options(cache=False, on_error="return")
    replaced = again.options(replace={"clean": before["clean"].output}).run()
    assert (replaced.status, replaced["lose"].status, replaced["total"].status) == (
        "failed",
        "done",
        "failed",
    )
    # Now they are gone from the beginning.
    borrowed = again.options(start=[lose]).run()
    assert (borrowed.status, borrowed["lose"].status) == ("failed", "failed")
    assert all("is gone" in run.error.message for run in (replaced, borrowed) if run.error)
