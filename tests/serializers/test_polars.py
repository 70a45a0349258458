"""Frames and series of polars: mapped, exact, and equal whatever their chunks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from polars.testing import assert_frame_equal
from polars.testing.parametric import dataframes

from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts as LocalArtifacts
from penstock.errors import SerializationError
from penstock.serializers import default_serializers
from penstock.serializers.polars import Polars
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts

NOON = dt.datetime(2020, 3, 29, 12, 0, 0, 123456)
COLOURS = pl.Enum(["red", "green", "never"])
AIRLINES = pl.Categories("airlines", "flights", pl.UInt8)

COLUMNS: dict[str, pl.Series] = {
    "ints": pl.Series([1, None, -(2**63)]), "small": pl.Series([1, None, 255], dtype=pl.UInt8),
    "floats": pl.Series([1.5, float("nan"), None]), "minus zero": pl.Series([-0.0, 0.0, None]),
    "halves": pl.Series([1.5, None, 2.0], dtype=pl.Float16), "bools": pl.Series([True, None, False]),
    "text": pl.Series(["a\0b", None, "é" * 20]), "bytes": pl.Series([b"\0", None, b""]),
    "days": pl.Series([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]), "times": pl.Series([dt.time(1, 2), None, dt.time(23)]),
    "moments": pl.Series([NOON, None, NOON]), "moments in ns": pl.Series([1, None, 2]).cast(pl.Datetime("ns")),
    "moments in ms and a zone": pl.Series([1, None, 2]).cast(pl.Datetime("ms", "Europe/Paris")),
    "spans": pl.Series([dt.timedelta(1), None, dt.timedelta(0)]), "spans in ms": pl.Series([1, None, 2]).cast(pl.Duration("ms")),
    "decimals": pl.Series([Decimal("1.50"), None, Decimal("-2")]), "few decimals": pl.Series([Decimal("1.5"), None, Decimal("2")], dtype=pl.Decimal(5, 1)),
    "nothing known": pl.Series([None, None, None]), "categories": pl.Series(["b", None, "a"], dtype=pl.Categorical),
    "categories of a name": pl.Series(["b", None, "a"], dtype=pl.Categorical(AIRLINES)),
    "an enum with a word unused": pl.Series(["green", None, "red"], dtype=COLOURS),
    "lists": pl.Series([[1, None], None, []]), "lists of lists": pl.Series([[["a"], None], None, [[]]]),
    "lists of categories": pl.Series([["b"], None, ["a"]], dtype=pl.List(pl.Categorical)),
    "lists of enums": pl.Series([["red"], None, []], dtype=pl.List(COLOURS)),
    "arrays": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int8, 2)),
    "arrays of arrays": pl.Series([[[1], [2]], [[3], [4]]], dtype=pl.Array(pl.Array(pl.Int8, 1), 2)),
    "structs": pl.Series([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]), "structs of nothing": pl.Series([{}, {}], dtype=pl.Struct([])),
    "lists of structs": pl.Series([[{"x": 1, "z": NOON}], [], None]),
}  # fmt: skip
MIXED = pl.DataFrame({name: column for name, column in COLUMNS.items() if len(column) == 3})
CHUNKS = pl.concat([MIXED, MIXED[1:], MIXED[:0]], rechunk=False)
FRAMES: dict[str, pl.DataFrame] = {
    "all together": MIXED, "no rows": MIXED.clear(), "nothing": pl.DataFrame(), "rows without columns": pl.DataFrame(height=3),
    "a column without a name": pl.DataFrame({"": [1], "b": [2]}), "in chunks": CHUNKS, "a slice": CHUNKS[2:4],
}  # fmt: skip


class TestPolars(SerializerContract):
    serializer = Polars()
    values = {
        **{name: column.alias(name) for name, column in COLUMNS.items()},
        "no name": pl.Series("", [1]),
        **FRAMES,
    }

    def same(self, one: Any, other: Any) -> bool:
        return same(one, other)


def same(one: Any, other: Any) -> bool:
    if isinstance(other, pl.Series):
        one, other = one.to_frame(), other.to_frame()
    assert type(one) is type(other)
    assert one.schema == other.schema
    assert_frame_equal(one, other, check_exact=True, categorical_as_str=False)
    return one.shape == other.shape


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=tmp_path,
        key=lambda: None,
        lookup={}.__getitem__,
    )


@pytest.mark.parametrize("name", COLUMNS)
def test_no_pickle_is_needed_and_chunks_do_not_count(shelf: Artifacts, name: str) -> None:
    column = COLUMNS[name]
    cut = pl.concat([column[:1], column[1:1], column[1:]], rechunk=False)
    assert cut.n_chunks() > 1
    manifest, _ = shelf.encode(cut)
    assert (manifest.serializer, manifest.unsafe) == ("polars", False)
    assert manifest.content == shelf.digest(column) != shelf.digest(column[1:])
    assert same(shelf.decode(manifest), column)


def test_the_order_in_which_categories_were_met_does_not_count(shelf: Artifacts) -> None:
    kind = pl.Categorical(pl.Categories("met", "in another order"))
    one = pl.Series(["b", "a", None, "b"], dtype=kind)
    late = pl.Series(["z", "a", "b", "a", None, "b"], dtype=kind)
    assert shelf.digest(one) == shelf.digest(late[2:].alias("")) != shelf.digest(late)


def test_what_stands_under_nulls_does_not_count(shelf: Artifacts) -> None:
    numbers, where = pl.Series([1, 7, 3]), pl.Series([True, False, True])
    one = pl.select(pl.when(where).then(numbers)).to_series()
    two = pl.select(pl.when(where).then(numbers * where.cast(pl.Int64))).to_series()
    assert shelf.digest(one.alias("n")) == shelf.digest(two.alias("n"))


def test_a_slice_of_a_large_frame_is_a_small_file(shelf: Artifacts) -> None:
    text = pl.DataFrame(
        {"text": [f"a text that is longer than 12 bytes: {n}" for n in range(50_000)]}
    )
    manifest, _ = shelf.encode(text[100:110])
    assert sum(file.size for file in manifest.files) < 5_000


def test_a_frame_is_mapped_and_its_reader_may_change_it(local: LocalArtifacts) -> None:
    frame = pl.DataFrame({"a": np.arange(100_000), "b": np.arange(100_000) / 2})
    manifest, _ = local.encode(frame)
    before = pa.total_allocated_bytes()
    back = local.decode(manifest)
    assert pa.total_allocated_bytes() - before < 10_000
    back[0, "a"] = 5
    column = back["b"]
    column[0] = 7.0
    assert (back[0, "a"], column[0]) == (5, 7.0)
    with pytest.raises(ValueError, match="read-only"):
        back["b"].to_numpy()[0] = 1.0
    assert same(local.decode(manifest), frame)


def test_other_tools_read_the_file(local: LocalArtifacts) -> None:
    frame = pl.DataFrame({"a": range(2000), "b": ["x"] * 2000})
    manifest, _ = local.encode(frame)
    path = local.store.path(manifest.files[0], verify=True)
    assert same(pl.read_ipc(path), frame)
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        assert table.to_pydict() == frame.to_dict(as_series=False)
        del table
    assert manifest.meta == {
        "kind": "DataFrame",
        "shape": [2000, 2],
        "columns": {"a": "Int64", "b": "String"},
    }


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (pl.LazyFrame({"a": [1]}), "is a plan, not data"),
        (pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}), "'o' .* holds Python objects"),
        (pl.Series("w", [[], []], dtype=pl.Array(pl.Int8, 0)), "'w' .* arrays of no width"),
        (pl.Series("w", [[[]]], dtype=pl.List(pl.Array(pl.Int8, 0))), "'w' .* arrays of no width"),
    ],
)  # fmt: skip
def test_what_nothing_brings_back_is_refused_when_it_is_saved(
    shelf: Artifacts, value: Any, says: str
) -> None:
    with pytest.raises(SerializationError, match=says) as caught:
        shelf.encode(value)
    assert caught.value.hint
    with pytest.raises(SerializationError, match=says):
        shelf.digest(value)


def test_integers_of_128_bits_are_pickled_and_marked(shelf: Artifacts) -> None:
    for value in (
        pl.Series("i", [1, 2**100], dtype=pl.Int128),
        pl.DataFrame({"i": [2**100]}, {"i": pl.Int128}),
    ):
        manifest, _ = shelf.encode(value)
        assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
        assert same(shelf.decode(manifest), value)
        assert shelf.digest(value) == manifest.content


@pytest.mark.parametrize("value", [pl.DataFrame({"a\0": [1]}), pl.Series([{"x\0": 1}])])
def test_names_with_nul_are_pickled_and_marked(shelf: Artifacts, value: Any) -> None:
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
    assert same(shelf.decode(manifest), value)


def test_frames_inside_containers_are_files_beside_them(shelf: Artifacts) -> None:
    value = {"train": MIXED, "rows": 3}
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("json", False)
    back = shelf.decode(manifest)
    assert same(back["train"], MIXED)
    assert shelf.digest(back) == manifest.content == shelf.digest(value)


everything = artifacts(*default_serializers(), root=Path("/nowhere"))


@settings(max_examples=40)
@given(
    dataframes(
        max_cols=4,
        max_size=5,
        allow_chunks=True,
        allow_masked=True,
        excluded_dtypes=[pl.Object, pl.Int128, pl.UInt128],
    )
)
def test_reading_undoes_writing_and_a_digest_is_what_writing_gives(frame: pl.DataFrame) -> None:
    manifest, _ = everything.encode(frame)
    assert not manifest.unsafe
    back = everything.decode(manifest)
    assert same(back, frame)
    assert everything.digest(frame) == manifest.content == everything.digest(back)
