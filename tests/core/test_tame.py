"""Texts that every reader of JSON takes, and that move no cursor."""

from __future__ import annotations

import json
import math

import pytest

from penstock.core.digest import digest_struct
from penstock.core.tame import as_json, plain, printable, shown


@pytest.mark.parametrize(
    "value",
    [10**6000, -(10**6000), {"a": [10**5000, "\ud800"]}, 2**64],
    ids=["long", "negative", "inside", "65 bits"],
)
def test_a_number_of_any_length_is_json(value: object) -> None:
    assert plain(value) == json.loads(as_json(value))


def test_what_is_no_number_of_json_is_a_word() -> None:
    assert plain({"a": [math.nan, (math.inf,)], 1: -math.inf}) == {
        "a": ["nan", ["inf"]],
        "1": "-inf",
    }


def test_a_key_of_any_kind_is_text() -> None:
    assert plain({(1, 2): math.nan, None: 1, True: 2, 2.5: 3}) == {
        "(1, 2)": "nan", "None": 1, "True": 2, "2.5": 3,
    }  # fmt: skip


def test_a_number_of_any_length_has_a_digest_and_something_to_show() -> None:
    large, larger = 10**6000, 10**6000 + 1
    assert digest_struct("n", large) != digest_struct("n", larger)
    assert shown(large, 50) == "<int>"


def test_what_a_terminal_would_obey_is_an_escape() -> None:
    hostile = "\x1b[2J\x07a\x9bb\r\n\u202ec\u200bd\ufeff\ud800é☃"
    said = printable(hostile)
    assert said == r"\x1b[2J\x07a\x9bb\r\n\u202ec\u200bd\ufeff\ud800é☃"


def test_what_is_shown_of_a_value_is_the_same_in_every_process() -> None:
    functions = [lambda x: x, object()]
    assert shown(functions, 200) == (
        "[<function test_what_is_shown_of_a_value_is_the_same_in_every_process.<locals>.<lambda>>, "
        "<object object>]"
    )
    assert shown("<a at 0x12>", 20) == "'<a at 0x12>'"
