"""Plain values and containers of anything: exact, readable, and without a pickle where none is due."""

from __future__ import annotations

import datetime as dt
import math
import struct
import sys
import types
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from dataclasses import is_dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import kinds
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinds import Box, Colour, Frozen, Loose, Model, Picky, Point, Rights, Scores, Settings

from penstock.core.failure import Failure
from penstock.core.gone import Gone
from penstock.errors import SerializationError
from penstock.serializers import default_serializers
from penstock.serializers.plain import Plain
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


def same(one: Any, other: Any) -> bool:
    """Equal in types and bits, all the way down; NaN is NaN."""
    if type(one) is not type(other):
        return False
    match one:
        case float():
            return struct.pack("d", one) == struct.pack("d", other) or (
                one != one and other != other
            )
        case complex():
            return same(one.real, other.real) and same(one.imag, other.imag)
        case Decimal():
            return str(one) == str(other)
        case Frozen():
            return same(one.depth, other.depth) and same(one.inner, other.inner)
        case dict():
            return same(list(one.items()), list(other.items()))
        case list() | tuple():
            return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


class TestPlain(SerializerContract):
    serializer = Plain()
    values = {
        "none": None, "true": True, "one": 1, "large": 10**40, "larger": -(10**6000), "zero": 0.0,
        "minus zero": -0.0, "nan": math.nan, "infinite": -math.inf, "text": "naïve ☃", "empty": "",
        "half": "\ud800", "bytes": b"\x00\xff", "bytearray": bytearray(b"a"), "complex": complex(-0.0, math.inf),
        "list": [1, [2.5, None]], "halves": ["\ud800", {"\udfff": 10**5000}], "tuple": (1, (2, [3])), "dict": {"a": {"b": 1}}, "keys": {1: 2, (1, 2): 3, None: 4},
        "tag": {"$": ["tuple", [1]]}, "set": {1, "a", (2, 3)}, "frozen": frozenset([1.5]),
        "ordered": OrderedDict(b=1, a=2), "counter": Counter("aab"), "deque": deque([1, 2], 5),
        "default": defaultdict(list, a=[1]), "no default": defaultdict(None, a=1),
        "decimal": Decimal("1.10"), "fraction": Fraction(-1, 3), "uuid": UUID(int=5), "range": range(0, 9, 2),
        "slice": slice(None, 3), "ellipsis": ..., "date": dt.date(2020, 2, 29),
        "naive": dt.datetime(2020, 1, 1, 1, 2, 3, 4), "fold": dt.datetime(2020, 10, 25, 2, fold=1, tzinfo=ZoneInfo("Europe/Paris")),
        "utc": dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "offset": dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30))),
        "named": dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=1), "here")), "span": dt.timedelta(-1, 2, 3),
        "enum": Colour.BLUE, "flags": Rights.READ | Rights.WRITE, "flag": Rights.READ, "no flags": Rights(0),
        "point": Point(1, [2]), "scores": Scores(auc=0.5), "settings": Settings(1, {"a": (1,)}),
        "frozen dataclass": Frozen(1, Frozen(2)), "failure": Failure("ValueError", "no"), "keyed": {Frozen(1): Colour.RED},
    }  # fmt: skip

    def same(self, one: Any, other: Any) -> bool:
        return same(one, other)


atoms = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers()
    | st.text(st.characters()) | st.text(st.characters(categories=["Cs", "L"])) | st.binary()
    | st.dates() | st.datetimes(timezones=st.none() | st.timezones()) | st.timedeltas()
    | st.times() | st.decimals() | st.fractions() | st.uuids() | st.sampled_from(Colour)
    | st.sampled_from([np.float32(0.1), np.int8(-3), np.str_("a"), np.bool_(False)])
)  # fmt: skip
keys = st.text() | st.integers() | st.booleans() | st.none() | st.tuples(st.integers(), st.text())
plain = st.recursive(
    atoms,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner)
    | st.dictionaries(st.sampled_from(["$", "a", ""]), inner) | st.sets(keys)
    | st.frozensets(keys) | st.builds(Point, inner, inner) | st.builds(Frozen, inner, inner),
    max_leaves=30,
)  # fmt: skip
everything = artifacts(*default_serializers(), root=Path("/nowhere"))


@given(plain)
def test_reading_undoes_writing_and_a_digest_is_what_writing_gives(value: Any) -> None:
    manifest, items = everything.encode(value)
    assert (manifest.serializer, manifest.unsafe, items) == ("json", False, ())
    back = everything.decode(manifest)
    assert same(back, value)
    assert everything.digest(value) == manifest.content == everything.digest(back)


@given(st.sets(keys))
def test_equal_sets_are_equal_bytes(value: set[Any]) -> None:
    again: set[Any] = set()
    again.update(reversed(list(value)))
    assert everything.encode(value)[0] == everything.encode(again)[0]


def test_what_json_says_is_json(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode({"auc": 0.5, "names": ["a", None], "n": 3})
    assert manifest.inline == b'{"auc":0.5,"names":["a",null],"n":3}'
    assert manifest.type == "builtins:dict"


@pytest.mark.parametrize(
    "scalar",
    [
        np.int64(3), np.float64(0.1), np.float32("nan"), np.float16(0.1), np.bool_(True),
        np.complex64(1j), np.longdouble(1) / 3, np.str_("é"), np.bytes_(b"x"),
        np.str_(""), np.bytes_(b""),
        np.datetime64("2020-01-01T00:00", "m"), np.datetime64("NaT", "ns"), np.timedelta64(3, "s"),
        np.uint64(2**64 - 1),
    ],
)  # fmt: skip
def test_numpy_scalars_keep_their_type(shelf: Artifacts, scalar: Any) -> None:
    manifest, _ = shelf.encode({"k": scalar})
    back = shelf.decode(manifest)["k"]
    assert (type(back), back.dtype, repr(back)) == (type(scalar), scalar.dtype, repr(scalar))
    assert not manifest.unsafe


@pytest.mark.parametrize(
    "scalar",
    [
        pd.NaT, pd.NA, pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-01 01:02:03.123456789"),
        pd.Timestamp("2020-01-01", tz="Europe/Paris"), pd.Timestamp("2020-01-01", tz="UTC"),
        pd.Timedelta("1s 5ns"), pd.Timestamp("2020").as_unit("s"),
    ],
)  # fmt: skip
def test_pandas_moments_are_exact(shelf: Artifacts, scalar: Any) -> None:
    manifest, _ = shelf.encode([scalar])
    (back,) = shelf.decode(manifest)
    assert type(back) is type(scalar)
    assert repr(back) == repr(scalar)
    assert getattr(back, "unit", None) == getattr(scalar, "unit", None)
    assert not manifest.unsafe


def test_arrays_and_frames_in_containers_never_need_a_pickle(shelf: Artifacts) -> None:
    value = {
        "x": np.arange(5),
        "frames": (pd.DataFrame({"a": [1, 2]}), [np.ones((2, 2))]),
        "settings": Settings(1, {"weights": np.zeros(3)}),
        "score": 0.5,
    }
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe, len(manifest.files)) == ("json", False, 5)
    back = shelf.decode(manifest)
    assert list(back) == list(value)
    np.testing.assert_array_equal(back["x"], value["x"])
    pd.testing.assert_frame_equal(back["frames"][0], value["frames"][0])
    np.testing.assert_array_equal(back["frames"][1][0], np.ones((2, 2)))
    assert is_dataclass(back["settings"])
    np.testing.assert_array_equal(back["settings"].parts["weights"], np.zeros(3))
    assert shelf.digest(value) == manifest.content == shelf.digest(back)


def test_what_only_a_pickle_can_hold_is_in_one_and_stays_shared(shelf: Artifacts) -> None:
    model = Model([1, 2])
    value = {"one": model, "two": [model], "x": np.arange(3), "type": Model}
    manifest, _ = shelf.encode(value)
    assert manifest.unsafe
    assert [file.name for file in manifest.files] == [
        "value.json", "0/array.npy", "1/value.pickle",
    ]  # fmt: skip
    back = shelf.decode(manifest)
    assert back["one"] == model
    assert back["one"] is back["two"][0]
    assert back["type"] is Model
    assert shelf.digest(value) == manifest.content == shelf.digest(back)


@pytest.mark.parametrize("value", [Picky(1), Loose(1), type("Here", (), {})()])
def test_classes_that_say_themselves_how_they_are_copied_are_not_json(
    shelf: Artifacts, value: object
) -> None:
    if isinstance(value, Loose):
        value.note = "kept"  # type: ignore[attr-defined]
    manifest, _ = shelf.encode([value])
    assert manifest.unsafe
    (back,) = shelf.decode(manifest)
    assert getattr(back, "note", None) == getattr(value, "note", None)


def test_a_cached_property_is_not_stored(shelf: Artifacts) -> None:
    value = Settings(2)
    before = shelf.encode(value)[0]
    assert value.twice == 4
    assert shelf.encode(value)[0] == before


def test_attributes_beyond_the_fields_are_kept(shelf: Artifacts) -> None:
    value = Box[int](3)
    value.extra = [1]  # type: ignore[attr-defined]
    manifest, _ = shelf.encode(value)
    assert shelf.decode(manifest).extra == [1]  # type: ignore[attr-defined]


def test_a_list_in_itself_and_a_deep_one_are_kept_too(shelf: Artifacts) -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    manifest, _ = shelf.encode({"loop": loop})
    back = shelf.decode(manifest)["loop"]
    assert back[1] is back
    deep: list[Any] = []
    for _ in range(120):
        deep = [deep]
    manifest, _ = shelf.encode(deep)
    assert not manifest.unsafe
    assert shelf.decode(manifest) == deep


def test_sharing_without_end_is_not_written_out(shelf: Artifacts) -> None:
    wide: list[Any] = []
    for _ in range(60):
        wide = [wide, wide]
    manifest, _ = shelf.encode(wide)
    assert manifest.size < 10_000
    assert shelf.digest(wide) == manifest.content


def test_the_classes_of_a_value_are_recorded(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode({"a": [Point(1, Colour.RED)], "b": Settings(1), "c": np.arange(3)})
    assert manifest.classes == (
        "tests.serializers.kinds:Colour",
        "tests.serializers.kinds:Point",
        "tests.serializers.kinds:Settings",
    )


@pytest.fixture
def vanishing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """A module of a project whose classes the test takes away."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "vanishing.py").write_text(
        "from dataclasses import dataclass, field\nfrom enum import Enum\n"
        "from typing import NamedTuple\n\n"
        "@dataclass\nclass Settings:\n    depth: int\n    names: list = field(default_factory=list)\n\n"
        "class Pair(NamedTuple):\n    x: int\n    y: int\n\n"
        "class Colour(Enum):\n    RED = 1\n\n"
        "class Model:\n    def __init__(self):\n        self.weights = [1, 2]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("vanishing")
    del sys.modules["vanishing"]


def test_a_class_that_is_gone_gives_a_read_only_record(shelf: Artifacts, vanishing: Any) -> None:
    values = {
        "Settings": (vanishing.Settings(3), {"depth": 3, "names": []}),
        "Pair": (vanishing.Pair(1, 2), {"x": 1, "y": 2}),
        "Colour": (vanishing.Colour.RED, {"name": "RED"}),
        "Model": (vanishing.Model(), {"weights": [1, 2]}),
    }
    manifests = {name: shelf.encode(value)[0] for name, (value, _) in values.items()}
    for name, (_, expected) in values.items():
        delattr(vanishing, name)
        with pytest.warns(UserWarning, match=f"'vanishing:{name}' is gone"):
            record = shelf.decode(manifests[name])
        assert isinstance(record, Gone)
        assert vars(record) == expected
        assert f"<vanishing:{name} (gone)" in repr(record)
        with pytest.raises(AttributeError, match="read-only"):
            record.depth = 1
        with pytest.raises(AttributeError, match="is gone"):
            _ = record.nothing


def test_a_field_that_was_added_has_its_default(shelf: Artifacts, vanishing: Any) -> None:
    value = vanishing.Settings(3)
    del value.names
    manifest, _ = shelf.encode(value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert shelf.decode(manifest) == vanishing.Settings(3, [])


def test_a_container_of_arrays_alone_asks_for_the_others(tmp_path: Path) -> None:
    alone = artifacts(Plain(), root=tmp_path)
    with pytest.raises(SerializationError, match="no serializer takes"):
        alone.encode({"x": np.arange(3)})


def test_an_int_costs_microseconds(shelf: Artifacts) -> None:
    import time

    manifest, _ = shelf.encode(8)
    for act, limit in ((lambda: shelf.encode(8), 40e-6), (lambda: shelf.decode(manifest), 20e-6)):
        spans = []
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(200):
                act()
            spans.append((time.perf_counter() - began) / 200)
        assert min(spans) < 2 * limit


assert kinds.Scores is Scores
