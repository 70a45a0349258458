"""Tables and arrays of Arrow: mapped, and equal whatever their chunks."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts as LocalArtifacts
from penstock.serializers import default_serializers
from penstock.serializers.arrow import Arrow
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts

COLUMNS: dict[str, pa.Array] = {
    "ints": pa.array([1, None, 3]), "bools": pa.array([True, None, False]), "text": pa.array(["a", None, ""]),
    "wide": pa.array(["a", None, ""], pa.large_string()), "view": pa.array(["a", None, "longer than twelve"], pa.string_view()),
    "bytes": pa.array([b"a", None, b""]), "fixed": pa.array([b"ab", None, b"cd"], pa.binary(2)),
    "decimals": pa.array([Decimal("1.5"), None, Decimal("2")]), "days": pa.array([1, None, 3], pa.date32()),
    "moments": pa.array([1, None, 3], pa.timestamp("us", "Europe/Paris")),
    "lists": pa.array([[1, None], None, []]), "nested": pa.array([[["a"], None], None, [[]]]),
    "pairs": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
    "structs": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}]),
    "maps": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "codes": pa.array(["a", None, "b"]).dictionary_encode(), "nothing": pa.nulls(3),
}  # fmt: skip
TABLE = pa.table(COLUMNS)


class TestArrow(SerializerContract):
    serializer = Arrow()
    values = {
        **COLUMNS, "all": TABLE, "batch": TABLE.to_batches()[0], "chunks": pa.chunked_array([[1, 2], [3]]),
        "no rows": TABLE.slice(0, 0), "no chunks": pa.chunked_array([], pa.int64()), "no columns": pa.table({}),
        "labels twice": pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        "described": pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}), "bare": pa.table({"a": [1]}),
        "no batch": TABLE.slice(0, 0).combine_chunks().to_batches()[0] if TABLE.slice(0, 0).to_batches() else TABLE.to_batches()[0].slice(0, 0),
    }  # fmt: skip

    def same(self, one: Any, other: Any) -> bool:
        if isinstance(other, pa.Table | pa.RecordBatch):
            return type(one) is type(other) and one.equals(other, check_metadata=True)
        return type(one) is type(other) and one.type == other.type and one.equals(other)


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.mark.parametrize("name", COLUMNS)
def test_chunks_do_not_count_and_values_do(shelf: Artifacts, name: str) -> None:
    whole = pa.chunked_array([COLUMNS[name]])
    cut = pa.chunked_array(
        [COLUMNS[name].slice(0, 1), COLUMNS[name].slice(1, 0), COLUMNS[name].slice(1)]
    )
    assert shelf.digest(whole) == shelf.digest(cut)
    assert shelf.digest(whole) != shelf.digest(whole.slice(1))
    assert shelf.digest(whole.slice(1)) == shelf.digest(
        pa.chunked_array([whole.slice(1).combine_chunks()])
    )
    if name != "nothing":
        assert shelf.digest(whole) != shelf.digest(pa.chunked_array([pa.nulls(3, whole.type)]))


def test_an_ordered_dictionary_counts_with_its_order_and_what_no_row_has(shelf: Artifacts) -> None:
    def grades(*known: str) -> pa.Table:
        codes = pa.array([known.index("low"), known.index("high"), None], pa.int8())
        return pa.table({"a": pa.DictionaryArray.from_arrays(codes, list(known), ordered=True)})

    tables = [grades("low", "high"), grades("high", "low"), grades("low", "middle", "high")]
    contents = [shelf.digest(table) for table in tables]
    assert len(set(contents)) == 3
    assert contents == [shelf.encode(table)[0].content for table in tables]
    assert shelf.digest(tables[0].slice(1)) == shelf.digest(tables[0].slice(1).combine_chunks())


def test_what_stands_under_nulls_does_not_count(shelf: Artifacts) -> None:
    def column(hidden: int) -> pa.Array:
        data = pa.array([1, hidden, 3]).buffers()[1]
        return pa.Array.from_buffers(pa.int64(), 3, [pa.py_buffer(b"\x05"), data])

    assert column(7).equals(column(8))
    assert shelf.digest(column(7)) == shelf.digest(column(8))


@given(st.lists(st.lists(st.none() | st.text()) | st.none()), st.data())
def test_any_cut_of_lists_of_texts_has_the_content_of_the_whole(
    values: list[Any], data: st.DataObject
) -> None:
    shelf = artifacts(*default_serializers(), root=Path("/nowhere"))
    whole = pa.array(values, pa.list_(pa.string()))
    start = data.draw(st.integers(0, len(values)))
    stop = data.draw(st.integers(start, len(values)))
    fresh = pa.array(values[start:stop], pa.list_(pa.string()))
    assert shelf.digest(whole.slice(start, stop - start)) == shelf.digest(fresh)


def test_a_table_is_mapped_and_not_copied(tmp_path: Path) -> None:
    local = LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=tmp_path,
        key=lambda: None,
        lookup={}.__getitem__,
    )
    table = pa.table({"a": pa.array(range(100_000))})
    manifest, _ = local.encode(table)
    before = pa.total_allocated_bytes()
    back = local.decode(manifest)
    assert pa.total_allocated_bytes() - before < 10_000
    assert back.equals(table)


def test_chunks_with_dictionaries_of_their_own_are_kept(shelf: Artifacts) -> None:
    column = pa.chunked_array(
        [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]
    )
    manifest, _ = shelf.encode(pa.table({"a": column}))
    assert shelf.decode(manifest)["a"].to_pylist() == ["a", "b", "c", "a"]
    assert not manifest.unsafe


def test_a_union_has_no_content_here_and_is_pickled(shelf: Artifacts) -> None:
    union = pa.UnionArray.from_sparse(
        pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]
    )
    manifest, _ = shelf.encode(union)
    assert manifest.unsafe
    assert shelf.decode(manifest).equals(union)
    assert shelf.digest(union) == manifest.content
