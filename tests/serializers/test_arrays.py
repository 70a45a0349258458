"""Arrays of NumPy: exact, canonical, mapped privately."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st

from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts as LocalArtifacts
from penstock.serializers import default_serializers
from penstock.serializers.numpy import Numpy
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts

RECORD = np.dtype([("a", "i1"), ("b", "f8"), ("c", "U3")])
ALIGNED = np.dtype([("a", "i1"), ("b", "f8"), ("in", [("x", "i1"), ("y", "i4")], (2,))], align=True)


def filled(dtype: Any, shape: tuple[int, ...] = (3,)) -> np.ndarray:
    return (
        np.arange(np.prod(shape) * np.dtype(dtype).itemsize, dtype="u1").view(dtype).reshape(shape)
    )


def with_padding(of: int) -> np.ndarray:
    """Three long doubles, whose padding is full of one byte."""
    value = np.array([1.5, np.nan, -0.0], np.longdouble)
    if np.finfo(np.longdouble).nmant == 63:
        value.view("u1").reshape(3, -1)[:, 10:] = of
    return value


def same(one: Any, other: Any) -> bool:
    """Bits, dtype, shape, order and class."""
    fortran = other.flags.f_contiguous and not other.flags.c_contiguous
    return (
        type(one) is type(other)
        and one.dtype == other.dtype
        and one.shape == other.shape
        and (one.flags.f_contiguous if fortran else one.flags.c_contiguous)
        and one.tobytes() == other.tobytes()
    )


class TestNumpy(SerializerContract):
    serializer = Numpy()
    values = {
        "floats": np.array([1.5, np.nan, -0.0, np.inf]), "ints": np.arange(3), "small": np.arange(3, dtype="i1"),
        "big-endian": np.arange(3, dtype=">i4"), "half": np.arange(3, dtype="f2"), "long": with_padding(0),
        "complex": np.array([1j]), "bool": np.array([True, False]), "text": np.array(["a", "naïve"]),
        "bytes": np.array([b"a", b"bc"]), "moments": np.array(["2020-01-01", "NaT"], "M8[ns]"),
        "days": np.array(["2020-01-01"], "M8[D]"), "spans": np.array([3], "m8[s]"), "none": np.zeros((0, 3)),
        "none at all": np.zeros(0), "a number": np.array(3.5), "matrix": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "every other": np.arange(20)[::3],
        "backwards": np.arange(5)[::-1], "transposed": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
        "records": np.zeros(3, RECORD),
        "aligned": np.zeros(2, ALIGNED), "fields": np.zeros(2, [("é", "i4")]), "void": np.zeros(2, "V5"),
        "record": np.ones(1, RECORD)[0], "large": np.arange(100_000), "large fortran": np.asfortranarray(np.ones((300, 400))),
    }  # fmt: skip

    def same(self, one: Any, other: Any) -> bool:
        return same(one, other)


everything = artifacts(*default_serializers(), root=Path("/nowhere"))


@given(
    hnp.arrays(
        hnp.scalar_dtypes() | hnp.array_dtypes(allow_subarrays=False),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    ),
    st.booleans(),
)
def test_reading_undoes_writing_and_a_digest_is_what_writing_gives(
    value: np.ndarray, fortran: bool
) -> None:
    value = np.asfortranarray(value) if fortran else value
    # A field's title, besides its name, is the one thing that a .npy file does not tell.
    assume(Numpy().accepts(value))
    manifest, _ = everything.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("numpy", False)
    back = everything.decode(manifest)
    assert same(back, value)
    assert everything.digest(value) == manifest.content == everything.digest(back)


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> LocalArtifacts:
    store = LocalStore(tmp_path / "store")
    return LocalArtifacts(
        store, default_serializers(), root=tmp_path, key=lambda: None, lookup={}.__getitem__
    )


def test_numpy_reads_the_file_itself(local: LocalArtifacts) -> None:
    value = np.random.default_rng(1).random((200, 300))
    manifest, _ = local.encode(value)
    path = local.store.path(manifest.files[0], verify=True)
    np.testing.assert_array_equal(np.load(path), value)


def test_a_mapped_array_is_plain_writable_and_ones_own(local: LocalArtifacts) -> None:
    value = np.random.default_rng(1).random((200, 300))
    manifest, _ = local.encode(value)
    one, two = local.decode(manifest), local.decode(manifest)
    assert type(one) is np.ndarray
    assert _ground(one) is mmap.mmap
    one[:] = 0
    np.testing.assert_array_equal(two, value)
    np.testing.assert_array_equal(local.decode(manifest), value)


def _ground(array: Any) -> type:
    while isinstance(array, np.ndarray):
        array = array.base
    return type(array.obj) if isinstance(array, memoryview) else type(array)


def test_the_layout_counts_and_the_way_to_it_does_not(shelf: Artifacts) -> None:
    value = np.arange(12.0).reshape(3, 4)
    assert shelf.digest(value) != shelf.digest(np.asfortranarray(value))
    broadcast = np.broadcast_to(np.arange(3), (2, 3))
    assert shelf.digest(broadcast) == shelf.digest(np.ascontiguousarray(broadcast))
    assert shelf.digest(value[:, ::2]) == shelf.digest(value[:, ::2].copy())
    assert shelf.digest(value) != shelf.digest(value.ravel())
    assert shelf.digest(np.arange(3)) != shelf.digest(np.arange(3, dtype="u8"))


def test_what_stands_between_fields_does_not_count(shelf: Artifacts) -> None:
    one = np.zeros(2, ALIGNED)
    two = filled(ALIGNED, (2,))
    for name in ("a", "b"):
        two[name] = one[name]
    two["in"]["x"], two["in"]["y"] = 0, 0
    assert one.tobytes() != two.tobytes()
    assert shelf.digest(one) == shelf.digest(two)
    assert shelf.encode(one)[0] == shelf.encode(two)[0]


@pytest.mark.parametrize(
    "make",
    [
        with_padding, lambda of: np.asfortranarray(np.stack([with_padding(of)] * 2)),
        lambda of: np.concatenate([with_padding(of)] * 2).view(np.clongdouble),
        lambda of: pd.Series(with_padding(of)), lambda of: scipy.sparse.csr_array(np.diag(with_padding(of))),
    ],
)  # fmt: skip
def test_what_pads_a_long_double_does_not_count(shelf: Artifacts, make: Any) -> None:
    one, two = make(0), make(255)
    manifest, _ = shelf.encode(two)
    assert shelf.digest(one) == shelf.digest(two) == manifest.content
    assert repr(shelf.decode(manifest)) == repr(one)


@pytest.mark.parametrize(
    "value",
    [
        np.ma.array([1, 2], mask=[False, True]), np.ma.array([[1.5, np.nan]], fill_value=7),
        np.ma.array([1, 2], mask=True, hard_mask=True), np.ma.zeros(2, RECORD),
        np.ma.array(["a", "b"], mask=[True, False]), np.ma.zeros((0, 2)),
    ],
)  # fmt: skip
def test_masked_arrays_keep_what_is_under_the_mask_and_are_compared_without_it(
    shelf: Artifacts, value: Any
) -> None:
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("numpy", False)
    back = shelf.decode(manifest)
    assert type(back) is type(value)
    assert (repr(back), back.hardmask) == (repr(value), value.hardmask)
    assert same(back.data, value.data)
    assert same(np.ma.getmaskarray(back), np.ma.getmaskarray(value))
    assert shelf.digest(value) == manifest.content == shelf.digest(back)
    if value.mask is not np.ma.nomask and not value.dtype.names:
        other = value.copy()
        other.data[value.mask] = np.ones((), value.dtype)
        assert shelf.digest(other) == manifest.content


def test_a_memory_map_is_stored_as_the_array_that_it_is(shelf: Artifacts, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(5))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    manifest, _ = shelf.encode(mapped)
    assert (manifest.serializer, manifest.unsafe) == ("numpy", False)
    assert manifest.content == shelf.digest(np.arange(5))


class Labelled(np.ndarray):
    """A subclass of the project's own."""


@pytest.mark.parametrize(
    "value",
    [
        np.array([1, "a", None], object), np.arange(2).view(np.matrix),
        np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), np.arange(3).view(Labelled),
        np.zeros(1, [("a", object)]), np.zeros(1, RECORD)[["b", "a"]], np.array(["a", "long"], np.dtypes.StringDType()),
        np.arange(3).astype(np.dtype("i8", metadata={"unit": "m"})),
    ],
)  # fmt: skip
def test_what_is_more_than_its_bytes_is_not_degraded(shelf: Artifacts, value: Any) -> None:
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
    assert shelf.digest(value) == manifest.content
    back = shelf.decode(manifest)
    assert type(back) is type(value)
    assert back.dtype == value.dtype
    assert repr(back) == repr(value)
