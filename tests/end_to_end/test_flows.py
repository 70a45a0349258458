"""What a run does with a graph: maps, guards, nesting, parts, failures, references."""

from __future__ import annotations

from tests.end_to_end.place import Place

FLOW = """
from typing import NamedTuple
from penstock import context, cross, each, either, pipeline, ref, step

class Split(NamedTuple):
    train: list[int]
    test: list[int]

@step
def load(n: int = 6) -> list[int]:
    return list(range(n))

@step
def split(rows: list[int], at: int = 4) -> Split:
    return Split(rows[:at], rows[at:])

@step
def fit(rows: list[int], depth: int = 2) -> int:
    context().log_metric("rows", len(rows))
    return sum(rows) * depth

@step
def total(parts: list[int]) -> int:
    return sum(parts)

@step
def evaluate(model: int, rows: list[int]) -> dict[str, float]:
    return {"auc": model / 100, "n": float(len(rows))}

@step
def deploy(model: int) -> str:
    return f"deployed {model}"

@step
def keep(model: int) -> str:
    return f"kept {model}"

@pipeline
def training(n: int = 6, depth: int = 2) -> dict[str, float]:
    parts = split(load(n))
    return evaluate(fit(parts.train, depth=depth), parts.test)

@pipeline
def mapped(n: int = 6) -> int:
    return total(fit.map(load(n), depth=each([1, 2, 3])))

@pipeline
def dynamic(n: int = 3) -> list[int]:
    return fit.map([1, 2], depth=each(load(n)))

@pipeline
def crossed() -> list[int]:
    return fit.map(each([[1], [2, 3]]), depth=cross([10, 100]))

@pipeline
def guarded(limit: float = 0.1) -> str:
    model = fit(load())
    score = evaluate(model, [1])
    good = score["auc"] > limit
    return either(deploy.when(good)(model), keep.unless(good)(model))

@pipeline
def nested(n: int = 6) -> float:
    first = training(n)
    second = training.named("again")(n, depth=3)
    return first["auc"] + second["auc"]

@pipeline
def inner(n: int, depth: int) -> int:
    return fit(load(n), depth=depth)

@pipeline
def mapped_pipelines() -> int:
    return total(inner.map(each([1, 2, 3]), depth=2))

@step
def broken(rows: list[int]) -> int:
    raise ValueError("no such luck")

@pipeline
def failing() -> int:
    rows = load()
    return total([broken(rows), fit(rows)])

@step
def even(n: int) -> int:
    if n % 2:
        raise ValueError(f"{n} is odd")
    return n

@step
def count(parts: list) -> int:
    return sum(isinstance(p, int) for p in parts)

@pipeline
def collecting() -> int:
    return count(even.map_collect(each([0, 1, 2, 3])))

@step(cache=False)
def flaky() -> int:
    if context().attempt < 3:
        raise OSError("not yet")
    return context().attempt
"""


def test_a_run_records_each_step_and_the_next_one_reuses_them(place: Place) -> None:
    place.write(flow=FLOW)
    first = place.run("flow:training")
    assert first.steps == {"load": "done", "split": "done", "fit": "done", "evaluate": "done"}
    assert first.result == {"auc": 0.12, "n": 2.0}
    assert first.metrics == {"fit.rows": 4}
    again = place.run("flow:training")
    assert set(again.steps.values()) == {"reused"}
    assert again.result == first.result
    assert again.metrics == first.metrics
    assert again.reasons["fit"] == f"from run {first.id}"


def test_only_what_a_parameter_reaches_runs_again_and_says_why(place: Place) -> None:
    place.write(flow=FLOW)
    place.run("flow:training", 6, 2)
    changed = place.run("flow:training", 6, 5)
    assert changed.steps == {
        "load": "reused",
        "split": "reused",
        "fit": "done",
        "evaluate": "done",
    }
    assert changed.reasons["fit"] == "changed: parameter 'depth' 2 → 5"
    assert changed.reasons["evaluate"] == "changed: input 'model' (fit)"


def test_maps_run_each_item_and_gather_in_order(place: Place) -> None:
    place.write(flow=FLOW)
    ran = place.run("flow:mapped")
    assert ran.result == 15 * 6
    assert ran.executed == {"load", "fit", "fit[0]", "fit[1]", "fit[2]", "total"}
    assert place.run("flow:dynamic").result == [0, 3, 6]
    assert place.run("flow:crossed").result == [10, 100, 50, 500]


def test_an_item_that_is_known_is_not_made_again(place: Place) -> None:
    place.write(flow=FLOW)
    place.run("flow:dynamic", 3)
    longer = place.run("flow:dynamic", 4)
    assert longer.executed == {"load", "fit", "fit[3]"}
    assert longer.result == [0, 3, 6, 9]


def test_a_guard_skips_and_either_takes_the_one_that_ran(place: Place) -> None:
    place.write(flow=FLOW)
    high = place.run("flow:guarded", 0.1)
    assert (high.result, high.steps["keep"]) == ("deployed 30", "skipped")
    low = place.run("flow:guarded", 0.9)
    assert (low.result, low.steps["deploy"]) == ("kept 30", "skipped")


def test_pipelines_nest_and_map(place: Place) -> None:
    place.write(flow=FLOW)
    ran = place.run("flow:nested")
    assert ran.steps["training/load"] == "done"
    assert ran.steps["again/load"] == "reused"
    assert abs(ran.result - 0.3) < 1e-9
    mapped = place.run("flow:mapped_pipelines")
    assert mapped.result == (0 + 1 + 3) * 2
    assert mapped.steps["inner/fit[2]"] == "done"


def test_a_failure_ends_the_run_or_lets_the_rest_go_on(place: Place) -> None:
    place.write(flow=FLOW)
    fast = place.run("flow:failing")
    assert fast.status == "failed"
    assert (fast.steps["load"], fast.steps["broken"]) == ("done", "failed")
    slow = place.run("flow:failing", keep_going=True)
    assert slow.status == "failed"
    assert (slow.steps["broken"], slow.steps["fit"], slow.steps["total"]) == (
        "failed",
        "done",
        "cancelled",
    )


def test_collected_failures_become_values(place: Place) -> None:
    place.write(flow=FLOW)
    ran = place.run("flow:collecting")
    assert (ran.status, ran.result) == ("done", 2)


def test_part_of_a_pipeline_keeps_its_keys(place: Place) -> None:
    place.write(flow=FLOW)
    until = place.run("flow:training", until="fit")
    assert until.steps == {"load": "done", "split": "done", "fit": "done"}
    whole = place.run("flow:training")
    assert whole.executed == {"evaluate"}
    start = place.run("flow:training", 6, 9, start="fit")
    assert start.steps == {
        "load": "reused",
        "split": "reused",
        "fit": "done",
        "evaluate": "done",
    }
    only = place.run("flow:training", 6, 10, only="fit")
    assert only.steps == {"load": "reused", "split": "reused", "fit": "done"}


def test_an_old_result_stands_in_for_a_step(place: Place) -> None:
    place.write(flow=FLOW)
    old = place.run("flow:training", 3)
    ran = place.run("flow:training", 100, replace={"load": f"run:{old.id}/load"})
    assert ran.status == "done"
    assert ran.executed == set()
    assert ran.result == old.result


def test_a_step_is_retried_until_it_works(place: Place) -> None:
    flow = FLOW.replace("@step(cache=False)\ndef flaky", "@step(cache=False, retries=3)\ndef flaky")
    place.write(
        flow=flow + "\n@pipeline\ndef trying() -> int:\n    return flaky()\n",
    )
    ran = place.run("flow:trying", settings={"flaky.retries": 3})
    assert (ran.status, ran.result) == ("done", 3)
    assert any("attempt 1 failed: OSError: not yet" in note for note in ran.notes["flaky"])


PASSING = """
from penstock import each, either, pipeline, step

@step
def inc(x: int) -> int:
    return x + 1

@step
def kept(x: object) -> object:
    return x

@pipeline
def same(x):
    return x

@pipeline
def constant(x: int) -> int:
    inc(x)
    return 5

@pipeline
def both(x: int) -> dict[str, int]:
    return {"made": inc(x), "given": 3}

@pipeline
def alternatives(above: int) -> list[object]:
    high = inc(0) > above
    return [
        either(same.when(high)(1), inc.unless(high)(1)),
        either(same.when(high)(inc(7)), inc.unless(high)(1)),
        either(constant.when(high)(1), inc.unless(high)(1)),
        either(both.when(high)(1), kept.unless(high)("else")),
        kept(either(both.when(high)(1)["given"], kept.unless(high)("else"))),
        either(same.when(high).map(each([1, 2])), inc.unless(high)(1)),
        either(inc.when(high).map(each([1, 2])), inc.unless(high)(1)),
        constant.when(high)(1),
    ]

@pipeline
def passing() -> list[object]:
    return [
        same.map(each([1, 2])),
        same.map(each([])),
        kept(same.map(each(inc.map(each([1, 2]))))),
    ]

LOW = [2, 2, 2, "else", "else", 2, 2, None]
assert alternatives(9) == LOW, alternatives(9)
"""


def test_what_a_guarded_pipeline_passes_on_is_there_only_if_it_was_called(place: Place) -> None:
    place.write(flow=PASSING)
    low = place.run("flow:alternatives", 9)
    assert low.result == [2, 2, 2, "else", "else", 2, 2, None]
    high = place.run("flow:alternatives", 0)
    assert high.result == [1, 8, 5, {"made": 2, "given": 3}, 3, [1, 2], [2, 3], 5]


def test_a_pipeline_without_steps_of_its_own_can_be_mapped(place: Place) -> None:
    place.write(flow=PASSING)
    assert place.run("flow:passing").result == [[1, 2], [], [2, 3]]


def test_text_with_half_characters_and_large_numbers_are_arguments_like_others(
    place: Place,
) -> None:
    place.write(
        flow="""
        from penstock import pipeline, step

        @step
        def size(text: str, number: int) -> int:
            return len(text) + number % 7

        @pipeline
        def odd() -> int:
            return size("\\ud800", 10**5000)
        """
    )
    ran = place.run("flow:odd")
    assert (ran.status, ran.result) == ("done", 1 + 10**5000 % 7)
    assert place.run("flow:odd").executed == set()


def test_an_edit_of_the_same_size_in_the_same_second_is_seen(place: Place) -> None:
    """Python itself would take the old bytecode for current."""
    place.write(
        flow="from features import encode\n" + FLOW.replace("sum(rows) * depth", "encode()")
    )
    for number in range(1, 6):
        place.write(features=f"def encode():\n    return {number}\n")
        for workers in (0, 2) if number == 1 else (0,):
            ran = place.run(
                "flow:inner", 3, 2, env={"PYTHONDONTWRITEBYTECODE": ""}, workers=workers
            )
            assert ran.result == number
