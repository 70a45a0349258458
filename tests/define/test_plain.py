"""Outside of a run steps and pipelines are plain Python, with the result that a run would have."""

from __future__ import annotations

import pickle
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from penstock import (
    Failure,
    cross,
    each,
    either,
    logical_date,
    pipeline,
    secret,
    step,
)
from penstock.errors import DefinitionError, UsageError
from penstock.testing import seeded


class Pair(NamedTuple):
    left: float
    right: float


@step
def draw(times: int = 1) -> float:
    """Draws."""
    return sum(random.random() for _ in range(times))


@step
def pair(base: float) -> Pair:
    return Pair(base + random.random(), base)


@step
def add(first: float, second: float) -> float:
    return first + second


@step
def fetch(day: date = logical_date(), token: str = secret("env:TOKEN")) -> str:  # noqa: B008
    return f"{day} {token}"


@step
def invert(value: int) -> float:
    return 1 / value


@pipeline
def inner(base: float) -> float:
    left, right = pair(base)
    return add(left, add(right, draw()))


@pipeline
def drawing(base: float) -> Any:
    first, second = draw(), draw()
    many = draw.map(times=each([1, 2, 2]))
    crossed = add.map(each([1.0, 2.0]), cross([first, second]))
    return first, second, many, crossed, inner(base), inner(base), inner.map(each([1.0, 2.0]))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "trial"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_step_is_its_function() -> None:
    assert add(1, second=2) == 3
    assert (add.__name__, draw.__doc__, add.__module__) == ("add", "Draws.", __name__)
    assert repr(add) == "<step add>"
    assert add.bind(1, 2)() == 3


def test_a_step_of_a_module_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(add)) is add  # noqa: S301  # our own bytes


def test_markers_become_what_they_stand_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOKEN", "abc")
    (tmp_path / "token").write_text("xyz\n")
    today = datetime.now(UTC).date()
    assert fetch() == f"{today} abc"
    assert fetch(date(2026, 3, 1)) == "2026-03-01 abc"
    assert fetch(token=secret(f"file:{tmp_path / 'token'}")) == f"{today} xyz"
    monkeypatch.delenv("TOKEN")
    with pytest.raises(UsageError, match="the secret 'env:TOKEN' is not there"):
        fetch()


def test_a_map_is_a_loop() -> None:
    assert add.map(each([1, 2]), each([3, 4])) == [4, 6]
    assert add.map(each([1, 2]), cross([10, 20])) == [11, 21, 12, 22]
    assert add.map(second=cross([10, 20]), first=cross([1, 2])) == [11, 12, 21, 22]
    found = invert.map_collect(each([2, 0]))
    assert found[0] == 0.5
    assert isinstance(found[1], Failure)
    assert found[1].message == "division by zero"
    assert found[1].traceback.startswith("Traceback (most recent call last):\n")
    assert "penstock/define" not in found[1].traceback
    with pytest.raises(UsageError, match="differ in length"):
        add.map(each([1, 2]), each([3]))
    with pytest.raises(DefinitionError, match="'add' is mapped over nothing"):
        add.map(1, 2)
    with pytest.raises(DefinitionError, match="stands in a plain call"):
        add(each([1]), 2)


@pytest.mark.parametrize("good", [True, False])
def test_what_depends_on_a_skipped_step_is_skipped(good: bool) -> None:
    @pipeline
    def flow(good: bool) -> Any:
        first = pair.when(good)(1.0)
        second = add(first.left, first.right)
        chosen = either(add(second, 1), add.unless(good)(5, 6))
        return (first, second, chosen, {"nested": [second]})

    first, second, chosen, nested = flow(good)
    if good:
        assert isinstance(first, Pair)
        assert chosen == second + 1
    else:
        assert (first, second, chosen, nested) == (None, None, 11, {"nested": [None]})
    with seeded(7):
        called = flow(good)
    assert called == flow.options(seed=7).run(good).result()


def test_a_step_that_is_skipped_by_itself_gives_none() -> None:
    assert add.when(condition=False)(1, 2) is None
    assert add.unless(condition=False)(1, 2) == 3


def test_a_condition_is_true_or_false() -> None:
    with pytest.raises(UsageError, match="a condition of 'add' is -2"):
        add.when(-2)(1, 2)


def test_seeded_calls_draw_what_a_run_draws() -> None:
    before = random.getstate()
    with seeded(7):
        called = drawing(1.0)
    assert random.getstate() == before
    assert drawing.options(seed=7).run(1.0).result() == called
    with seeded(8):
        assert drawing(1.0) != called
    with seeded(7):
        assert drawing(1.0) == called


def test_a_seeded_step_draws_the_same_each_time() -> None:
    with seeded(7):
        assert draw() == draw()
        assert draw.map(times=each([1, 1]))[0] == draw.map(times=each([1]))[0]
