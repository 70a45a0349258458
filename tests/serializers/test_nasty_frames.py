"""Frames that other formats lose something of, by name: exact, pickled and marked, or refused in saving."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from pandas.testing import assert_frame_equal

from penstock.artifact_stores.memory import MemoryStore
from penstock.artifacts.codec import Artifacts as Codec
from penstock.core.records import FileRef
from penstock.errors import SerializationError
from penstock.serializers import default_serializers
from penstock.serializers.numpy import bare
from penstock.testing.serializer import Artifacts, artifacts

EXACT, PICKLED, REFUSED = "exact", "pickled and marked", "refused"


def one(*values: Any, **more: Any) -> pd.DataFrame:
    """A frame of one column."""
    return pd.DataFrame({"a": pd.Series(list(values), **more)})


def cells(*values: Any) -> pd.DataFrame:
    """A frame of one column of objects."""
    column = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        column[place] = value
    return pd.DataFrame({"a": pd.Series(column, dtype=object)})


def over(index: Any) -> pd.DataFrame:
    """A frame whose index is what matters."""
    return pd.DataFrame({"a": np.arange(float(len(index)))}, index=index)


def under(columns: Any) -> pd.DataFrame:
    """A frame whose labels are what matters."""
    return pd.DataFrame(np.arange(float(len(columns))).reshape(1, -1), columns=columns)


def arrow(values: Any, kind: pa.DataType) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.array(values, pd.ArrowDtype(kind))})


def with_attrs(**attrs: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    return frame


def itself() -> pd.DataFrame:
    inner: list[Any] = []
    inner.append(inner)
    return cells(inner)


class Text(str):
    """Text that knows more than its letters."""


class Measured(pd.DataFrame):
    """A subclass with an attribute, as geopandas has one."""

    _metadata = ["unit"]

    @property
    def _constructor(self) -> Any:
        return Measured


def measured() -> Measured:
    frame = Measured({"a": [1.0]})
    frame.unit = "m"
    return frame


EXTREMES = np.array([0x7FF8000000000001, 0x8000000000000000, 0xFFF0000000000000], "u8").view("f8")
PARIS = ZoneInfo("Europe/Paris")
STRUCT = pa.struct([("x", pa.int8()), ("y", pa.list_(pa.string()))])

NASTY: dict[str, tuple[str, Callable[[], Any]]] = {
    # ---- rows and labels
    "pairs as rows, a level unused": (EXACT, lambda: over(pd.MultiIndex.from_product([["a", "b"], [1, 2]]))[2:]),
    "pairs as rows, names twice": (EXACT, lambda: over(pd.MultiIndex.from_tuples([(1, 2), (3, 4)], names=["x", "x"]))),
    "pairs of categories": (EXACT, lambda: over(pd.MultiIndex.from_arrays([pd.Categorical(["a", "b", "a"], ["c", "b", "a"], ordered=True), [1, 2, 3]]))),
    "pairs of moments in a zone": (EXACT, lambda: over(pd.MultiIndex.from_product([pd.date_range("2020", periods=2, tz="Asia/Tokyo"), ["x"]]))),
    "pairs with gaps": (EXACT, lambda: over(pd.MultiIndex.from_tuples([("a", np.nan), (None, 1.0)]))),
    "pairs of intervals and spans": (EXACT, lambda: over(pd.MultiIndex.from_arrays([pd.interval_range(0, 2), pd.to_timedelta([1, 2], unit="s")]))),
    "no pairs": (EXACT, lambda: over(pd.MultiIndex.from_arrays([[], []], names=["a", None]))),
    "pairs as labels with gaps": (EXACT, lambda: under(pd.MultiIndex.from_tuples([("a", np.nan), ("a", "b")]))),
    "pairs of categories as labels": (EXACT, lambda: under(pd.MultiIndex.from_product([pd.Categorical(["x", "y"], ["y", "x"]), [1]]))),
    "labels twice": (EXACT, lambda: under(["x", "x", "y"])), "rows twice": (EXACT, lambda: over(["x", "x"])),
    "labels of many kinds": (EXACT, lambda: under(pd.Index(["a", 1, None, (1, 2), 2.5, b"x", dt.date(2020, 1, 1)], dtype=object))),
    "NaN and NaT as labels": (EXACT, lambda: under(pd.Index([np.nan, pd.NaT, pd.NA], dtype=object))),
    "labels that are tuples and no pairs": (EXACT, lambda: under(pd.Index([(1, 2), (3,)], dtype=object, tupleize_cols=False))),
    "labels of categories": (EXACT, lambda: under(pd.CategoricalIndex(["a", "b"], ["b", "a", "c"], ordered=True))),
    "labels of intervals": (EXACT, lambda: under(pd.interval_range(0, 2, closed="both"))), "labels of a range": (EXACT, lambda: under(pd.RangeIndex(4, 8, 2))),
    "labels of months": (EXACT, lambda: under(pd.period_range("2020", periods=2, freq="M"))),
    "a label with NUL": (EXACT, lambda: under(["a\0b", "\0"])), "half a surrogate pair as a label": (EXACT, lambda: under(pd.Index(["\ud800"], dtype=object))),
    "labels with a name": (EXACT, lambda: under(pd.Index(["a"], name=("cols", 1)))), "rows with an odd name": (EXACT, lambda: over(pd.Index([1], name=dt.date(2020, 1, 1)))),
    "a range backwards": (EXACT, lambda: over(pd.RangeIndex(5, -1, -2, name="n"))), "a range of nothing": (EXACT, lambda: over(pd.RangeIndex(3, 3))),
    "rows of small ints": (EXACT, lambda: over(pd.Index([1, 2], dtype="uint8"))), "rows of nullable ints": (EXACT, lambda: over(pd.Index([1, None], dtype="Int64"))),
    "rows of floats with gaps": (EXACT, lambda: over(pd.Index([np.nan, -0.0]))), "rows of truths": (EXACT, lambda: over(pd.Index([True, False]))),
    "rows of Arrow": (EXACT, lambda: over(pd.Index([1, None], dtype=pd.ArrowDtype(pa.int8())))), "rows of text in Arrow": (EXACT, lambda: over(pd.Index(["x", None], dtype="string[pyarrow]"))),
    "rows of many kinds": (EXACT, lambda: over(pd.Index([1, "a", None, Decimal("1.0")], dtype=object))),
    "business days": (EXACT, lambda: over(pd.bdate_range("2020", periods=3))), "quarters that end in November": (EXACT, lambda: over(pd.date_range("2020", periods=3, freq="QE-NOV"))),
    "business days with holidays": (PICKLED, lambda: over(pd.date_range("2020", periods=3, freq=pd.offsets.CustomBusinessDay(holidays=["2020-01-02"])))),
    "months as an offset": (PICKLED, lambda: over(pd.date_range("2020", periods=3, freq=pd.DateOffset(months=1)))), "Easters as labels": (PICKLED, lambda: under(pd.date_range("2020", periods=3, freq=pd.offsets.Easter()))),
    "spans of 90 minutes": (EXACT, lambda: over(pd.timedelta_range("1h", periods=3, freq="90min"))), "moments in seconds": (EXACT, lambda: over(pd.DatetimeIndex(["2020"]).as_unit("s"))),
    "fiscal quarters": (EXACT, lambda: over(pd.period_range("2020Q1", periods=3, freq="Q-NOV"))),
    # ---- shapes
    "nothing at all": (EXACT, pd.DataFrame), "rows without columns": (EXACT, lambda: pd.DataFrame(index=["a", "b"])), "columns without rows": (EXACT, lambda: pd.DataFrame({"a": pd.Series(dtype="f4"), "c": pd.Categorical([])})),
    "nothing, of types": (EXACT, lambda: pd.DataFrame(index=pd.Index([], dtype="str"), columns=pd.Index([], dtype=object))),
    "10,000 columns": (EXACT, lambda: pd.DataFrame(np.arange(20_000.0).reshape(2, -1))), "a view with gaps": (EXACT, lambda: pd.DataFrame(np.arange(20.0).reshape(4, 5)[::2, ::2])),
    # ---- numbers
    "odd floats": (EXACT, lambda: pd.DataFrame({"a": EXTREMES})), "halves": (EXACT, lambda: one(1.5, np.nan, dtype="f2")), "long doubles": (EXACT, lambda: one(1.5, dtype=np.longdouble)),
    "complex numbers": (EXACT, lambda: one(1j, complex(np.nan, -0.0))), "big ints": (EXACT, lambda: cells(2**70, -(2**100), 1)), "an int of 5,000 digits": (EXACT, lambda: cells(10**5000)),
    "the other order of bytes": (PICKLED, lambda: pd.DataFrame({"a": np.array([1, 2], ">i4")})), "nullable ints": (EXACT, lambda: one(1, None, 2**63 - 1, dtype="Int64")),
    "NaN beside NA": (EXACT, lambda: pd.DataFrame({"a": pd.arrays.FloatingArray(np.array([np.nan, 1.0, 2.0]), np.array([False, True, False]))})),
    "truths with a gap": (EXACT, lambda: cells(True, None, False)), "nullable truths": (EXACT, lambda: one(True, None, dtype="boolean")),
    "decimals": (EXACT, lambda: cells(Decimal("1.50"), Decimal("NaN"), None)), "fractions, ids and complex numbers": (EXACT, lambda: cells(Fraction(1, 3), UUID(int=1), 1j)),
    "scalars of NumPy": (EXACT, lambda: cells(np.float32(1.5), np.int8(3), np.datetime64("2020", "D"), np.str_("x"))), "None, NaN, NaT and NA": (EXACT, lambda: cells(None, np.nan, pd.NaT, pd.NA)),
    "sparse columns": (PICKLED, lambda: pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])})), "a sparse matrix": (PICKLED, lambda: pd.DataFrame.sparse.from_spmatrix(scipy.sparse.eye_array(3))),
    # ---- text
    "text with NUL": (EXACT, lambda: pd.DataFrame({"o": cells("a\0b", "\0", "", None)["a"], "p": pd.array(["a\0b", "\0", "", None], "string[python]"), "s": pd.array(["a\0b", "\0", "", None], "str")})),
    "half a surrogate pair": (EXACT, lambda: cells("\ud800", "x", None)), "half a surrogate pair in a column of text": (PICKLED, lambda: pd.DataFrame({"a": pd.array(["\ud800"], pd.StringDtype("python", na_value=np.nan))})),
    "text of five dtypes": (EXACT, lambda: pd.DataFrame({str(n): pd.array(["x", None], dtype) for n, dtype in enumerate(["str", "string[python]", "string[pyarrow]", pd.StringDtype("python", na_value=np.nan), pd.ArrowDtype(pa.large_string())])})),
    "bytes": (EXACT, lambda: cells(b"\0", b"", bytearray(b"x"), None)), "text of a class of its own": (PICKLED, lambda: cells(Text("x"), "y")),
    # ---- categories
    "ordered, and some unused": (EXACT, lambda: one("a", None, "b", dtype=pd.CategoricalDtype(["c", "b", "a"], ordered=True))), "categories of ints": (EXACT, lambda: one(3, 1, 3, dtype="category")),
    "categories of truths": (EXACT, lambda: one(True, False, dtype="category")), "categories of floats": (EXACT, lambda: one(1.5, np.nan, dtype="category")), "categories of tuples": (EXACT, lambda: pd.DataFrame({"a": pd.Categorical([(1, 2), (3, 4)])})),
    "categories of moments": (EXACT, lambda: pd.DataFrame({"a": pd.Categorical(pd.date_range("2020", periods=3, tz="UTC"))})), "categories of intervals": (EXACT, lambda: pd.DataFrame({"a": pd.cut([1, 5, np.nan], 2)})),
    "categories of many kinds": (EXACT, lambda: pd.DataFrame({"a": pd.Categorical(["x", 1, None])})), "no categories": (EXACT, lambda: pd.DataFrame({"a": pd.Categorical([None, None])})), "300 categories": (EXACT, lambda: pd.DataFrame({"a": pd.Categorical(list(map(str, range(300))))})),
    # ---- time
    "moments beyond nanoseconds": (EXACT, lambda: pd.DataFrame({"a": pd.Series(["0001-01-01", "9999-12-31", None], dtype="M8[s]")})), "moments as objects": (EXACT, lambda: cells(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, tzinfo=PARIS), dt.time(1, fold=1))),
    "the hour that is there twice": (EXACT, lambda: pd.DataFrame({"a": pd.DatetimeIndex(["2020-10-25 00:30", "2020-10-25 01:30", None], tz="UTC").tz_convert(PARIS)})),
    "a fixed offset": (EXACT, lambda: pd.DataFrame({"a": pd.date_range("2020", periods=2, tz=dt.timezone(dt.timedelta(hours=5, minutes=30)))})), "a fixed offset with a name": (PICKLED, lambda: pd.DataFrame({"a": pd.date_range("2020", periods=2, tz=dt.timezone(dt.timedelta(hours=5), "X"))})),
    "zones of dateutil": (PICKLED, lambda: pd.DataFrame({"a": pd.date_range("2020", periods=2, tz=dateutil.tz.gettz("Europe/Paris"))})), "two zones in a column": (EXACT, lambda: cells(pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2020", tz="Asia/Tokyo"), pd.Timedelta(1))),
    "months": (EXACT, lambda: pd.DataFrame({"a": pd.PeriodIndex(["2020-01", None], freq="M")})), "intervals with gaps": (EXACT, lambda: pd.DataFrame({"a": pd.arrays.IntervalArray.from_tuples([(0, 1), None], closed="left")})),
    "months as objects": (PICKLED, lambda: cells(pd.Period("2020", "M"), 1)), "spans in seconds": (EXACT, lambda: pd.DataFrame({"a": pd.to_timedelta([1, None], unit="s").as_unit("s")})),
    # ---- what is nested
    "lists and dicts": (EXACT, lambda: cells([1, [2, None]], {"k": [1]}, [], {})), "tuples and sets": (EXACT, lambda: cells((1,), {1, 2}, frozenset([3]), ())), "arrays in cells": (PICKLED, lambda: cells(np.arange(3), np.arange(2))),
    "frames in cells": (PICKLED, lambda: cells(pd.DataFrame({"x": [1]}))), "structs of Arrow": (EXACT, lambda: arrow([{"x": 1, "y": ["a"]}, None], STRUCT)), "lists of Arrow": (EXACT, lambda: arrow([[1, None], None, []], pa.list_(pa.int8()))),
    "maps of Arrow": (EXACT, lambda: arrow([[("k", 1)], None], pa.map_(pa.string(), pa.int8()))), "dictionaries of Arrow": (EXACT, lambda: arrow(["x", "y", None], pa.dictionary(pa.int8(), pa.string()))),
    "decimals of Arrow": (EXACT, lambda: arrow([Decimal("1.50"), None], pa.decimal128(5, 2))), "zones of Arrow": (EXACT, lambda: arrow([dt.datetime(2020, 1, 1), None], pa.timestamp("ms", "Europe/Paris"))), "nothing of Arrow": (EXACT, lambda: arrow([None, None], pa.null())),
    "chunks of Arrow": (EXACT, lambda: pd.DataFrame({"a": pd.arrays.ArrowExtensionArray(pa.chunked_array([[1], [2, 3], []]))})),
    # ---- beside the data
    "attributes": (EXACT, lambda: with_attrs(source={"x": (1, None)}, n=2)), "attributes that are arrays": (PICKLED, lambda: with_attrs(x=np.arange(2))), "no label twice": (EXACT, lambda: pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)),
    "a subclass": (PICKLED, measured), "functions and classes in cells": (PICKLED, lambda: cells(int, len)), "what holds itself": (PICKLED, itself),
    "a lock in a cell": (REFUSED, lambda: cells(threading.Lock())), "a generator in a cell": (REFUSED, lambda: cells(i for i in ())),
    # ---- other libraries: their own tests hold each of their types
    "polars: a plan": (REFUSED, lambda: pl.LazyFrame({"a": [1]})), "polars: objects": (REFUSED, lambda: pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)})),
    "polars: arrays of no width": (REFUSED, lambda: pl.DataFrame({"a": pl.Series([[]], dtype=pl.Array(pl.Int8, 0))})), "polars: ints of 128 bits": (PICKLED, lambda: pl.DataFrame({"a": pl.Series([2**100], dtype=pl.Int128)})),
    "polars: 10,000 columns": (EXACT, lambda: pl.DataFrame(np.zeros((2, 10_000)))), "polars: rows without columns": (EXACT, lambda: pl.DataFrame(height=3)), "polars: a column without a name": (EXACT, lambda: pl.DataFrame({"": ["\0", None]})),
    "Arrow: a dictionary inside a dictionary": (PICKLED, lambda: pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(["x", "y"]).dictionary_encode())})),
    "Arrow: rows without columns": (EXACT, lambda: pa.table({"a": [1, 2]}).select([])), "Arrow: labels twice": (EXACT, lambda: pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])),
    "Arrow: a union": (PICKLED, lambda: pa.table({"a": pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])})),
}  # fmt: skip


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(other, pl.DataFrame):
        assert (one.schema, one.shape) == (other.schema, other.shape)
        assert one.equals(other)
        return
    if isinstance(other, pa.Table):
        assert one.equals(other, check_metadata=True)
        assert one.num_rows == other.num_rows
        return
    if other.shape[1] > 1000:
        assert one.equals(other)  # a hundred times as fast
    else:
        assert_frame_equal(
            one, other, check_exact=True, check_index_type="exact", check_column_type="exact"
        )
    for left, right in ((one.index, other.index), (one.columns, other.columns)):
        assert_same_index(left, right)
    assert repr(one.attrs) == repr(other.attrs)
    assert one.flags.allows_duplicate_labels == other.flags.allows_duplicate_labels
    assert getattr(one, "unit", "") == getattr(other, "unit", "")
    for place in range(0, other.shape[1], max(1, other.shape[1] // 50)):
        assert_same_column(one.iloc[:, place], other.iloc[:, place])


def assert_same_index(one: pd.Index, other: pd.Index) -> None:
    assert (type(one), one.dtype, repr(list(one.names))) == (
        type(other),
        other.dtype,
        repr(list(other.names)),
    )
    assert getattr(one, "freq", None) == getattr(other, "freq", None)
    if isinstance(other, pd.RangeIndex):
        assert (one.start, one.stop, one.step) == (other.start, other.stop, other.step)  # type: ignore[attr-defined]  # the same type
    if isinstance(other, pd.MultiIndex):
        assert isinstance(one, pd.MultiIndex)
        for left, right in zip(one.levels, other.levels, strict=True):
            assert_same_index(left, right)
        assert [list(codes) for codes in one.codes] == [list(codes) for codes in other.codes]
    if other.dtype == object:
        assert [(type(x), repr(x)) for x in one] == [(type(x), repr(x)) for x in other]


def assert_same_column(one: pd.Series, other: pd.Series) -> None:
    assert one.dtype == other.dtype
    if isinstance(other.dtype, pd.CategoricalDtype):
        assert_same_index(one.cat.categories, other.cat.categories)
        assert list(one.cat.codes) == list(other.cat.codes)
    elif other.dtype == object:
        assert list(map(type, one)) == list(map(type, other))
    elif isinstance(other.dtype, np.dtype) and other.dtype.kind in "fc":
        raw = [
            bare(column.to_numpy().astype(other.dtype.newbyteorder("="))).tobytes()
            for column in (one, other)
        ]
        assert raw[0] == raw[1], "the bits of NaN, or the sign of zero"


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.mark.parametrize("name", NASTY)
def test_each_is_exact_or_marked_or_refused_when_it_is_saved(shelf: Artifacts, name: str) -> None:
    outcome, make = NASTY[name]
    value = make()
    if outcome == REFUSED:
        for use in (shelf.encode, shelf.digest):
            with pytest.raises(SerializationError) as caught:
                use(value)
            assert caught.value.hint
        return
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer == "pickle", manifest.unsafe) == (
        outcome == PICKLED,
        outcome == PICKLED,
    )
    if name == "what holds itself":
        inner = shelf.decode(manifest).iloc[0, 0]
        assert inner[0] is inner
        return
    back = shelf.decode(manifest)
    assert_same(back, value)
    if outcome == EXACT:
        assert shelf.digest(make()) == manifest.content == shelf.digest(back)


class Unread(MemoryStore):
    """A store that can only be written."""

    def path(self, file: FileRef, *, verify: bool) -> Path:
        raise AssertionError(f"'{file.name}' was read back")


def test_the_outcome_is_known_without_reading_back(tmp_path: Path) -> None:
    written = Codec(
        Unread(),
        default_serializers(),
        root=tmp_path,
        key=lambda: bytes(32),
        lookup={}.__getitem__,
    )
    for outcome, make in NASTY.values():
        if outcome != REFUSED:
            written.encode(make())


def test_no_two_of_them_are_one_content(shelf: Artifacts) -> None:
    contents = {
        name: shelf.digest(make()) for name, (outcome, make) in NASTY.items() if outcome == EXACT
    }
    assert len(set(contents.values())) == len(contents)


def test_the_order_of_the_categories_of_a_level_counts(shelf: Artifacts) -> None:
    def frame(*categories: str) -> pd.DataFrame:
        level = pd.CategoricalIndex(categories, categories=sorted(categories, key=categories.index))
        codes = [[list(categories).index("a"), list(categories).index("b")], [0, 1]]
        return over(pd.MultiIndex([level, pd.Index([1, 2])], codes))

    assert_frame_equal(frame("a", "b"), frame("b", "a"), check_categorical=False)
    assert shelf.digest(frame("a", "b")) != shelf.digest(frame("b", "a"))


def test_the_time_grows_with_the_columns_and_no_faster(shelf: Artifacts) -> None:
    def seconds(columns: int) -> float:
        parts = {f"n{n}": np.arange(10.0) for n in range(columns // 2)}
        more = {f"s{n}": ["x", "y"] * 5 for n in range(columns // 2)}
        frame = pd.DataFrame({**parts, **more})
        start = time.process_time()
        assert shelf.decode(shelf.encode(frame)[0]).shape == (10, columns)
        return time.process_time() - start

    seconds(100)
    few = min(seconds(1000) for _ in range(3))
    assert any(seconds(5000) < 5 * few * 3 for _ in range(3))
