"""Artifacts over a store: what is inline, collections, registered serializers, damage."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from penstock.artifacts.codec import manifest_id
from penstock.core import registered
from penstock.core.ports import Encoded, Files
from penstock.core.records import INLINE_LIMIT, Manifest, made
from penstock.errors import ArtifactDamaged, ArtifactMissing, SerializationError, Unfit
from penstock.serializers import default_serializers, register
from penstock.testing.serializer import Artifacts, artifacts


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


def stored(shelf: Artifacts) -> int:
    return sum(1 for _ in shelf.store.scan())


def test_a_small_file_lives_in_the_row_and_a_larger_one_in_the_store(shelf: Artifacts) -> None:
    small, _ = shelf.encode("x" * (INLINE_LIMIT - 2))
    assert (small.inline is not None, small.size, stored(shelf)) == (True, INLINE_LIMIT, 0)
    assert made(small).files == ()
    large, _ = shelf.encode("x" * INLINE_LIMIT)
    assert (large.inline, stored(shelf)) == (None, 1)
    assert made(large).files == large.files
    for manifest in (small, large):
        assert shelf.decode(manifest).strip("x") == ""


def test_an_id_is_of_all_that_the_record_says(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(pd.DataFrame({"a": [1]}))
    assert manifest.id == manifest_id(manifest)
    changes: dict[str, Any] = {
        "content": "c", "serializer": "s", "type": "t", "files": (), "meta": {}, "items": 1,
        "classes": ("c",), "unsafe": True,
    }  # fmt: skip
    ids = {manifest_id(msgspec.structs.replace(manifest, **{k: v})) for k, v in changes.items()}
    assert len(ids | {manifest.id}) == len(changes) + 1
    assert manifest_id(msgspec.structs.replace(manifest, signature="s", inline=None)) == manifest.id


def test_a_list_of_frames_is_a_collection_of_artifacts(shelf: Artifacts) -> None:
    frames = [pd.DataFrame({"a": [n]}) for n in range(3)]
    manifest, items = shelf.encode(frames)
    assert (manifest.items, manifest.serializer, len(items)) == (3, "collection", 3)
    assert shelf.items(manifest) == tuple(made(item) for item in items)
    for one, two in zip(shelf.decode(manifest), frames, strict=True):
        pd.testing.assert_frame_equal(one, two)
    assert shelf.digest(frames) == manifest.content
    assert shelf.digest(frames[::-1]) != manifest.content


def test_what_a_map_made_is_gathered_by_reference(shelf: Artifacts) -> None:
    items = [shelf.encode(value)[0] for value in (1, "a", np.arange(3))]
    before = stored(shelf)
    manifest = shelf.collection([made(item) for item in items])
    assert stored(shelf) == before
    back = shelf.decode(manifest)
    assert back[:2] == [1, "a"]
    np.testing.assert_array_equal(back[2], np.arange(3))
    assert shelf.decode(shelf.collection([])) == []


def test_a_list_of_lists_of_arrays_is_kept(shelf: Artifacts) -> None:
    value = [np.arange(2), [np.arange(3), 1]]
    manifest, _ = shelf.encode(value)
    back = shelf.decode(manifest)
    np.testing.assert_array_equal(back[0], value[0])
    np.testing.assert_array_equal(back[1][0], np.arange(3))
    assert shelf.digest(value) == manifest.content == shelf.digest(back)


@pytest.mark.parametrize("value", [[1, 2], ["a", None, [1.5]], [{"a": 1}], [(1, 2)], []])
def test_a_list_of_plain_values_is_one_artifact(shelf: Artifacts, value: Any) -> None:
    manifest, items = shelf.encode(value)
    assert (manifest.serializer, manifest.items, items) == ("json", None, ())


def test_equal_values_are_stored_once(shelf: Artifacts) -> None:
    for _ in range(3):
        shelf.encode(np.arange(5000))
    assert stored(shelf) == 1


def test_missing_and_damaged_bytes_are_told_apart(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(np.arange(5000))
    shelf.store.remove(manifest.files[0].digest)
    with pytest.raises(ArtifactMissing):
        shelf.decode(manifest)
    small, _ = shelf.encode(5)
    with pytest.raises(ArtifactDamaged, match="are not those recorded"):
        shelf.decode(msgspec.structs.replace(small, inline=b"6"))


def test_an_unknown_serializer_is_named(shelf: Artifacts) -> None:
    with pytest.raises(SerializationError, match="there is no serializer 'parquet'") as caught:
        shelf.encode(1, serializer="parquet")
    assert "json, lightgbm, matplotlib, numpy" in caught.value.hint


def test_a_serializer_can_be_chosen_by_name(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode({"a": 1}, serializer="pickle")
    assert (manifest.serializer, shelf.decode(manifest)) == ("pickle", {"a": 1})
    assert manifest.content == shelf.digest({"a": 1})


class Temperature:
    def __init__(self, celsius: float) -> None:
        self.celsius = celsius

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Temperature) and self.celsius == other.celsius

    __hash__ = None  # type: ignore[assignment]


class Temperatures:
    """A serializer as a project would write one: its format is canonical."""

    name = "temperature"

    def accepts(self, value: object) -> bool:
        return isinstance(value, Temperature)

    def encode(self, value: Temperature, files: Files) -> Encoded:
        with files.create("celsius.txt") as file:
            file.write(repr(value.celsius).encode())
        return Encoded(content=self.digest(value))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Temperature:
        data = files["celsius.txt"]
        return Temperature(float(data if isinstance(data, bytes) else data.read_bytes()))

    def digest(self, value: Temperature) -> str:
        return f"temperature {value.celsius!r}"


@pytest.fixture
def temperatures() -> Iterator[Temperatures]:
    serializer = Temperatures()
    register(serializer)
    yield serializer
    registered._registered.pop("temperature")


@pytest.mark.usefixtures("temperatures")
def test_a_registered_serializer_goes_first_alone_and_inside(shelf: Artifacts) -> None:
    value = Temperature(36.6)
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe, manifest.inline) == (
        "temperature",
        False,
        b"36.6",
    )
    assert shelf.decode(manifest) == value
    assert shelf.digest(value) == manifest.content == "temperature 36.6"
    inside, _ = shelf.encode({"t": value, "n": 1})
    assert not inside.unsafe
    assert shelf.decode(inside) == {"t": value, "n": 1}
    assert shelf.digest({"t": Temperature(36.6), "n": 1}) == inside.content
    several, items = shelf.encode([value, Temperature(40.0)])
    assert [item.serializer for item in items] == ["temperature", "temperature"]
    assert shelf.decode(several) == [value, Temperature(40.0)]


class Broken(Temperatures):
    name = "broken"

    def encode(self, value: Temperature, files: Files) -> Encoded:
        with files.create("part.bin") as file:
            file.write(b"x" * 10_000)
        with files.create("half.bin") as file:
            file.write(b"y" * 10_000)
            raise Unfit("this one is not for me")

    def digest(self, value: Temperature) -> str:
        raise Unfit("this one is not for me")


def test_a_serializer_that_gives_up_leaves_the_value_to_the_next(tmp_path: Path) -> None:
    shelf = artifacts(Broken(), *default_serializers(), root=tmp_path)
    manifest, _ = shelf.encode(Temperature(1.0))
    assert (manifest.serializer, [f.name for f in manifest.files]) == ("pickle", ["value.pickle"])
    assert shelf.decode(manifest) == Temperature(1.0)
    assert shelf.digest(Temperature(1.0)) == manifest.content
    assert shelf.digest({"t": Temperature(1.0)}) == shelf.encode({"t": Temperature(1.0)})[0].content


def test_an_error_of_a_serializer_leaves_nothing_half_written(tmp_path: Path) -> None:
    class Failing(Temperatures):
        def encode(self, value: Temperature, files: Files) -> Encoded:
            with files.create("half.bin") as file:
                file.write(b"y" * 10_000)
                raise ZeroDivisionError

    shelf = artifacts(Failing(), root=tmp_path)
    with pytest.raises(ZeroDivisionError):
        shelf.encode(Temperature(1.0))
    assert stored(shelf) == 0
    assert shelf.store.clean(0) == 0


class Third(Fraction):
    """What only Half and pickles take."""


class Half:
    """A serializer that finds out only when it has written that a value is not for it."""

    name = "half"

    def accepts(self, value: object) -> bool:
        return isinstance(value, Third)

    def encode(self, value: object, files: Files) -> Encoded:
        with files.create("half.bin") as file:
            file.write(b"half")
        raise Unfit("it is not for me")

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        raise AssertionError("it wrote nothing")

    def digest(self, value: object) -> str:
        raise Unfit("it is not for me")


def test_what_was_written_and_given_up_deep_inside_is_no_part_of_it(tmp_path: Path) -> None:
    shelf = artifacts(Half(), *default_serializers(), root=tmp_path)
    image = Image.new("L", (2, 2))
    image.info["scale"] = {"x": Third(1, 3)}
    manifest, _ = shelf.encode({"image": image})
    assert not [file.name for file in manifest.files if "half" in file.name]
    assert shelf.decode(manifest)["image"].info["scale"]["x"] == Fraction(1, 3)


def test_the_time_to_read_many_parts_grows_as_they_do(shelf: Artifacts) -> None:
    def seconds(count: int) -> float:
        manifest, _ = shelf.encode({n: np.arange(3) for n in range(count)})
        began = time.process_time()
        shelf.decode(manifest)
        return time.process_time() - began

    few = min(seconds(500) for _ in range(3))
    assert any(seconds(4000) < 30 * few for _ in range(3))
