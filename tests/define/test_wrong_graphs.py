"""Wrong graphs: each is refused before anything runs, by one error that says where and what to do."""

from __future__ import annotations

import asyncio
import copy
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import structs

from penstock import Cache, Retry, cross, each, either, pipeline, secret, step
from penstock.core.walk import digest_plain, unfold
from penstock.define.containers import copied, holds_markers
from penstock.define.trace import Environment, trace
from penstock.errors import DefinitionError, PromiseError, TypeMismatch


class Split(NamedTuple):
    train: list[int]
    test: list[int]


@step
def count() -> int:
    return 3


@step
def describe(label: str, times: int = 1) -> str:
    return label * times


@step
def numbers() -> list[int]:
    return [1, 2, 3]


@step
def split(rows: list[int], ratio: float = 0.8) -> Split:
    return Split(rows, rows)


@step
def read(path: Path) -> str:
    return str(path)


@step
def unknown(thing):  # type: ignore[no-untyped-def]  # unannotated on purpose
    return thing


def int_to_str() -> Any:
    return describe(count())  # type: ignore[arg-type]


def literal_of_another_type() -> Any:
    return describe(3)  # type: ignore[arg-type]


def text_for_a_path() -> Any:
    return read("a.csv")  # type: ignore[arg-type]


def field_of_another_type() -> Any:
    return describe(split(numbers()).train)  # type: ignore[arg-type]


def ignored_parameter_that_is_none() -> Any:
    return describe.options(cache=Cache(ignore=["tims"]))("a")


def less_than_nothing() -> Any:
    return describe.options(resources={"cpu": -2})("a")


def memory_in_words() -> Any:
    return describe.options(resources={"memory": "lots"})("a")


def list_for_an_element() -> Any:
    return describe.map("a", times=numbers())  # type: ignore[arg-type]


def missing_parameter() -> Any:
    return describe()  # type: ignore[call-arg]


def unknown_parameter() -> Any:
    return describe("a", tims=2)  # type: ignore[call-arg]


def too_many_arguments() -> Any:
    return describe("a", 1, 2)  # type: ignore[call-arg]


def given_twice() -> Any:
    return describe("a", label="b")  # type: ignore[misc]


def circle() -> Any:
    first = count.after("describe")()
    return describe.named("describe")(unknown(first))


def after_what_is_no_step() -> Any:
    return count.after("descibe")(), describe("a")


def name_given_twice() -> Any:
    count.named("one")()
    return count.named("one")()


def if_promise() -> Any:
    if count():
        return None
    return 1


def comparison_in_if() -> Any:
    score = count()
    return 1 if score > 2 else 2


def method_call() -> Any:
    return numbers().index(3)


def call_of_a_promise() -> Any:
    return count()()  # type: ignore[operator]


def length() -> Any:
    return len(numbers())


def loop() -> Any:
    return [describe(str(n)) for n in numbers()]


def text() -> Any:
    return f"{count()}"


def as_text() -> Any:
    return str(count())


def membership() -> Any:
    return 3 in numbers()


def key_of_a_dict() -> Any:
    return {count(): 1}


def number() -> Any:
    return int(count())


def counting_loop() -> Any:
    return list(range(count()))


def two_levels_deep() -> Any:
    return unknown(unknown(1).first.second)


def misspelt_field() -> Any:
    return unknown(split(numbers()).trian)  # type: ignore[attr-defined]


def field_of_a_number() -> Any:
    return unknown(count()["a"])  # type: ignore[index]


def changing_it() -> Any:
    found: Any = numbers()
    found[0] = 1
    return found


def each_in_a_plain_call() -> Any:
    return describe(each(["a"]))


@step
def joined(*parts: str) -> str:
    return "".join(parts)


def each_among_the_rest() -> Any:
    return joined.map("a", each(["b", "c"]))


def each_of_a_number() -> Any:
    return describe.map(each(count()))  # type: ignore[arg-type]


def elements_of_another_type() -> Any:
    return describe.map(each(numbers()))  # type: ignore[arg-type]


def map_over_nothing() -> Any:
    return describe.map("a")


def crossed_literal_of_another_type() -> Any:
    return describe.map("a", times=cross(["b"]))  # type: ignore[arg-type]


def condition_that_is_a_number() -> Any:
    return describe.when(count())("a")  # type: ignore[arg-type]


def either_of_nothing() -> Any:
    return either(1, 2)


def change_of_a_large_value() -> Any:
    class Table:
        rows = 1

        def __repr__(self) -> str:
            return f"Table({self.rows})"

    table = Table()
    found = unknown(table)
    table.rows = 2
    return found


def secret_without_a_source() -> Any:
    return describe(secret("API_TOKEN"))


def returned_of_another_type() -> str:
    return count()  # type: ignore[return-value]


def copy_of_a_promise() -> Any:
    return copy.deepcopy([count()])


def variable_that_goes_on() -> Any:
    results = []
    for factor in (1, 2):

        @step(name=f"scaled{factor}")
        def scaled(value: int) -> int:
            return value * factor  # noqa: B023  # on purpose

        results.append(scaled(1))
    return results


CASES: list[tuple[Callable[[], Any], type[DefinitionError], str]] = [
    (
        int_to_str,
        TypeMismatch,
        "'count' (FILE:N) is int, but 'label' of 'describe' is str (FILE:N)\n"
        "  Change one of the two annotations, or what is passed.",
    ),
    (
        literal_of_another_type,
        TypeMismatch,
        "3 is int, but 'label' of 'describe' is str (FILE:N)\n"
        "  Change one of the two annotations, or what is passed.",
    ),
    (
        text_for_a_path,
        TypeMismatch,
        "'a.csv' is str, but 'path' of 'read' is Path (FILE:N)\n  Write Path('a.csv').",
    ),
    (
        field_of_another_type,
        TypeMismatch,
        "'split.train' (FILE:N) is list[int], but 'label' of 'describe' is str (FILE:N)\n"
        "  Change one of the two annotations, or what is passed.",
    ),
    (
        ignored_parameter_that_is_none,
        DefinitionError,
        "Cache(ignore=…) of 'describe' names 'tims', which is none of its parameters (FILE:N)\n"
        "  Did you mean 'times'?",
    ),
    (
        less_than_nothing,
        DefinitionError,
        "'describe' (FILE:N) asks for cpu=-2, but -2 is no amount\n  Write a number from 0 on.",
    ),
    (
        memory_in_words,
        DefinitionError,
        "'describe' (FILE:N) asks for memory='lots', but 'lots' is no amount of memory\n"
        '  Write a number of bytes, or "2GB", "512MiB".',
    ),
    (
        list_for_an_element,
        TypeMismatch,
        "'numbers' (FILE:N) is list[int], but 'times' of 'describe' is int (FILE:N)\n"
        "  For a call with each element, write describe.map(times=each(…)).",
    ),
    (
        missing_parameter,
        DefinitionError,
        "'describe' is called without 'label' (FILE:N)\n  Its parameters: label, times=….",
    ),
    (
        unknown_parameter,
        DefinitionError,
        "'describe' has no parameter 'tims' (FILE:N)\n  Did you mean 'times'?",
    ),
    (
        too_many_arguments,
        DefinitionError,
        "'describe' takes 2 arguments by position, but 3 are given (FILE:N)\n"
        "  Its parameters: label, times=….",
    ),
    (
        given_twice,
        DefinitionError,
        "'describe' is given 'label' twice (FILE:N)\n  Its parameters: label, times=….",
    ),
    (
        circle,
        DefinitionError,
        "these steps wait for each other: 'count' (FILE:N) -> 'describe' (FILE:N)"
        " -> 'unknown' (FILE:N) -> 'count' (FILE:N)\n  Remove one `.after`.",
    ),
    (
        after_what_is_no_step,
        DefinitionError,
        "'count' runs after 'descibe', which is no step (FILE:N)\n  Did you mean 'describe'?",
    ),
    (
        name_given_twice,
        DefinitionError,
        "the name 'one' is given twice (FILE:N and FILE:N)\n"
        "  Names address steps: give each its own, or leave `.named` out.",
    ),
    (
        if_promise,
        PromiseError,
        "'count' is asked for its truth, which is not known yet (FILE:N)\n"
        "  Guard the step instead, `step.when(condition)(…)`, and join conditions by `&` and `|`.",
    ),
    (
        comparison_in_if,
        PromiseError,
        "'count > 2' is asked for its truth, which is not known yet (FILE:N)\n"
        "  Guard the step instead, `step.when(condition)(…)`, and join conditions by `&` and `|`.",
    ),
    (
        method_call,
        PromiseError,
        "'numbers.index' is called: a promise has no methods (FILE:N)\n"
        "  Write a step that calls it.",
    ),
    (
        call_of_a_promise,
        PromiseError,
        "'count' is called: a promise has no methods (FILE:N)\n  Write a step that calls it.",
    ),
    (
        length,
        PromiseError,
        "'numbers' has no length yet (FILE:N)\n  Do it inside a step.",
    ),
    (
        loop,
        PromiseError,
        "'numbers' is iterated over, but its elements are not known yet (FILE:N)\n"
        "  To run a step for each element: `step.map(each(x))`. To unpack outputs, annotate the step"
        " as returning a NamedTuple or tuple[X, Y].",
    ),
    (
        text,
        PromiseError,
        "'count' is made into text, but its value is not known yet (FILE:N)\n"
        "  Do it inside a step.",
    ),
    (
        as_text,
        PromiseError,
        "'count' is made into text, but its value is not known yet (FILE:N)\n"
        "  Do it inside a step.",
    ),
    (
        membership,
        PromiseError,
        "'numbers' is searched by `in`, but its value is not known yet (FILE:N)\n"
        "  Do it inside a step.",
    ),
    (
        key_of_a_dict,
        PromiseError,
        "'count' is hashed, but its value is not known yet (FILE:N)\n"
        "  Not a key or in a set: use a list.",
    ),
    (
        number,
        PromiseError,
        "'count' is made into a number, but its value is not known yet (FILE:N)\n"
        "  Do it inside a step.",
    ),
    (
        counting_loop,
        PromiseError,
        "'count' is made into a number, but its value is not known yet (FILE:N)\n"
        "  Do it inside a step.",
    ),
    (
        two_levels_deep,
        PromiseError,
        "'unknown.first' goes no deeper: `.second` would be the second step into a value (FILE:N)\n"
        "  Write a step that picks it apart.",
    ),
    (
        misspelt_field,
        PromiseError,
        "'split' is Split, which has no `.trian` (FILE:N)\n  Did you mean 'train'?",
    ),
    (
        field_of_a_number,
        PromiseError,
        "'count' is int, which has no `['a']` (FILE:N)\n  Do it inside a step.",
    ),
    (
        changing_it,
        PromiseError,
        "'numbers' is changed, but its value is not known yet (FILE:N)\n  Do it inside a step.",
    ),
    (
        each_in_a_plain_call,
        DefinitionError,
        "each(…) for 'label' of 'describe' stands in a plain call (FILE:N)\n"
        "  Write describe.map(…), and each(…) as an argument itself.",
    ),
    (
        each_among_the_rest,
        DefinitionError,
        "no map runs over '*parts' of 'joined' (FILE:N)\n"
        "  Give the step a parameter for it: each(…) goes to one by its name.",
    ),
    (
        each_of_a_number,
        TypeMismatch,
        "'count' (FILE:N) is int, which each(…) for 'label' of 'describe' cannot run over (FILE:N)\n"
        "  each(…) takes a list, or the output of a step that returns one.",
    ),
    (
        elements_of_another_type,
        TypeMismatch,
        "an element of 'numbers' (FILE:N) is int, but 'label' of 'describe' is str (FILE:N)\n"
        "  Change one of the two annotations, or what is passed.",
    ),
    (
        map_over_nothing,
        DefinitionError,
        "'describe' is mapped over nothing (FILE:N)\n"
        "  Mark what to run over: describe.map(label=each([…])).",
    ),
    (
        crossed_literal_of_another_type,
        TypeMismatch,
        "'b' is str, but 'times' of 'describe' is int (FILE:N)\n"
        "  Change one of the two annotations, or what is passed.",
    ),
    (
        condition_that_is_a_number,
        TypeMismatch,
        "'count' (FILE:N) is int, which is no condition (FILE:N)\n"
        "  Compare it, like `x > 0`; for the opposite use `.unless(…)`.",
    ),
    (
        either_of_nothing,
        DefinitionError,
        "either(…) is given no step's output (FILE:N)\n  Give it what two guarded steps return.",
    ),
    (
        change_of_a_large_value,
        DefinitionError,
        "a Table was changed after it was passed to a step (FILE:N)\n"
        "  Change a copy, or change it inside a step.",
    ),
    (
        copy_of_a_promise,
        PromiseError,
        "'count' is copied or pickled, but its value is not known yet (FILE:N)\n"
        "  Do it inside a step.",
    ),
    (
        variable_that_goes_on,
        DefinitionError,
        "'factor', which 'scaled' encloses, was given another value after the step was called (FILE:N)\n"
        "  Pass it as an argument, or keep it: def scaled(…, factor=factor).",
    ),
    (
        secret_without_a_source,
        DefinitionError,
        "'API_TOKEN' is not the address of a secret\n  Write secret(\"env:NAME\").",
    ),
    (
        returned_of_another_type,
        TypeMismatch,
        "'count' (FILE:N) is int, but 'returned_of_another_type' returns str (FILE:N)\n"
        "  Change the annotation, or what is returned.",
    ),
]


def placeless(text: str) -> str:
    return re.sub(r"test_wrong_graphs\.py:\d+", "FILE:N", text)


@pytest.mark.parametrize(("wrong", "kind", "message"), CASES, ids=[c[0].__name__ for c in CASES])
def test_a_wrong_graph_is_refused_with_one_error_that_says_what_to_do(
    traced: Any, wrong: Callable[[], Any], kind: type[DefinitionError], message: str
) -> None:
    with pytest.raises(DefinitionError) as caught:
        traced(pipeline(wrong))
    assert placeless(str(caught.value)) == message
    assert type(caught.value) is kind


@dataclass
class Holder:
    inner: object


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Holder([count()]),
            "a promise stands in a Holder for 'thing' of 'unknown' (FILE:N)\n"
            "  Promises go into lists, tuples, NamedTuples and dicts.",
        ),
        (
            threading.Lock,
            "'thing' of 'unknown' is given what cannot be kept (FILE:N): a value of '_thread:lock' "
            "has no content that can be known: cannot pickle '_thread.lock' object\n"
            "  Keep it out of what steps take and return, or register a serializer for it.",
        ),
    ],
)
def test_what_has_no_content_is_refused_where_it_is_passed(
    environment: Environment, make: Callable[[], Any], message: str
) -> None:
    known = structs.replace(environment, digest_value=lambda value: digest_plain(value, unfold))
    with pytest.raises(DefinitionError) as caught:
        trace(pipeline(lambda: unknown(make())), (), {}, known)
    assert placeless(str(caught.value)) == message


def test_the_error_names_the_lines_of_both_ends(traced: Any) -> None:
    first = int_to_str.__code__.co_firstlineno + 1
    with pytest.raises(TypeMismatch) as caught:
        traced(pipeline(int_to_str))
    assert re.findall(r"py:(\d+)", str(caught.value)) == [str(first), str(first)]


def test_a_promise_that_leaves_its_pipeline_is_refused(traced: Any) -> None:
    kept: list[Any] = []

    @pipeline
    def first() -> None:
        kept.append(count())

    @pipeline
    def second() -> Any:
        return unknown(kept[0])

    traced(first)
    with pytest.raises(PromiseError, match="'count' belongs to another pipeline"):
        traced(second)
    with pytest.raises(PromiseError, match="'count' is used outside of its pipeline"):
        unknown(kept[0])


def test_a_promise_of_the_pipeline_around_must_be_passed_as_an_argument(traced: Any) -> None:
    @pipeline
    def outer() -> Any:
        found = count()

        @pipeline
        def inner() -> Any:
            return unknown(found)

        return inner()

    with pytest.raises(PromiseError, match="Pass it as an argument of this pipeline"):
        traced(outer)


def test_an_async_function_is_refused_where_it_is_defined() -> None:
    async def fetch(url: str) -> str:
        await asyncio.sleep(0)
        return url

    with pytest.raises(DefinitionError) as caught:
        step(fetch)
    assert placeless(str(caught.value)) == (
        "'fetch' is an `async def`, and a step is a plain function (FILE:N)\n"
        "  Write `def fetch(…)` and call `asyncio.run(…)` inside."
    )


WRONG_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"timeout": "soon"}, "'f': timeout='soon' is not a time (FILE:N)\n"
     '  Write "90s", "10m", "1h30m", or seconds.'),
    ({"timeout": float("inf")}, "'f': timeout=inf is not a time (FILE:N)\n"
                                '  Write "90s", "10m", "1h30m", or seconds.'),
    ({"retries": Retry("2")}, "'f': Retry(times='2') is not a number of attempts (FILE:N)\n"  # type: ignore[arg-type]
                              "  Write Retry(times=2)."),
    ({"retries": Retry(2, delay=float("nan"))}, "'f': Retry(delay=nan) is no wait (FILE:N)\n"
        "  Write Retry(delay=1.0, backoff=2.0): seconds, and by what they grow."),
    ({"timeout": -1}, "'f': timeout=-1 is not a time (FILE:N)\n"
     '  Write "90s", "10m", "1h30m", or seconds.'),
    ({"retries": -1}, "'f': retries=-1 is negative (FILE:N)\n  Write retries=0 for none."),
    ({"retries": "2"}, "'f': retries='2' is not a number of attempts (FILE:N)\n  Write retries=2."),
    ({"retries": Retry(2, on=("ValueError",))},  # type: ignore[arg-type]
     "'f': Retry(on=…) takes exception classes (FILE:N)\n  Write on=(ConnectionError,)."),
    ({"cache": "yes"}, "'f': cache='yes' is not a policy (FILE:N)\n"
     "  Write True, False or Cache(…)."),
    ({"options": {"serialiser": "json"}},
     "'f': options has no 'serialiser' (FILE:N)\n  There are: serializer, aspects."),
    ({"retrys": 2}, "@step has no keyword 'retrys' (FILE:N)\n  Did you mean 'retries'?"),
    ({"name": "a/b"}, "'a/b' cannot be the name of a step\n"
     "  Letters, digits, '-' and '_' are safe."),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "message"), WRONG_SETTINGS)
def test_a_wrong_setting_is_refused_where_the_step_is_defined(
    settings: dict[str, Any], message: str
) -> None:
    def f(x: int) -> int:
        return x

    with pytest.raises(DefinitionError) as caught:
        step(**settings)(f)
    assert placeless(str(caught.value)) == message


def test_a_step_is_not_made_a_step_twice() -> None:
    with pytest.raises(DefinitionError, match="'count' is a step already"):
        step(count)


def test_two_types_of_one_name_are_told_apart() -> None:
    import pandas as pd
    import polars as pl

    @step
    def load() -> pl.DataFrame:
        return pl.DataFrame()

    @step
    def height(rows: pd.DataFrame) -> int:
        return len(rows)

    @pipeline
    def mixed() -> int:
        return height(load())  # type: ignore[arg-type]  # on purpose

    load.callee.function.__annotations__["return"] = pl.DataFrame
    height.callee.function.__annotations__["rows"] = pd.DataFrame
    with pytest.raises(
        TypeMismatch, match=r"is polars\..*DataFrame, but 'rows' of 'height' is pandas\..*DataFrame"
    ):
        mixed.run()


def test_a_list_that_contains_itself_is_refused_and_one_that_a_step_returns_is_not() -> None:
    ring: list[Any] = [1]
    ring.append(ring)

    with pytest.raises(DefinitionError, match="contains itself") as caught:
        copied([ring])
    assert caught.value.hint == "Let a step make and return it."
    assert not holds_markers(ring)
