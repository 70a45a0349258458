"""Generators, stored in chunks and read back one item at a time."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import GeneratorType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from penstock.artifacts.streams import CHUNK, STREAM, is_stream, narrowed
from penstock.core.graph import Access
from penstock.core.records import made
from penstock.errors import ArtifactDamaged, ArtifactMissing, SerializationError, Untrusted
from penstock.serializers import default_serializers
from penstock.testing.serializer import Artifacts, artifacts


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


class Model:
    def __init__(self, weight: int) -> None:
        self.weight = weight

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.weight == self.weight

    __hash__ = None  # type: ignore[assignment]


def yielding(*items: Any) -> Iterator[Any]:
    yield from items


plain = st.integers() | st.text(max_size=5) | st.lists(st.floats(allow_nan=False), max_size=3)
others = st.integers(1, 5).map(lambda n: ("array", n)) | st.just(("model", 1))


def as_value(drawn: Any) -> Any:
    match drawn:
        case ("array", n):
            return np.arange(n)
        case ("model", n):
            return Model(n)
    return drawn


@given(st.lists(plain | others, max_size=20))
def test_what_is_yielded_comes_back_in_order(drawn: list[Any]) -> None:
    items = [as_value(one) for one in drawn]
    shelf = artifacts(*default_serializers(), root=Path("/nowhere"))
    manifest, inner = shelf.encode(yielding(*items))
    assert (manifest.serializer, manifest.meta, inner) == (STREAM, {"count": len(items)}, ())
    assert manifest.unsafe == any(isinstance(item, Model) for item in items)
    back = shelf.decode(manifest)
    assert type(back) is GeneratorType
    assert [repr_of(item) for item in back] == [repr_of(item) for item in items]
    assert list(back) == [], "a generator is over when it is over"
    contents = shelf.contents(manifest)
    assert list(contents) == [shelf.digest(item) for item in items]
    for number, item in enumerate(items):
        found = shelf.at(narrowed(manifest, contents, number), (Access("item", number),))
        assert repr_of(found) == repr_of(item)


def repr_of(value: Any) -> Any:
    return vars(value) if isinstance(value, Model) else repr(value)


def test_the_content_is_that_of_the_items_however_they_came(shelf: Artifacts) -> None:
    contents = {
        shelf.encode(stream)[0].content
        for stream in (
            yielding(1, 2, 3),
            (n for n in [1, 2, 3]),
            map(int, "123"),
            itertools.islice(itertools.count(1), 3),
            iter([1, 2, 3]),
        )
    }
    assert len(contents) == 1
    others = [
        yielding(1, 3, 2),
        yielding(1, 2),
        yielding(1, 2, 3.0),
        yielding([1, 2, 3]),
        yielding(),
    ]
    assert len(contents | {shelf.encode(stream)[0].content for stream in others}) == 6


def test_only_iterators_that_end_are_streams() -> None:
    assert is_stream(zip([1], [2], strict=True))
    assert is_stream(itertools.combinations_with_replacement("ab", 2))
    assert is_stream(reversed([1]))
    for value in ([1], "a", range(3), {1: 2}, itertools.count(), itertools.repeat(1)):
        assert not is_stream(value)


def test_small_items_share_chunks_and_large_ones_have_files_of_their_own(shelf: Artifacts) -> None:
    large = np.zeros(CHUNK, dtype=np.uint8)
    manifest, _ = shelf.encode(
        yielding(*range(5000), large, "x" * 100_000, pd.DataFrame({"a": [1]}))
    )
    assert [file.name for file in manifest.files] == ["index", "5000/array.npy", "chunk-000000"]
    items = list(shelf.decode(manifest))
    assert items[:5000] == list(range(5000))
    np.testing.assert_array_equal(items[5000], large)
    assert items[5001] == "x" * 100_000
    pd.testing.assert_frame_equal(items[5002], pd.DataFrame({"a": [1]}))


def test_an_item_that_is_changed_after_it_was_yielded_is_stored_as_it_was(shelf: Artifacts) -> None:
    def reusing() -> Iterator[Any]:
        row: dict[str, Any] = {"n": 0, "inner": [0]}
        for n in range(2500):
            row["n"], row["inner"][0] = n, n
            yield row

    manifest, _ = shelf.encode(reusing())
    wanted = [{"n": n, "inner": [n]} for n in range(2500)]
    assert list(shelf.decode(manifest)) == wanted
    assert list(shelf.contents(manifest)) == [shelf.digest(one) for one in wanted]


def test_long_numbers_are_weighed_by_their_digits(shelf: Artifacts) -> None:
    long = [Decimal("1" * 1500 + f"{n:04}") for n in range(1200)]
    manifest, _ = shelf.encode(yielding(*long))
    contents = shelf.contents(manifest)
    for number in (0, 5, 1000, 1199):
        found = shelf.at(narrowed(manifest, contents, number), (Access("item", number),))
        assert found == long[number]


def test_each_reader_gets_items_of_its_own(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(yielding(np.zeros(3), [1]))
    first, second = list(shelf.decode(manifest)), list(shelf.decode(manifest))
    first[0][0], first[1][0] = 9, 9
    assert second[0].tolist() == [0, 0, 0]
    assert second[1] == [1]


def test_one_item_is_in_memory_at_a_time(shelf: Artifacts, tmp_path: Path) -> None:
    from penstock.artifact_stores.local import LocalStore

    shelf.store = LocalStore(tmp_path / "store")
    list(shelf.decode(shelf.encode(yielding(np.zeros(1)))[0]))  # libraries are imported

    def arrays() -> Iterator[Any]:
        for number in range(100):
            yield np.full(125_000, float(number))

    tracemalloc.start()
    manifest, _ = shelf.encode(arrays())
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    total = sum(item[0] for item in shelf.decode(manifest))
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == sum(range(100))
    assert written < 8e6
    assert read < 8e6


def test_an_item_that_cannot_be_stored_is_named(shelf: Artifacts) -> None:
    with pytest.raises(SerializationError, match=r"^item 2 of what is yielded: .*generator"):
        shelf.encode(yielding(1, 2, yielding(3)))


def test_what_fails_half_way_is_the_users_own_exception(shelf: Artifacts) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError("here")

    with pytest.raises(ZeroDivisionError, match="here"):
        shelf.encode(failing())


def test_missing_bytes_are_told_at_once_and_damaged_ones_when_their_turn_comes(
    shelf: Artifacts, tmp_path: Path
) -> None:
    from penstock.artifact_stores.local import LocalStore

    store = shelf.store = LocalStore(tmp_path / "store")
    large = np.zeros(CHUNK, dtype=np.uint8)
    manifest, _ = shelf.encode(yielding(1, large, 2))
    (file,) = [file for file in manifest.files if file.name == "1/array.npy"]
    path = store.path(file, verify=False)
    path.chmod(0o600)
    path.write_bytes(bytes(path.stat().st_size))
    items = shelf.decode(manifest)
    assert next(items) == 1
    with pytest.raises(ArtifactDamaged):
        next(items)
    with pytest.raises(ArtifactMissing):
        shelf.decode(manifest)
    with pytest.raises(ArtifactMissing):
        shelf.check(made(manifest))


def test_pickled_items_are_read_only_for_those_who_may(shelf: Artifacts, tmp_path: Path) -> None:
    manifest, _ = shelf.encode(yielding(1, Model(2)))
    assert list(shelf.decode(manifest)) == [1, Model(2)]
    stranger = artifacts(*default_serializers(), root=tmp_path, key=bytes(32))
    stranger.store = shelf.store
    for read in (stranger.decode, lambda one: stranger.at(one, (Access("item", 0),))):
        with pytest.raises(Untrusted):
            read(manifest)
    with pytest.raises(Untrusted):
        list(shelf.decode(replace(manifest, unsafe=False)))
