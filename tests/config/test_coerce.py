"""Coercion: text and YAML values become what annotations ask for."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union
from uuid import UUID

import pytest

from penstock.config.coerce import coerce, seconds
from penstock.errors import UsageError


class Color(Enum):
    RED = 1
    BLUE = "blue"


@dataclass(frozen=True)
class Hyper:
    lr: float
    layers: list[int] = field(default_factory=lambda: [8])
    color: Color = Color.RED


class Point(NamedTuple):
    x: int
    y: float = 0.0


class Row(TypedDict):
    day: dt.date


UserId = NewType("UserId", int)


@dataclass
class Careful:
    rate: float = 0.1

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError("a rate is positive")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("8", int, 8),
        ("1_000", int, 1000),
        (8.0, int, 8),
        ("1e-3", float, 0.001),
        (3, float, 3.0),
        (".inf", float, float("inf")),
        ("yes", bool, True),
        ("off", bool, False),
        (True, bool, True),
        ("8", str, "8"),
        ("a.csv", Path, Path("a.csv")),
        ("2026-01-31", dt.date, dt.date(2026, 1, 31)),
        ("2026-01-31T12:30", dt.datetime, dt.datetime(2026, 1, 31, 12, 30)),
        ("12:30:00", dt.time, dt.time(12, 30)),
        ("0.10", Decimal, Decimal("0.10")),
        (3, Decimal | None, Decimal(3)),
        (str(UUID(int=1)), UUID, UUID(int=1)),
        ("1h30m", dt.timedelta, dt.timedelta(minutes=90)),
        ("RED", Color, Color.RED),
        ("blue", Color, Color.BLUE),
        (1, Color, Color.RED),
        ("gini", Literal["gini", "entropy"], "gini"),
        ("2", Literal[1, 2], 2),
        ("[1, 2]", list[int], [1, 2]),
        ("1,2", list[int], [1, 2]),
        ("[a, b]", list[str], ["a", "b"]),
        ([1, "2"], tuple[int, ...], (1, 2)),
        (["1", "x"], tuple[int, str], (1, "x")),
        ("[3, 3]", set[int], {3}),
        ("[1]", Sequence[float], [1.0]),
        ("{a: 1}", dict[str, float], {"a": 1.0}),
        ({"a": "1"}, Mapping[str, int], {"a": 1}),
        ("none", Optional[int], None),  # noqa: UP045  # what older code writes
        (None, int | None, None),
        ("5", int | None, 5),
        ("x", int | str, "x"),
        ("5", Union[str, int], 5),  # noqa: UP007  # as above
        ("7", UserId, 7),
        ("7", Annotated[int, "positive"], 7),
        ({"lr": "0.1"}, Hyper, Hyper(0.1)),
        ({"lr": 1, "layers": "[4,4]", "color": "blue"}, Hyper, Hyper(1.0, [4, 4], Color.BLUE)),
        ([1, "2"], Point, Point(1, 2.0)),
        ({"x": "3"}, Point, Point(3)),
        ({"day": "2026-01-31"}, Row, {"day": dt.date(2026, 1, 31)}),
        ("8", Any, 8),
        ("abc", Any, "abc"),
        ('{"a": [1]}', Any, {"a": [1]}),
    ],
)
def test_a_value_becomes_what_the_annotation_asks_for(
    value: Any, hint: Any, expected: object
) -> None:
    made = coerce(value, hint, "it")
    assert made == expected
    assert type(made) is type(expected)


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ("six", int, "'depth': expected a whole number, got 'six'"),
        (True, int, "'depth': expected a whole number, got True"),
        (1.5, int, "'depth': expected a whole number, got 1.5"),
        ("maybe", bool, "'depth': expected true or false, got 'maybe'"),
        (3, str, "'depth': expected text, got 3"),
        ("31.1.2026", dt.date, "'depth': expected a date, got '31.1.2026'"),
        ("x", Literal["a", "b"], "'depth': expected one of 'a', 'b', got 'x'"),
        ("GREEN", Color, "'depth': expected one of RED, BLUE, got 'GREEN'"),
        (
            "x",
            int | float | None,
            "'depth': expected a whole number or a number or nothing, got 'x'",
        ),
        ([1, "x"], list[int], "'depth[1]': expected a whole number, got 'x'"),
        ({"lr": "x"}, Hyper, "'depth.lr': expected a number, got 'x'"),
        ({"lr": 1, "rate": 2}, Hyper, "no field 'rate' of Hyper"),
        ({}, Hyper, "also lr of Hyper"),
        ("text", Hyper, "'depth': expected the fields of Hyper"),
        ([1], tuple[int, int], "'depth': expected 2 values, got [1]"),
        ("x", Decimal, "'depth': expected a decimal number, got 'x'"),
        ("x", UUID | None, "'depth': expected a UUID or nothing, got 'x'"),
        ({"dya": "2026-01-31"}, Row, "'depth': expected no key 'dya' of Row, got"),
        ({"rate": "0"}, Careful, "'depth': expected values that Careful takes, got {'rate': '0'}"),
        ("[1, 2", list[int], "'depth': expected a list, got '[1, 2'"),
        ("[1, 2]]", list[int], "'depth': expected a list, got '[1, 2]]'"),
        ("[1, '2]", list[int] | None, "'depth': expected a list or nothing, got"),
        ("[\x01]", list[str], "'depth': expected a list, got '[\\x01]'"),
        ("{lr: 1", Hyper, "'depth': expected a mapping, got '{lr: 1'"),
        ("[" * 5000, list[int], "'depth': expected a list, got '[[["),
        ("[" * 100_000 + "]" * 100_000, list[int], "'depth': expected a list, got '[[["),
    ],
)
def test_what_does_not_fit_names_the_parameter_and_what_was_expected(
    value: Any, hint: Any, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        coerce(value, hint, "depth")
    assert message in caught.value.message


def test_what_a_class_says_to_its_values_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        coerce({"rate": -1}, Careful | None, "hyper")
    assert caught.value.hint == "ValueError: a rate is positive"


def test_a_model_of_pydantic_is_made_of_its_fields() -> None:
    import pydantic

    model = pydantic.create_model(
        "Model", rate=(pydantic.PositiveFloat, 0.1), layers=(list[int], [8]), title=(str, "")
    )
    made = coerce({"rate": "0.5", "layers": "[1, 2]", "title": "[x]"}, model, "hyper")
    assert made == model(rate=0.5, layers=[1, 2], title="[x]")
    assert coerce("{rate: 2}", model | None, "hyper") == model(rate=2)
    with pytest.raises(UsageError, match="expected no field 'raet' of Model"):
        coerce({"raet": 1}, model, "hyper")
    with pytest.raises(UsageError) as caught:
        coerce({"rate": "-1"}, model, "hyper")
    assert caught.value.message == "'hyper': expected values that Model takes, got {'rate': '-1'}"
    assert "greater than 0" in caught.value.hint


def test_brackets_that_do_not_close_are_told_as_such() -> None:
    with pytest.raises(UsageError) as caught:
        coerce("[1,", list[int], "sizes")
    assert caught.value.hint == (
        "Its brackets and quotes must be closed: for example 'sizes=[1, 2]'."
    )


def test_brackets_that_do_not_close_are_text_where_text_will_do() -> None:
    assert coerce("[draft", list[int] | str, "title") == "[draft"
    assert coerce("[" * 5000, Any, "title") == "[" * 5000


def test_of_a_wrong_value_that_is_long_the_beginning_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        coerce("x" * 10_000, int, "depth")
    assert caught.value.message.endswith("xxx…")
    assert len(caught.value.message) < 250


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("10m", 600), ("1h30m", 5400), ("5min", 300), ("2w", 1209600), ("5ms", 0.005)],
)
def test_durations_are_read_as_people_write_them(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "value", ["soon", "1h30", "1e400", float("inf"), float("nan"), 1e300, True]
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{value!r} is not a duration")):
        seconds(value)
    with pytest.raises(UsageError, match=re.escape(f"expected a duration, got {value!r}")):
        coerce(value, dt.timedelta)
