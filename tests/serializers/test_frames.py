"""Frames, series and indexes of pandas: exact without reading back, each reader's own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import hypothesis.extra.pandas as hpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal

from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts as LocalArtifacts
from penstock.serializers import default_serializers
from penstock.serializers.pandas import Pandas
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts

PAIRS = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", ("y", 1)])
PARIS = pd.date_range("2020-03-28", periods=3, freq="D", tz="Europe/Paris", name="when")


def objects(*values: Any) -> pd.Series:
    return pd.Series(list(values), dtype=object)


def with_attrs(frame: pd.DataFrame) -> pd.DataFrame:
    frame.attrs = {"source": "nycflights13", "n": (1, 2)}
    return frame


FRAMES: dict[str, pd.DataFrame] = {
    "plain": pd.DataFrame({"i": [1, 2], "f": [1.5, np.nan], "s": ["x", None], "b": [True, False]}),
    "small dtypes": pd.DataFrame({k: np.arange(3, dtype=k) for k in ("i1", "u2", "f2", "f4", "u8")}),
    "complex": pd.DataFrame({"c": [1j, complex(0, -0.0)], "l": np.ones(2, np.longdouble)}),
    "numbers as labels": pd.DataFrame(np.arange(6.0).reshape(3, 2)),
    "labels twice": pd.DataFrame([[1, "a"], [2, "b"]], columns=["x", "x"]),
    "labels of many kinds": pd.DataFrame([[1, 2, 3, 4]], columns=pd.Index(["a", 1, None, (1, 2)], dtype=object)),
    "dates as labels": pd.DataFrame(np.ones((1, 3)), columns=PARIS),
    "pairs as labels": pd.DataFrame(np.ones((2, 4)), columns=PAIRS),
    "pairs as index": pd.DataFrame({"a": range(4)}, index=PAIRS),
    "some pairs": pd.DataFrame({"a": range(4)}, index=PAIRS).iloc[:1],
    "nothing": pd.DataFrame(), "no columns": pd.DataFrame(index=["a", "b"]), "no rows": pd.DataFrame({"a": pd.Series([], dtype="f4"), "s": pd.Series([], dtype="str")}),
    "a step in the range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(2, 6, 2, name="n")),
    "a column of the range": pd.DataFrame({"a": [1, 2]}, index=[0, 1]),
    "categories": pd.DataFrame({"o": pd.Categorical(["x", None, "y"], ["y", "x", "z"], ordered=True), "i": pd.Categorical([1, 2, 1]), "cut": pd.cut([1, 2, 3], 2), "when": pd.Categorical(PARIS)}),
    "categories unused": pd.DataFrame({"o": pd.Categorical(["x", None, "y"], ["x", "y", "z"], ordered=True)}),
    "categories unordered": pd.DataFrame({"o": pd.Categorical(["x", None, "y"], ["x", "y", "z"])}),
    "nullable": pd.DataFrame({"i": pd.array([1, None], "Int8"), "u": pd.array([1, None], "UInt64"), "f": pd.array([1.5, None], "Float32"), "b": pd.array([True, None], "boolean")}),
    "text": pd.DataFrame({"a": pd.array(["x", None], "str"), "b": pd.array(["x", None], "string[python]"), "c": pd.array(["x", None], "string[pyarrow]"), "d": pd.array(["x", None], pd.StringDtype("python", na_value=np.nan))}),
    "moments": pd.DataFrame({"ns": pd.to_datetime(["2020-01-01", None]).as_unit("ns"), "s": pd.to_datetime(["2020-01-01", None]).as_unit("s"), "d": pd.to_timedelta([1, None], unit="s")}),
    "zones": pd.DataFrame({"p": PARIS, "u": pd.date_range("2020", periods=3, tz="UTC"), "o": pd.date_range("2020", periods=3, tz=dt.timezone(dt.timedelta(hours=-3)))}),
    "frequency": pd.DataFrame({"a": range(3)}, index=PARIS),
    "no frequency": pd.DataFrame({"a": range(3)}, index=pd.DatetimeIndex(PARIS, freq=None)),
    "months": pd.DataFrame({"a": pd.period_range("2020", periods=3, freq="M")}, index=pd.period_range("2020", periods=3, freq="2D")),
    "intervals": pd.DataFrame({"a": pd.interval_range(0, 3, closed="left")}, index=pd.interval_range(pd.Timestamp("2020"), periods=3)),
    "objects": pd.DataFrame({"s": objects("x", None, "y"), "m": objects(1, "a", None), "l": objects([1, 2], {"a": 1}, (1,)), "d": objects(Decimal("1.0"), dt.date(2020, 1, 1), b"x"), "n": objects(np.nan, pd.NA, pd.NaT), "half": objects("\ud800", "", None)}),
    "of arrow": pd.DataFrame({"i": pd.array([1, None], pd.ArrowDtype(pa.int32())), "l": pd.array([[1], None], pd.ArrowDtype(pa.list_(pa.int8()))), "s": pd.array(["a", None], pd.ArrowDtype(pa.string()))}),
    "attributes": with_attrs(pd.DataFrame({"a": [1]})),
    "no label twice": pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
}  # fmt: skip
VALUES: dict[str, Any] = {
    **FRAMES,
    "series": pd.Series([1.0, 2.0], name=("a", 1)), "series of objects": objects("a", "b"),
    "series of text": pd.Series(["a", "b"]), "series without a name": pd.Series([1, 2], index=["a", "b"]),
    "index": pd.Index([3, 1]), "index of text": pd.Index(["a"], name="n"), "index of objects": pd.Index(["a"], dtype=object),
    "range": pd.RangeIndex(3), "pairs": PAIRS, "days": PARIS, "no days": PARIS[:0], "spans": pd.timedelta_range("1s", periods=3),
    "kinds": pd.CategoricalIndex(["a", "b"]), "truths": pd.Index([True, False]),
}  # fmt: skip


def assert_same(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(other, pd.DataFrame):
        assert_frame_equal(
            one, other, check_index_type="exact", check_column_type="exact", check_exact=True
        )
        assert_same(one.columns, other.columns)
    elif isinstance(other, pd.Series):
        assert_series_equal(one, other, check_index_type="exact", check_exact=True)
    else:
        assert_index_equal(one, other, exact=True, check_exact=True)
        assert getattr(one, "freq", None) == getattr(other, "freq", None)
        assert one.dtype == other.dtype
        assert list(one.names) == list(other.names)
        return
    assert_same(one.index, other.index)
    assert one.attrs == other.attrs
    assert one.flags.allows_duplicate_labels == other.flags.allows_duplicate_labels


class TestPandas(SerializerContract):
    serializer = Pandas()
    values = VALUES

    def same(self, one: Any, other: Any) -> bool:
        assert_same(one, other)
        return True


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.mark.parametrize("name", VALUES)
def test_no_pickle_is_needed(shelf: Artifacts, name: str) -> None:
    manifest, _ = shelf.encode(VALUES[name])
    assert (manifest.serializer, manifest.unsafe) == ("pandas", False)


@pytest.mark.parametrize("name", FRAMES)
def test_each_column_alone_is_exact_too(shelf: Artifacts, name: str) -> None:
    frame = FRAMES[name]
    for place in range(frame.shape[1]):
        manifest, _ = shelf.encode(frame.iloc[:, place])
        assert not manifest.unsafe
        assert_same(shelf.decode(manifest), frame.iloc[:, place])


everything = artifacts(*default_serializers(), root=Path("/nowhere"))
cells = st.sampled_from(["i8", "f8", "bool", "M8[ns]", "m8[ns]", "u1", "f4", "c16"])


@settings(max_examples=60)
@given(st.data())
def test_reading_undoes_writing_and_a_digest_is_what_writing_gives(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(cells, max_size=5))
    columns = [hpd.column(str(n), dtype=kind) for n, kind in enumerate(kinds)]
    columns.append(hpd.column("text", elements=st.text(), dtype=object))
    frame = data.draw(hpd.data_frames(columns, index=hpd.range_indexes(max_size=6)))
    manifest, _ = everything.encode(frame)
    assert not manifest.unsafe
    back = everything.decode(manifest)
    assert_same(back, frame)
    assert everything.digest(frame) == manifest.content == everything.digest(back)


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_was_read_can_be_changed_and_nobody_else_sees_it(
    tmp_path: Path, name: str
) -> None:
    local = LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=tmp_path,
        key=lambda: None,
        lookup={}.__getitem__,
    )
    frame = FRAMES[name]
    manifest, _ = local.encode(frame)
    one = local.decode(manifest)
    for place in range(one.shape[1]):
        if len(one):
            one.iloc[0, place] = one.iloc[-1, place]
    assert_same(local.decode(manifest), frame)


def test_a_large_mapped_frame_can_be_changed_in_place(tmp_path: Path) -> None:
    local = LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=tmp_path,
        key=lambda: None,
        lookup={}.__getitem__,
    )
    frame = pd.DataFrame(np.random.default_rng(1).random((5000, 20)))
    for value in (frame, frame[0], pd.Index(frame[0])):
        manifest, _ = local.encode(value)
        back = local.decode(manifest)
        if not isinstance(back, pd.Index):
            back += 1
            back.iloc[0] = 5.0
        assert_same(local.decode(manifest), value)


def test_the_blocks_and_the_order_of_building_do_not_count(shelf: Artifacts) -> None:
    one = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    two = pd.DataFrame(np.array([[1.0, 3.0], [2.0, 4.0]]), columns=["a", "b"])
    three = pd.DataFrame({"a": [1.0, 2.0]})
    three["b"] = [3.0, 4.0]
    assert shelf.digest(one) == shelf.digest(two) == shelf.digest(three)
    assert shelf.digest(one) != shelf.digest(one[["b", "a"]])
    assert shelf.digest(one) == shelf.digest(pd.concat([one, one], ignore_index=True).iloc[:2])


def test_what_stands_under_nulls_does_not_count(shelf: Artifacts) -> None:
    one = pd.arrays.IntegerArray(np.array([1, 5]), np.array([False, True]))
    two = pd.arrays.IntegerArray(np.array([1, 7]), np.array([False, True]))
    assert shelf.digest(pd.Series(one)) == shelf.digest(pd.Series(two))


class Thing:
    """What no format knows."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing)

    __hash__ = None  # type: ignore[assignment]


class Frame(pd.DataFrame):
    """A subclass, as geopandas has one."""

    _metadata = ["unit"]

    @property
    def _constructor(self) -> Any:
        return Frame


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"a": [Thing(), 1]}), pd.DataFrame({"a": objects(np.arange(2), 1)}),
        Frame({"a": [1]}), pd.Series(pd.arrays.SparseArray([0, 0, 1])),
        pd.Series([Thing()]),
    ],
)  # fmt: skip
def test_what_has_no_exact_form_is_pickled_and_marked(shelf: Artifacts, value: Any) -> None:
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
    back = shelf.decode(manifest)
    assert type(back) is type(value)
    assert shelf.digest(value) == manifest.content


def test_other_tools_read_the_file(tmp_path: Path) -> None:
    local = LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=tmp_path,
        key=lambda: None,
        lookup={}.__getitem__,
    )
    frame = pd.DataFrame({"a": np.arange(2000), "b": ["x"] * 2000})
    manifest, _ = local.encode(frame)
    path = local.store.path(manifest.files[0], verify=True)
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        assert table.to_pydict() == frame.to_dict("list")
        del table
    assert manifest.meta == {"shape": [2000, 2], "columns": {"a": "int64", "b": "str"}}
