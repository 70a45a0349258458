"""The canonical walk: what counts as the same value, and what does not."""

from __future__ import annotations

import copy
import datetime as dt
import enum
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.walk import Fields, digest_plain, unfold
from penstock.errors import SerializationError


def digest(value: object) -> str:
    return digest_plain(value, unfold)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Size(enum.IntEnum):
    RED = 1


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: int


class Other(NamedTuple):
    x: int
    y: int


@dataclass
class Settings:
    depth: int
    names: list[str] = field(default_factory=list)

    @cached_property
    def twice(self) -> int:
        return self.depth * 2


@dataclass(frozen=True, slots=True)
class Frozen:
    depth: int


class Record(msgspec.Struct):
    depth: int


class Slots:
    __slots__ = ("a", "b")


def slots(a: int, b: int) -> Slots:
    value = Slots()
    value.a, value.b = a, b  # type: ignore[attr-defined]
    return value


DIFFERENT: list[Any] = [
    None, ..., True, False, 0, 1, -1, 255, 2**64, -(2**64), 0.0, -0.0, 1.0, math.inf, -math.inf,
    math.nan, 1 + 0j, complex(0, -0.0), complex(0, 0.0), "", "1", "a", "\ud800", "None", b"", b"1",
    bytearray(b"1"), [], (), {}, set(), frozenset(), [1], (1,), {1}, frozenset([1]), [[1]], [1, 1],
    {1: 2}, {2: 1}, {1: 2, 3: 4}, {3: 4, 1: 2}, {"a": 1}, [("a", 1)], OrderedDict(a=1), range(3),
    range(0, 3, 2), slice(3), slice(0, 3), Colour.RED, Colour.BLUE, Size.RED, Rights.READ,
    Rights.READ | Rights.WRITE, Point(1, 2), Point(2, 1), Other(1, 2), (1, 2), Settings(1),
    Settings(2), Settings(1, ["a"]), Frozen(1), Record(1), slots(1, 2), slots(2, 1),
    Decimal(1), Decimal("1.0"), Decimal("NaN"), Fraction(1, 2), UUID(int=1), re.compile("a"),
    re.compile("a", re.IGNORECASE), dt.date(2020, 1, 1), dt.datetime(2020, 1, 1), dt.time(1),
    dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC")),
    dt.datetime(2020, 1, 1, tzinfo=ZoneInfo("Europe/Paris")), dt.datetime(2020, 1, 1, fold=1),
    dt.timedelta(1), dt.timedelta(seconds=1), dt.UTC, int, str, Settings, len, max, math, os,
    partial(print, 1), partial(print, 2), lambda: 1, lambda: 2, "x" * 70_000, b"x" * 70_000,
    bytearray(70_000), "x" * 70_001,
]  # fmt: skip


def test_different_values_have_different_digests() -> None:
    seen: dict[str, Any] = {}
    for value in DIFFERENT:
        assert seen.setdefault(digest(value), value) is value, (value, seen[digest(value)])


def test_a_value_inside_another_counts_as_it_does_alone() -> None:
    for wrap in (lambda v: [v], lambda v: {"k": v}, lambda v: (0, v)):
        digests = {digest(wrap(value)) for value in DIFFERENT}
        assert len(digests) == len(DIFFERENT)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text()
    | st.binary() | st.dates() | st.datetimes() | st.decimals(allow_nan=False) | st.uuids(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
    | st.sets(st.integers() | st.text()),
    max_leaves=20,
)  # fmt: skip


@given(plain)
def test_a_deep_copy_is_the_same_value(value: Any) -> None:
    assert digest(copy.deepcopy(value)) == digest(value)


@given(plain)
def test_sharing_does_not_count(value: Any) -> None:
    assert digest([value, value]) == digest([value, copy.deepcopy(value)])


@given(st.sets(st.integers() | st.text() | st.binary()))
def test_the_order_of_a_set_does_not_count(value: set[Any]) -> None:
    again: set[Any] = set()
    again.update(reversed(list(value)))
    assert digest(again) == digest(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_the_order_of_a_dict_counts(value: dict[str, int]) -> None:
    assert digest(dict(reversed(value.items()))) != digest(value)


@pytest.mark.parametrize(
    ("scalar", "equal"),
    [
        (np.int64(8), 8), (np.int64(-(2**63)), -(2**63)), (np.bool_(True), True),
        (np.float64(0.1), 0.1), (np.float64("nan"), math.nan),
        (np.float64(-0.0), -0.0), (np.complex128(1j), 1j), (np.str_("a"), "a"),
        (np.bytes_(b"a"), b"a"),
    ],
)  # fmt: skip
def test_a_numpy_scalar_is_the_python_value_that_it_equals(scalar: Any, equal: object) -> None:
    assert digest(scalar) == digest(equal)
    assert digest([scalar, {"k": scalar}]) == digest([equal, {"k": equal}])


@pytest.mark.parametrize(
    ("scalar", "equal"),
    [
        (np.uint8(200), 200), (np.int32(8), 8), (np.uint64(8), 8), (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5), (np.complex64(1j), 1j), (np.float32(0.5), np.float16(0.5)),
    ],
)  # fmt: skip
def test_a_narrow_numpy_scalar_is_none_since_it_overflows_and_rounds(
    scalar: Any, equal: object
) -> None:
    assert digest(scalar) == digest(copy.copy(scalar)) != digest(equal)


def test_a_numpy_array_without_dimensions_is_no_scalar() -> None:
    assert digest(np.array(8)) != digest(8)


def test_nan_is_one_value_whatever_its_bits() -> None:
    other = np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff")[0].item()
    assert math.isnan(other)
    assert digest(other) == digest(math.nan)


def test_attributes_count_by_name_and_not_by_order_and_caches_do_not_count() -> None:
    one, two = Settings(1), Settings(1)
    vars(two).clear()
    vars(two).update(names=[], depth=1)
    assert one.twice == 2
    assert digest(one) == digest(two)


def test_a_list_in_itself_has_a_digest() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    same: list[Any] = [1]
    same.append(same)
    assert digest(loop) == digest(same)
    assert digest(loop) != digest([1, [1]])


def test_objects_that_know_each_other_have_a_digest() -> None:
    def family(name: str) -> Settings:
        parent, child = Settings(1), Settings(2)
        parent.names = [name, child]  # type: ignore[list-item]
        child.names = [parent]  # type: ignore[list-item]
        return parent

    assert digest(family("a")) == digest(family("a"))
    assert digest(family("a")) != digest(family("b"))
    assert digest([family("a"), family("a")]) == digest([family("a")] * 2)


def test_what_refers_upwards_is_told_apart_by_where_it_stands() -> None:
    def upwards(near: bool) -> list[Any]:
        outer: list[Any] = []
        inner: list[Any] = []
        inner.append(inner if near else outer)
        outer.append(inner)
        return outer

    assert digest(upwards(True)) != digest(upwards(False))


def test_depth_and_sharing_cost_little() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    wide: list[Any] = []
    for _ in range(200):
        wide = [wide, wide]
    began = time.process_time()
    assert digest(deep) != digest(wide)
    assert time.process_time() - began < 5


def test_what_has_no_content_is_refused_by_name() -> None:
    with open(os.devnull) as file:
        for value in (threading.Lock(), (n for n in "a"), file):
            with pytest.raises(SerializationError, match="has no content that can be known"):
                digest({"inside": [value]})


def test_other_answers_with_a_digest_or_with_parts() -> None:
    def other(value: object) -> str | Fields:
        if isinstance(value, Path):
            return "a path"
        return Fields("point", (1, 2))

    assert digest_plain(Path("a"), other) == digest_plain(Path("b"), other)
    assert digest_plain(object(), other) == digest_plain(Record(3), other)
    assert digest_plain(object(), other) != digest_plain(Path("a"), other)


def test_the_classes_that_are_met_are_collected() -> None:
    met: set[type] = set()
    digest_plain([Settings(1), {"a": (Point(1, 2), Colour.RED)}, Slots], unfold, classes=met)
    assert {Settings, Point, Colour, Slots} <= met


def test_functions_of_ones_own_count_with_their_code_and_what_they_enclose() -> None:
    def adder(n: int) -> Any:
        return lambda x: x + n

    assert digest(adder(1)) == digest(adder(1))
    assert digest(adder(1)) != digest(adder(2))


class Stale:
    def rate(self) -> int:
        return 1


def test_an_instance_whose_class_was_defined_anew_is_another_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, before, class_before = Stale(), digest(Stale()), Stale
    anew = type("Stale", (), {"__module__": __name__, "rate": lambda self: 2})
    monkeypatch.setitem(globals(), "Stale", anew)
    told = digest(anew())

    assert (digest(old) != before, told == before) == (True, True)
    monkeypatch.setitem(globals(), "Stale", class_before)
    assert digest(old) == before


def test_how_a_function_takes_its_arguments_counts() -> None:
    ways = "lambda x: x", "lambda *x: x", "lambda **x: x", "lambda *, x: x", "lambda x, /: x"
    assert len({digest(eval(way)) for way in ways}) == len(ways)  # noqa: S307 -- of our own


PROGRAM = """
import datetime as dt, decimal, re, sys
from penstock.core.walk import digest_plain, unfold
value = [
    {"a", "b", "c", ("d", 1)}, frozenset("xyz"), {"k": {1, "1"}}, re.compile("x"), dt.UTC,
    decimal.Decimal("1.5"), lambda x: x in {"p", "q", "r"},
]
print(digest_plain(value, unfold))
"""


def test_digests_are_the_same_in_every_process(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    digests = {
        subprocess.run(
            [sys.executable, str(script)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(digests) == 1


def test_small_values_cost_microseconds() -> None:
    def best(value: object, times: int) -> float:
        spans = []
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(times):
                digest(value)
            spans.append((time.perf_counter() - began) / times)
        return min(spans)

    # Twice what an idle machine needs at most: a busy one is not to fail.
    assert best(8, 1000) < 4e-6
    assert best("depth", 1000) < 4e-6
    assert best(list(range(10_000)), 3) < 10e-3
