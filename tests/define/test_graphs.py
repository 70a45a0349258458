"""What calls inside a pipeline become: nodes, inputs, names, order, and which calls are equal."""

from __future__ import annotations

import sys
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import pytest
from msgspec import json

from penstock import (
    Cache,
    Env,
    Failure,
    Retry,
    cross,
    each,
    either,
    logical_date,
    pipeline,
    ref,
    secret,
    step,
)
from penstock.core import graph as ir
from penstock.core.digest import digest_struct
from penstock.core.graph import (
    Access,
    Build,
    Definition,
    Each,
    Expr,
    FirstOf,
    GraphNode,
    Literal,
    Output,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
    StepNode,
)
from penstock.define.settings import seconds
from penstock.define.step import role
from penstock.define.trace import Environment
from penstock.errors import DefinitionError


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@step
def load(count: int) -> list[int]:
    """Numbers from zero."""
    return list(range(count))


@step
def split(rows: list[int], ratio: float = 0.8) -> Split:
    return Split(rows, rows)


@step
def fit(rows: list[int], depth: int = 6) -> dict[str, float]:
    return {"auc": depth / 10}


@step
def report(*parts: Any, title: str = "", **more: Any) -> str:
    return title


@step
def add(first: float, second: float) -> float:
    return first + second


@step
def draw() -> float:
    return 0.5


def nodes(definition: Definition) -> dict[str, Any]:
    return {node.id: node for node in definition.graph.nodes}


def inputs(definition: Definition, id: str) -> dict[str, Any]:
    """A node's inputs, literals as their values."""
    return {name: plain(source) for name, source in nodes(definition)[id].inputs.items()}


def plain(source: Any) -> Any:
    match source:
        case Literal(value):
            return value
        case Build(kind, items, keys, cls):
            return Build(kind, tuple(map(plain, items)), keys, cls)
        case Expr(op, operands):
            return Expr(op, tuple(map(plain, operands)))
        case FirstOf(options):
            return FirstOf(tuple(map(plain, options)))
        case _:
            return source


def test_a_call_becomes_a_node_whose_inputs_are_in_the_order_of_the_signature(traced: Any) -> None:
    @pipeline
    def flow(count: int) -> Any:
        """A flow."""
        rows = load(count)
        return fit(depth=3, rows=rows)

    definition = traced(flow, 4)
    assert [node.id for node in definition.graph.nodes] == ["load", "fit"]
    assert inputs(definition, "load") == {"count": 4}
    assert list(inputs(definition, "fit").items()) == [("rows", OutputRef("load")), ("depth", 3)]
    assert definition.graph.outputs == OutputRef("fit")
    assert definition.graph.doc == "A flow."
    assert definition.graph.params == (
        ir.Param(name="count", type="int", required=True, structural=True),
    )
    assert plain(definition.graph.arguments["count"]) == 4
    load_node = nodes(definition)["load"]
    assert load_node.ref.endswith("test_graphs:load")
    assert load_node.doc == "Numbers from zero."
    assert load_node.outputs == (ir.Output("result", "list[int]"),)
    assert set(definition.functions) == {"load", "fit"}
    assert definition.functions["load"].call(2) == [0, 1]
    assert definition.functions["load"].hints == {"count": int, "return": list[int]}


def test_the_line_of_the_call_is_kept(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        return load(1)

    line = flow.callee.function.__code__.co_firstlineno + 2
    assert nodes(traced(flow))["load"].source_line == f"test_graphs.py:{line}"


def test_a_default_and_the_same_value_given_are_equal_but_for_who_may_set_it(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        rows = load(3)
        return fit(rows), fit(rows, 6)

    definition = traced(flow)
    first, second = nodes(definition)["fit"], nodes(definition)["fit-2"]
    assert first.inputs == second.inputs
    assert (first.defaulted, second.defaulted) == (("depth",), ())


def test_a_named_tuple_is_several_outputs(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        parts = split(load(3))
        train, test = parts
        return fit(parts.train), fit(train), fit(test), fit(parts[1]), parts

    definition = traced(flow)
    node = nodes(definition)["split"]
    assert node.several
    assert [output.name for output in node.outputs] == ["train", "test"]
    assert definition.functions["split"].fields is Split
    taken = [inputs(definition, id)["rows"] for id in ("fit", "fit-2", "fit-3", "fit-4")]
    train, test = OutputRef("split", "train"), OutputRef("split", "test")
    assert taken == [train, train, test, test]
    assert definition.graph.outputs.items[-1] == OutputRef("split")


Value = TypeVar("Value")


class Pair(NamedTuple, Generic[Value]):
    left: Value
    right: list[Value]
    name: str


def test_a_generic_or_annotated_named_tuple_is_several_outputs_too(traced: Any) -> None:
    @step
    def pair() -> Pair[float]:
        return Pair(1.0, [2.0], "a")

    @step
    def noted() -> Annotated[Split, "a note"]:
        return Split([1], [2])

    @pipeline
    def flow() -> Any:
        left, _, name = pair()
        return add(left, pair().left), name, fit(noted().train)

    definition = traced(flow)
    assert nodes(definition)["pair"].outputs == (
        Output("left", "float"), Output("right", "list[float]"), Output("name", "str"),
    )  # fmt: skip
    assert inputs(definition, "fit")["rows"] == OutputRef("noted", "train")


def test_a_fixed_tuple_unpacks_as_parts_of_one_output(traced: Any) -> None:
    @step
    def pair() -> tuple[int, str]:
        return 1, ""

    @pipeline
    def flow() -> Any:
        number, text = pair()
        return number, text

    outputs = traced(flow).graph.outputs
    assert outputs.items == tuple(OutputRef("pair", "", (Access("item", n),)) for n in range(2))


def test_one_step_into_any_output(traced: Any) -> None:
    @step
    def anything() -> Any:
        return 1

    @pipeline
    def flow() -> Any:
        thing = anything()
        return thing.field, thing["key"], thing[3]

    assert [source.path for source in traced(flow).graph.outputs.items] == [
        (Access("attribute", "field"),),
        (Access("item", "key"),),
        (Access("item", 3),),
    ]


def test_small_expressions(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        auc = fit(load(3))["auc"]
        good = (auc > 0.5) & ~(auc == 1) | (auc - 1 < 0)
        return add(2 * auc + 1, -auc / 3), add.when(good)(auc // 2, auc % 2), add(auc**2, 1 - auc)

    definition = traced(flow)
    auc = OutputRef("fit", "", (Access("item", "auc"),))
    assert list(inputs(definition, "add").values()) == [
        Expr("add", (Expr("mul", (2, auc)), 1)),
        Expr("truediv", (Expr("neg", (auc,)), 3)),
    ]
    assert plain(nodes(definition)["add-2"].when) == Expr(
        "or_",
        (
            Expr("and_", (Expr("gt", (auc, 0.5)), Expr("not_", (Expr("eq", (auc, 1)),)))),
            Expr("lt", (Expr("sub", (auc, 1)), 0)),
        ),
    )
    assert list(inputs(definition, "add-2").values()) == [
        Expr("floordiv", (auc, 2)),
        Expr("mod", (auc, 2)),
    ]


def test_numpy_scalars_and_promises_make_expressions_from_both_sides(traced: Any) -> None:
    import numpy

    @pipeline
    def flow() -> Any:
        auc = fit(load(3))["auc"]
        return add(numpy.float64(2.0) * auc, auc * numpy.float64(2.0))

    first, second = inputs(traced(flow), "add").values()
    assert (first.op, second.op) == ("mul", "mul")
    assert first.operands[0] == second.operands[1] == 2.0


def test_promises_inside_of_lists_tuples_and_dicts(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        rows = load(3)
        return report([rows, 1], {"a": rows, "b": [rows]}, Split(rows, [1]), (1, 2), title="x")

    rows = OutputRef("load")
    assert inputs(traced(flow), "report") == {
        "*parts": Build(
            "tuple",
            (
                Build("list", (rows, 1)),
                Build("dict", (rows, Build("list", (rows,))), ("a", "b")),
                Build("namedtuple", (rows, [1]), ("train", "test"), Split),
                (1, 2),
            ),
        ),
        "title": "x",
    }


def test_keywords_beyond_the_signature_have_no_order(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        return report(b=1, a=2), report(a=2, b=1)

    first, second = traced(flow).graph.nodes
    assert list(first.inputs) == list(second.inputs) == ["title", "a", "b"]
    assert (first.occurrence, second.occurrence) == (0, 1)


def test_a_keyword_may_have_any_name(traced: Any) -> None:
    @pipeline
    def flow(**named: str) -> Any:
        return report(**named), report.map(self=each(["a"]), kwargs="b"), report.bind(self="c")()

    graph = traced(flow, self="d", frame="e").graph
    assert [list(node.inputs) for node in graph.nodes] == [
        ["title", "frame", "self"], ["title", "kwargs", "self"], ["title", "self"],
    ]  # fmt: skip
    assert flow(self="d") == flow.bind(self="d")() == ("", [""], "")


def test_a_plain_container_is_kept_as_it_was_when_it_was_passed(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        rows = [1]
        first = fit(rows)
        rows.append(2)
        return first, fit(rows)

    definition = traced(flow)
    assert inputs(definition, "fit")["rows"] == [1]
    assert inputs(definition, "fit-2")["rows"] == [1, 2]


def test_maps_say_what_they_run_over(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        parts = split.map(each([load(3), [1]]), ratio=cross([0.5, 0.8]))
        models = fit.map_collect(each([load(3), [2]]), depth=each([4, 6]))
        return parts, models

    definition = traced(flow)
    assert nodes(definition)["split"].each == Each(("rows",), ("ratio",))
    assert nodes(definition)["fit"].each == Each(("rows", "depth"), (), collect=True)
    assert inputs(definition, "split") == {
        "rows": Build("list", (OutputRef("load"), [1])),
        "ratio": [0.5, 0.8],
    }


def test_guards_and_their_negation_join(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        auc = fit(load(3))["auc"]
        good = auc > 0.5
        chosen = add.when(good).unless(auc == 1)(1, 2)
        return either(chosen, add.unless(good)(3, 4)), add.when(condition=True)(5, 6)

    definition = traced(flow)
    auc = OutputRef("fit", "", (Access("item", "auc"),))
    good = Expr("gt", (auc, 0.5))
    assert plain(nodes(definition)["add"].when) == Expr(
        "and_", (good, Expr("not_", (Expr("eq", (auc, 1)),)))
    )
    assert plain(nodes(definition)["add-2"].when) == Expr("not_", (good,))
    assert plain(nodes(definition)["add-3"].when) is True
    assert plain(definition.graph.outputs.items[0]) == FirstOf(
        (OutputRef("add"), OutputRef("add-2"))
    )


def test_either_of_two_named_tuples_has_their_fields(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        parts = either(split.when(condition=True)([1]), split.unless(condition=True)([2]))
        return fit(parts.train)

    assert inputs(traced(flow), "fit")["rows"] == FirstOf(
        (OutputRef("split", "train"), OutputRef("split-2", "train"))
    )


def test_order_without_data(traced: Any) -> None:
    @pipeline
    def flow() -> Any:
        first = draw()
        second = draw.after(first, "last")()
        return second, draw.named("last")()

    definition = traced(flow)
    assert nodes(definition)["draw-2"].after == ("draw", "last")
    # In an order in which they could run.
    assert list(nodes(definition)) == ["draw", "last", "draw-2"]


def test_names_are_numbered_and_explicit_ones_kept(traced: Any) -> None:
    @pipeline
    def flow() -> None:
        for _ in range(3):
            draw()
        draw.named("draw-5")()
        draw()
        draw()

    assert list(nodes(traced(flow))) == ["draw", "draw-2", "draw-3", "draw-5", "draw-4", "draw-6"]


def test_which_equal_call_it_is_does_not_depend_on_place_or_name(traced: Any) -> None:
    @pipeline
    def flow() -> None:
        first, second = draw(), draw.named("other")()
        add(first, 1)
        add(second, 1)
        add(first, 1)
        add(add(first, 1), 2)

    occurrences = {id: node.occurrence for id, node in nodes(traced(flow)).items()}
    assert occurrences == {
        "draw": 0, "other": 1, "add": 0, "add-2": 0, "add-3": 1, "add-4": 2, "add-5": 0,
    }  # fmt: skip


def test_equal_calls_are_counted_across_nested_pipelines(traced: Any) -> None:
    @pipeline
    def inner(rows: list[int]) -> Any:
        return fit(rows)

    @pipeline
    def flow() -> Any:
        rows = load(3)
        return fit(rows), inner(rows), inner(rows)

    definition = traced(flow)
    counted = [nodes(definition)["fit"].occurrence] + [
        nodes(definition)[id].graph.nodes[0].occurrence for id in ("inner", "inner-2")
    ]
    assert counted == [0, 1, 2]


def test_a_pipeline_inside_takes_promises_as_parameters_and_plain_values_as_they_are(
    traced: Any,
) -> None:
    @pipeline
    def inner(parts: Split, depths: list[int], more: list[Any]) -> Any:
        models = [fit(parts.train, depth=depth) for depth in depths]
        return {"models": models, "rest": more[0], "count": len(depths)}

    @pipeline
    def flow() -> Any:
        parts = split(load(3))
        found = inner(parts, [4, 6], [parts.test, 3])
        return report(found["models"][1], found["rest"], found["count"]), found

    definition = traced(flow)
    assert list(definition.functions) == ["load", "split", "inner/fit", "inner/fit-2", "report"]
    node = nodes(definition)["inner"]
    assert isinstance(node, GraphNode)
    assert node.inputs == {
        "parts": OutputRef("split"),
        "parts.train": OutputRef("split", "train"),
        "more.0": OutputRef("split", "test"),
    }
    fits = node.graph.nodes
    assert [one.id for one in fits] == ["fit", "fit-2"]
    assert [plain(one.inputs["depth"]) for one in fits] == [4, 6]
    assert all(one.inputs["rows"] == ParamRef("parts.train") for one in fits)
    path = (Access("item", "models"), Access("item", 1))
    assert inputs(definition, "report")["*parts"] == Build(
        "tuple", (OutputRef("inner", "", path), OutputRef("split", "test"), 2)
    )


def test_a_mapped_pipeline_gets_its_items_as_parameters(traced: Any) -> None:
    @pipeline
    def inner(rows: list[int], settings: dict[str, int]) -> Any:
        return fit(rows, depth=settings["depth"])

    @pipeline
    def flow() -> Any:
        return inner.map(load(3), settings=each([{"depth": 4}, {"depth": 6}]))

    definition = traced(flow)
    node = nodes(definition)["inner"]
    assert node.each == Each(("settings",))
    assert plain(node.inputs["settings"]) == [{"depth": 4}, {"depth": 6}]
    assert plain(node.graph.nodes[0].inputs["depth"]) == Expr(
        "getitem", (ParamRef("settings"), "depth")
    )
    assert definition.graph.outputs == OutputRef("inner")


def test_a_guarded_pipeline_inside_is_one_node_with_a_guard(traced: Any) -> None:
    @pipeline
    def inner(rows: list[int]) -> Any:
        return fit(rows)

    @pipeline
    def flow() -> Any:
        rows = load(3)
        return inner.when(condition=False).after(rows).named("maybe")(rows)

    node = nodes(traced(flow))["maybe"]
    assert (plain(node.when), node.after) == (False, ("load",))


def test_order_inside_of_a_pipeline_after_what_stands_around_it(traced: Any) -> None:
    @pipeline
    def inner(rows: list[int]) -> Any:
        return draw.after(rows)()

    @pipeline
    def flow() -> Any:
        return inner(load(3))

    assert nodes(traced(flow))["inner"].after == ("load",)


def test_secrets_references_and_the_logical_date_stand_where_values_go(traced: Any) -> None:
    @step
    def fetch(
        day: date = logical_date(),  # noqa: B008
        moment: datetime = logical_date(),  # type: ignore[assignment]  # noqa: B008
        text: str = logical_date(),  # type: ignore[assignment]
        token: str = secret("env:TOKEN"),
        old: Any = None,
    ) -> str:
        return ""

    @pipeline
    def flow(key: str = secret("file:/run/key"), day: date = logical_date()) -> Any:  # noqa: B008
        return fetch(old=ref("run:ab12/fit")), fetch(day, token=key)

    definition = traced(flow)
    assert inputs(definition, "fetch") == {
        "day": date(2026, 3, 1),
        "moment": datetime(2026, 3, 1),
        "text": "2026-03-01",
        "token": SecretRef("env", "TOKEN"),
        "old": SourceRef("run:ab12/fit"),
    }
    assert inputs(definition, "fetch-2")["token"] == SecretRef("file", "/run/key")
    assert definition.graph.arguments["key"] == SecretRef("file", "/run/key")
    assert [param.secret for param in definition.graph.params] == [True, False]
    assert b"run/key" in json.encode(definition.graph.arguments["key"])


def test_an_old_result_may_be_an_argument_of_the_pipeline(traced: Any) -> None:
    @pipeline
    def flow(parts: Any) -> Any:
        return fit(parts), fit(parts["train"])

    definition = traced(flow, ref("run:ab12/split"))
    source = SourceRef("run:ab12/split")
    assert inputs(definition, "fit")["rows"] == source
    assert inputs(definition, "fit-2")["rows"] == Expr("getitem", (source, "train"))
    assert definition.graph.arguments == {"parts": source}


def test_settings_of_a_step_reach_its_node(traced: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("MODE", "fast")

    @step(
        name="train",
        retries=Retry(3, delay=0.5, on=(OSError,)),
        timeout="1m30s",
        cache=Cache(ttl="12h", ignore=["verbose"], version=2, also=[Env("MODE"), load]),
        resources={"cpu": 2},
        executor="processes",
        options={"serializer": {"result": "pickle"}},
    )
    def slow(rows: Any, verbose: bool = False) -> list[int]:
        return list(rows)

    @pipeline
    def flow() -> Any:
        return slow([1]), slow.options(retries=1, timeout=None, cache=False)([1])

    first, second = nodes(traced(flow)).values()
    assert (first.id, second.id) == ("train", "train-2")
    assert first.retry == ir.Retry(3, 0.5, 2.0, ("builtins.OSError",))
    assert (first.timeout, second.timeout) == (90.0, None)
    assert first.resources == {"cpu": 2}
    assert first.executor == "processes"
    assert first.outputs == (ir.Output("result", "list[int]", "pickle"),)
    assert first.cache.also != ""
    assert ir.CachePolicy(None, 43200.0, ("verbose",), "2", first.cache.also) == first.cache
    assert second.retry == ir.Retry(1)
    assert second.cache == ir.CachePolicy(enabled=False)
    assert traced(flow).functions["train"].exceptions == (OSError,)
    monkeypatch.setenv("MODE", "slow")
    assert next(iter(nodes(traced(flow)).values())).cache.also != first.cache.also


def test_a_freshness_token_is_asked_for_by_name(traced: Any) -> None:
    @step(cache=Cache(key=lambda table: len(table)))
    def rows(table: str) -> int:
        return 1

    @pipeline
    def flow() -> Any:
        return rows("abc")

    definition = traced(flow)
    assert nodes(definition)["rows"].cache.has_key
    key = definition.functions["rows"].key
    assert key is not None
    assert key(table="abc") == "3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1.5 h", 5400),
        ("2w", 1_209_600),
        ("3", 3),
        (2, 2),
    ],
)
def test_times_in_words(text: str | float, expected: float) -> None:
    assert seconds(text, "timeout") == expected


def test_a_role_is_data_of_the_node(traced: Any) -> None:
    trainer = role("trainer", ("statistics",))

    @trainer(retries=1)
    def train(rows: list[int]) -> int:
        return 1

    @pipeline
    def flow() -> Any:
        return train([1])

    node = nodes(traced(flow))["train"]
    assert (node.role, node.aspects, node.retry.times) == ("trainer", ("statistics",), 1)


class Scaler:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    @step
    def scale(self, value: int) -> int:
        return value * self.factor

    @step
    @staticmethod
    def half(value: int) -> int:
        return value // 2

    @staticmethod
    @step
    def third(value: int) -> int:
        return value // 3

    @classmethod
    def make(cls, value: int) -> int:
        return value


class Adder:
    def __call__(self, value: int, by: int = 1) -> int:
        return value + by


def test_methods_instances_partials_and_lambdas_are_steps(traced: Any) -> None:
    doubled = Scaler(2)
    plus = step(Adder())
    three = step(name="three")(partial(Adder(), by=3))
    square = step(lambda value: value * value)

    @pipeline
    def flow() -> Any:
        first = doubled.scale(3)
        halves = Scaler.third(doubled.half(first))
        return plus(halves), three(first), square(first), doubled.scale(value=1)

    definition = traced(flow)
    assert list(definition.functions) == [
        "scale", "half", "third", "Adder", "three", "lambda", "scale-2",
    ]  # fmt: skip
    called = {id: function.call(6) for id, function in definition.functions.items()}
    assert called == {
        "scale": 12, "half": 3, "third": 2, "Adder": 7, "three": 9, "lambda": 36, "scale-2": 12,
    }  # fmt: skip
    assert flow() == (2, 9, 36, 2)


def test_a_callable_that_a_class_holds_is_none_of_its_methods() -> None:
    class Holder:
        plus = step(Adder())
        three = step(name="three")(partial(Adder(), by=3))

    assert (Holder().plus(1), Holder.three(1)) == (Adder()(1), Adder()(1, by=3))


def test_a_method_is_a_pipeline_of_its_instance(traced: Any) -> None:
    class Study:
        def __init__(self, by: int) -> None:
            self.scaler = Scaler(by)

        @pipeline
        def scaled(self, value: int) -> int:
            return self.scaler.scale(value)

    study = Study(2)

    @pipeline
    def both(value: int) -> list[int]:
        return [study.scaled(value), Study.scaled(Study(3), value)]

    graph = traced(study.scaled, 4).graph
    assert [param.name for param in graph.params] == ["value"]
    assert (study.scaled(4), study.scaled.bind(4)(), both(4)) == (8, 8, [8, 12])
    assert list(traced(both, 4).functions) == ["scaled/scale", "scaled-2/scale"]


def test_a_pipeline_over_rest_and_positional_only_parameters(traced: Any) -> None:
    @pipeline
    def flow(first: int, /, second: int, *rest: int, **named: int) -> Any:
        return add(first, second), add(rest[0], named["last"])

    definition = traced(flow, 1, 2, 3, last=4)
    assert list(inputs(definition, "add").values()) == [1, 2]
    assert list(inputs(definition, "add-2").values()) == [3, 4]
    assert flow(1, 2, 3, last=4) == (3, 7)


def test_quoted_names_of_the_surroundings_are_resolved_and_unknown_ones_left_unchecked(
    traced: Any,
) -> None:
    class Local(NamedTuple):
        left: int
        right: int

    @step
    def both(value: "OnlyForTypeCheckers") -> Local:  # type: ignore[name-defined]  # noqa: F821, UP037
        return Local(1, 2)

    @pipeline
    def flow() -> Any:
        left, right = both("anything")
        return left, right

    definition = traced(flow)
    assert nodes(definition)["both"].several
    assert definition.functions["both"].hints == {"return": Local}


def test_what_a_map_collects_may_hold_failures(traced: Any) -> None:
    @step
    def count(found: list[dict[str, float] | Failure]) -> int:
        return len(found)

    @pipeline
    def flow() -> Any:
        return count(fit.map_collect(each([[1], [2]])))

    assert nodes(traced(flow))["fit"].each == Each(("rows",), (), collect=True)


def test_a_large_value_is_digested_once_for_all_its_uses_and_once_at_the_end(
    environment: Environment, traced: Any
) -> None:
    class Table:
        pass

    asked: list[object] = []

    def digest(value: object) -> str:
        if isinstance(value, Table):
            asked.append(value)
        return digest_struct("value", type(value).__name__, repr(value))

    @pipeline
    def flow(table: Any) -> None:
        for _ in range(10):
            report(table)

    from penstock.define.trace import trace

    watched = Environment(digest, environment.closure, environment.root)
    trace(flow, (Table(),), {}, watched)
    assert len(asked) == 2


def test_a_trace_takes_time_in_proportion_to_the_number_of_calls(traced: Any) -> None:
    @pipeline
    def chain(length: int) -> Any:
        value: Any = draw()
        for _ in range(length):
            value = add(value, 1)
        return value

    def calls_for(length: int) -> int:
        # Calls are counted, not seconds: a busy machine must not decide.
        count = 0

        def counted(frame: Any, event: str, arg: Any) -> None:
            nonlocal count
            count += event == "call"

        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            traced(chain, length)
        finally:
            sys.setprofile(before)
        return count

    assert calls_for(2000) < 11 * calls_for(200)
    assert calls_for(2000) < 2000 * 60


def test_a_pipeline_inside_a_pipeline_is_not_run(traced: Any) -> None:
    @pipeline
    def inner() -> Any:
        return draw()

    @pipeline
    def flow() -> Any:
        return inner.run()

    with pytest.raises(
        DefinitionError, match="'inner' is run while another pipeline is being built"
    ):
        traced(flow)


def test_steps_called_while_a_pipeline_is_traced_by_a_failing_function_leave_no_scope(
    traced: Any,
) -> None:
    @pipeline
    def flow() -> Any:
        draw()
        raise KeyError("mine")

    with pytest.raises(KeyError):
        traced(flow)
    assert draw() == 0.5


def test_paths_are_literals(traced: Any, tmp_path: Path) -> None:
    @step
    def read(path: Path) -> str:
        return ""

    @pipeline
    def flow(path: Path) -> Any:
        return read(path), read(path / "a.csv")

    definition = traced(flow, tmp_path)
    assert inputs(definition, "read-2") == {"path": tmp_path / "a.csv"}
    assert isinstance(nodes(definition)["read"], StepNode)


def test_a_functions_own_default_is_not_checked(traced: Any) -> None:
    @step
    def sloppy(depth: int = None) -> int:  # type: ignore[assignment]  # noqa: RUF013
        return 1

    @pipeline
    def flow() -> Any:
        return sloppy(), sloppy(None)  # type: ignore[arg-type]

    assert inputs(traced(flow), "sloppy-2") == {"depth": None}
