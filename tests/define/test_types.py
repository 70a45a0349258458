"""Which types fit which: only what is provably wrong does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, NewType, Optional, Protocol, TypedDict, TypeVar

import pytest

from penstock.core.graph import Access
from penstock.define.types import at, element, fits, value_fits


class Base: ...


class Derived(Base): ...


class Other: ...


class Pair(NamedTuple):
    left: int
    right: str


class Scores(TypedDict):
    auc: float


class Named(Protocol):
    name: str


Key = NewType("Key", int)
T = TypeVar("T")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, int), (int, float), (bool, int), (int, complex), (Any, int), (int, Any), (int, object),
        (Derived, Base), (Base, Derived), (int, Optional[int]), (Optional[int], int),  # noqa: UP045
        (int | str, str), (Key, int), (int, Key), (T, int), (Other, Named),
        (list[int], list), (list, list[int]), (list[int], Sequence[float]), (list[Any], list[int]),
        (dict[str, int], Mapping[str, float]), (dict[str, Any], dict[str, int]), (Scores, dict),
        (dict[str, float], Scores), (tuple[int, str], tuple[float, str]), (Pair, tuple[int, str]),
        (tuple[int, ...], tuple[int, int]), (Literal["a"], str), (str, Literal["a", "b"]),
        (Literal["a"], Literal["a", "b"]), (Callable[[int], str], Callable[..., Any]),
        (Callable[[int], str], Callable[[int], str]), (type[Derived], type[Base]), (None, int | None),
        (Iterable[int], list[int]),
    ],
)  # fmt: skip
def test_what_may_be_right_fits(given: Any, wanted: Any) -> None:
    assert fits(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (int, str), (float, int), (str, Path), (Base, Other), (None, int), (int | str, Base),
        (list[int], int), (list[str], list[int]), (list[int], dict[str, int]), (list[int], Sequence[str]),
        (dict[str, int], dict[str, str]), (dict[int, str], Mapping[str, str]), (str, list[str]),
        (tuple[int, str], tuple[str, str]), (tuple[int], tuple[int, int]), (Pair, list[int]),
        (tuple[int, ...], tuple[str, str]), (Literal["c"], Literal["a", "b"]), (Literal[1], str),
        (int, Callable[[int], str]), (Optional[int], str),  # noqa: UP045
    ],
)  # fmt: skip
def test_what_is_provably_wrong_does_not_fit(given: Any, wanted: Any) -> None:
    assert not fits(given, wanted)


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        (3, float, True), (3.0, int, False), (True, int, True), ("a", Path, False), (None, int, False),
        (None, int | None, True), ([1, 2], list[int], True), ([1, "a"], list[int], False),
        ({"a": 1}, dict[str, float], True), ({"a": "b"}, dict[str, float], False),
        ((1, "a"), tuple[int, str], True), ((1,), tuple[int, str], False), ("a", Literal["a"], True),
        ("c", Literal["a"], False), ({"auc": 1}, Scores, True), (Other(), Named, True), (3, Key, True),
        ([[1], ["a"]], list[list[int]], False), (Path("a"), Path, True), (Base(), Other, False),
    ],
)  # fmt: skip
def test_values_that_are_known(value: object, wanted: Any, expected: bool) -> None:
    assert value_fits(value, wanted) is expected


def test_numpy_scalars_pass_for_what_they_hold() -> None:
    import numpy

    assert value_fits(numpy.int64(8), int)
    assert value_fits(numpy.int64(8), float)
    assert not value_fits(numpy.float64(8), int)
    assert not value_fits(numpy.arange(3), int)


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (list[int], (True, int)), (dict[str, int], (True, str)), (tuple[int, ...], (True, int)),
        (int, (False, Any)), (str, (False, Any)), (Any, (True, Any)), (list, (True, Any)),
        (list[int] | None, (True, int)), (Base, (False, Any)),
    ],
)  # fmt: skip
def test_what_a_map_can_run_over(hint: Any, expected: tuple[bool, Any]) -> None:
    assert element(hint) == expected


@pytest.mark.parametrize(
    ("hint", "access", "expected"),
    [
        (Pair, Access("attribute", "left"), (True, int)),
        (Pair, Access("item", 1), (True, str)),
        (Pair, Access("item", -1), (True, str)),
        (Pair, Access("item", 2), (False, Any)),
        (Pair, Access("attribute", "middle"), (False, Any)),
        (Scores, Access("item", "auc"), (True, float)),
        (Scores, Access("item", "f1"), (False, Any)),
        (dict[str, int], Access("item", "a"), (True, int)),
        (dict[str, int], Access("item", 1), (False, int)),
        (list[str], Access("item", 0), (True, str)),
        (int, Access("item", 0), (False, Any)),
        (Base, Access("attribute", "anything"), (True, Any)),
        (Any, Access("item", "a"), (True, Any)),
    ],
)
def test_one_step_into_a_type(hint: Any, access: Access, expected: tuple[bool, Any]) -> None:
    assert at(hint, access)[:2] == expected
