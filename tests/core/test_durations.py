"""Durations as people write them, wherever they write them."""

import pytest
from jsonschema import Draft202012Validator

from penstock.core.durations import duration, is_wait, seconds
from penstock.spec.schema import SECONDS

EDITOR = Draft202012Validator(SECONDS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("1.5", 1.5),
        ("1e3", 1000),
        ("90s", 90),
        ("10m", 600),
        ("5min", 300),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("2w", 1_209_600),
        ("2W", 1_209_600),
        ("250ms", 0.25),
        ("7us", 7e-6),
    ],
)
def test_a_text_is_so_many_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected
    assert EDITOR.is_valid(text.lower())


@pytest.mark.parametrize("text", ["", "soon", "h", "-5", "1h30", "5 minutes", "3y", "inf", "nan"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert seconds(text) is None
    assert not EDITOR.is_valid(text)


@pytest.mark.parametrize("text", ["1e400", "1e13", "9" * 400, "9" * 400 + "w"])
def test_a_duration_that_nobody_waits_for_is_none(text: str) -> None:
    assert seconds(text) is None


def test_a_duration_is_written_as_short_as_it_can_be() -> None:
    assert [*map(duration, (0.25, 90, 600, 5400, 1_209_600, 1e-5))] == [
        "250ms", "90s", "10m", "90m", "14d", 1e-5,
    ]  # fmt: skip


def test_a_wait_is_a_number_that_has_an_end() -> None:
    assert [*map(is_wait, (0, 1.5, -1, float("inf"), float("nan"), True, "5"))] == [
        True, True, False, False, False, False, False,
    ]  # fmt: skip
