"""The reader of a stack: results, steps and explanations of past runs, in another process's place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, nan
from pathlib import Path
from typing import NamedTuple

import pytest

from penstock import each, either, pipeline, step
from penstock.client import Client, describe
from penstock.core.options import Options, options
from penstock.core.parts import InputChange
from penstock.core.project import Project
from penstock.core.records import StepRecord
from penstock.define.trace import trace
from penstock.errors import NotFound
from penstock.serializers import default_serializers
from penstock.session import Session
from penstock.stack import open_stack
from penstock.testing.serializer import artifacts


class Pair(NamedTuple):
    low: int
    high: int


@step
def split(n: int) -> Pair:
    return Pair(n, n * 10)


@step
def double(x: int) -> int:
    return x * 2


@step
def add(x: int, y: int = 1) -> int:
    return x + y


@step
def boom(x: int) -> int:
    raise ValueError(f"no {x}")


@pipeline
def both(x: int, by: int) -> dict[str, int]:
    return {"sum": add(double(x), by), "double": double(x)}


@pipeline
def everything(n: int = 3) -> tuple[object, ...]:
    pair = split(n)
    items = double.map(each([1, 2, n]))
    nested = both(pair.low, 5)
    many = both.named("many").map(each([1, 2]), pair.high)
    chosen = either(add.named("never").when(pair.low > 100)(n), add.named("always")(n))
    return pair, pair.high, items, nested, nested["sum"], many, chosen, n


@pipeline
def failing(n: int = 1) -> int:
    return boom(double(n))


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    stack = open_stack(Project(tmp_path, "demo", tmp_path / ".penstock"))
    yield Session(stack)
    stack.close()


def run(session: Session, made: object, given: Options = Options(), **arguments: object) -> str:  # noqa: B008  # frozen
    definition = trace(made, (), arguments, session.environment())  # type: ignore[arg-type]  # any pipeline
    return session.run(definition, given).run.id


def test_the_result_is_put_together_from_the_records(session: Session) -> None:
    id = run(session, everything)
    assert Client(session.stack).result(id) == everything(3)


def test_a_named_tuple_comes_back_as_its_own_class(session: Session) -> None:
    client = Client(session.stack)
    result = client.result(run(session, everything))
    assert type(result) is tuple
    assert type(result[0]) is Pair


def test_the_arguments_of_any_call_are_found_again(session: Session) -> None:
    results = Client(session.stack).results(run(session, everything))
    assert results.arguments("split")[1] == {"n": 3}
    assert results.arguments("double", "2")[1] == {"x": 3}
    assert results.arguments("both/add")[1] == {"x": 6, "y": 5}
    assert results.arguments("many/add", "1")[1] == {"x": 4, "y": 30}
    with pytest.raises(NotFound, match="no step 'fit'"):
        results.arguments("fit")


def test_an_artifact_in_a_few_words_says_what_it_is(tmp_path: Path) -> None:
    shelf = artifacts(*default_serializers(), root=tmp_path)
    words = [describe(shelf.encode(value)[0]) for value in (nan, -inf, 1.5, {"a": 1}, {"a": nan})]
    assert words == ["float nan", "float -inf", "float 1.5", 'dict {"a":1}', "dict"]
    (made := tmp_path / "a.csv").write_text("")
    for scratch, name in ((None, "a.csv"), (tmp_path, "a.csv")):
        manifest, _ = shelf.encode(made, scratch=scratch)
        assert describe(manifest) == f"{type(made).__name__} {name}"


class Counting(Client):
    """How often it asked for the steps of a run."""

    asked = 0

    def steps(self, run: str, node: str | None = None) -> Sequence[StepRecord]:
        self.asked += 1
        return super().steps(run, node)


def test_steps_that_are_at_hand_are_not_looked_up_again_for_their_logs(session: Session) -> None:
    client = Counting(session.stack)
    id = run(session, everything)
    items = client.steps(id)
    for again in (items, client.steps(run(session, everything))):
        asked = client.asked
        assert {client.logged(one) for one in again} == {""}
        assert client.asked == asked


def test_a_failed_run_has_no_result_and_says_what_is_missing(session: Session) -> None:
    client = Client(session.stack)
    id = run(session, failing)
    with pytest.raises(NotFound, match="'boom' gave nothing in this run: failed"):
        client.result(id)


def test_runs_are_found_by_prefix_and_the_last_one_by_name(session: Session) -> None:
    client = Client(session.stack)
    with pytest.raises(NotFound, match="no run yet"):
        client.run("last")
    id = run(session, failing, options(name="first"))
    assert [client.run(name).id for name in ("last", "first", id, id[:-1])] == [id] * 4
    assert client.step(id, "boom").status == "failed"
    with pytest.raises(NotFound) as caught:
        client.step(id, "bomo")
    assert caught.value.hint == "Did you mean 'boom'?"


def test_an_input_that_changed_is_described_on_both_sides(session: Session) -> None:
    client = Client(session.stack)
    before = run(session, both, x=1, by=2)
    after = run(session, both, x=4, by=2)
    why = client.why(after, "add")
    assert why.against == before
    assert [change.name for change in why.changes if isinstance(change, InputChange)] == ["x"]
    assert (why.shown["x"].before, why.shown["x"].after) == ("int 2", "int 8")


def test_a_reused_step_says_from_where_and_a_map_is_one_entry(session: Session) -> None:
    client = Client(session.stack)
    first = run(session, everything)
    again = client.explain(run(session, everything))
    found = {one.step: one for one in again}
    assert found["split"].source == first
    assert found["double"].items == {"reused": 3}
    assert len(found) == len(again)


def test_an_address_stands_for_a_value(session: Session) -> None:
    client = Client(session.stack)
    id = run(session, everything)
    assert client.fetch(f"run:{id}/split.high") == 30
    assert client.fetch(f"run:{id}/always") == 4
    made = client.step(id, "always").outputs["result"]
    assert client.fetch(f"artifact:{made.artifact}") == 4
    with pytest.raises(NotFound):
        client.fetch(f"run:{id}/split.middle")
