"""Laws that hold for any pipeline: running is calling, keys name calls, narrowing only leaves out."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import Pipeline, each, pipeline, step
from penstock.core.options import Options
from penstock.define.trace import trace
from penstock.run.flatten import flatten
from penstock.run.narrow import narrow
from penstock.session import Session
from penstock.testing import in_memory


@step
def source(number: int) -> int:
    return number * 7 % 11


@step
def add(left: int, right: int = 1) -> int:
    return left + right


@step
def spread(number: int) -> list[int]:
    return [number, number + 1, number + 2]


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@dataclass(frozen=True)
class Move:
    """One more step, of what is already there (by position, so that any numbers will do)."""

    kind: str
    first: int
    second: int


moves = st.lists(
    st.builds(
        Move,
        st.sampled_from(["source", "add", "literal", "map", "guard"]),
        st.integers(0, 50),
        st.integers(0, 50),
    ),
    min_size=1,
    max_size=7,
)
quick = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def built(plan: list[Move]) -> Pipeline[[], Any]:
    """A pipeline that makes these moves."""

    @pipeline
    def flow() -> list[int]:
        values: list[int] = [source(1)]
        for move in plan:
            one, other = values[move.first % len(values)], values[move.second % len(values)]
            match move.kind:
                case "source":
                    values.append(source(move.first))
                case "add":
                    values.append(add(one, other))
                case "literal":
                    values.append(add(one, move.second))
                case "map":
                    values.append(total(add.map(each(spread(one)), move.second)))
                case "guard":
                    guarded = add.when(one > 3)(one, other)
                    values.append(total([one]))
                    del guarded
        return values

    return flow


def keys(session: Session, run: str) -> dict[str, str]:
    return {step.name: step.key for step in session.stack.metadata.runs.steps(run) if step.key}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with in_memory() as opened:
        yield opened


@quick
@given(plan=moves)
def test_running_equals_calling(session: Session, plan: list[Move]) -> None:
    flow = built(plan)
    assert flow.run().result() == flow()


@quick
@given(plan=moves)
def test_the_same_inputs_have_the_same_keys_and_are_reused(
    session: Session, plan: list[Move]
) -> None:
    flow = built(plan)
    first, again = flow.run(), flow.run()
    assert keys(session, first.id) == keys(session, again.id)
    assert {step.status for step in again.steps} <= {"reused", "skipped"}


@quick
@given(plan=moves)
def test_a_key_does_not_depend_on_the_order_of_the_graph(
    session: Session, plan: list[Move]
) -> None:
    """The same steps written in another order that their inputs allow."""

    def flow(order: tuple[int, ...]) -> Pipeline[[], Any]:
        @pipeline
        def independent() -> list[int]:
            made = {n: add.named(f"s{n}")(source(moves_[n].first), moves_[n].second) for n in order}
            return [made[n] for n in sorted(made)]

        return independent

    moves_ = plan[:3]
    found = []
    for order in itertools.permutations(range(len(moves_))):
        run = flow(order).run()
        found.append({n: k for n, k in keys(session, run.id).items() if n.startswith("s")})
    named = [{n: k for n, k in one.items() if "source" not in n} for one in found]
    assert all(one == named[0] for one in named)


@quick
@given(plan=moves, data=st.data())
def test_narrowing_keeps_keys(session: Session, plan: list[Move], data: st.DataObject) -> None:
    flow = built(plan)
    whole = keys(session, flow.run().id)
    until = data.draw(st.sampled_from(sorted({name.partition("[")[0] for name in whole})))
    part = keys(session, flow.options(until=until).run().id)
    assert part.items() <= whole.items()
    assert any(name.partition("[")[0] == until for name in part)


@quick
@given(plan=moves, data=st.data())
def test_narrowing_a_graph_is_idempotent(
    session: Session, plan: list[Move], data: st.DataObject
) -> None:
    flow = built(plan)
    definition = trace(flow, (), {}, session.environment())
    flat = flatten(definition)
    name = data.draw(st.sampled_from(list(flat.groups[""])))
    once = narrow(flat, Options(until=(name,)))
    again = narrow(flat, Options(until=(name,), only=tuple(sorted(once.run))))
    assert once.run == again.run
    assert again.borrow == frozenset()


def test_keys_are_the_same_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "laws"\nversion = "0"\n')
    (tmp_path / "flow.py").write_text(
        "from penstock import pipeline, step\n"
        "WORDS = {'b', 'a', 'c'}\n"
        "TABLE = {word: len(word) for word in WORDS}\n"
        "@step\ndef count(more: set[str]) -> int:\n    return len(WORDS | more) + sum(TABLE.values())\n"
        "@pipeline\ndef flow() -> int:\n    return count({'x', 'y', 'z'})\n"
        "if __name__ == '__main__':\n"
        "    run = flow.run()\n"
        "    print(run['count'].record.key, run['count'].status)\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "flow.py"],
            cwd=tmp_path,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2", "3")
    ]
    assert {key for key, _ in told} == {told[0][0]}
    assert [status for _, status in told] == ["done", "reused", "reused"]
