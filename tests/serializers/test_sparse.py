"""Sparse matrices and arrays of scipy: every format as it was, equal whatever the order of entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from penstock.serializers import default_serializers
from penstock.serializers.scipy import Scipy
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts

FORMATS = ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")
DENSE = np.array([[0, 1.5, 0], [-0.0, 0, 2], [3, 0, 0], [0, 0, 0]])


def made(name: str, dense: Any = DENSE) -> Any:
    return getattr(sparse, name)(dense)


def zero_that_is_there() -> Any:
    return sparse.csr_array(([0.0, 1.0], ([0, 1], [0, 1])), shape=(2, 2))


class TestScipy(SerializerContract):
    serializer = Scipy()
    values = {
        **{f"{f}_{kind}": made(f"{f}_{kind}") for f in FORMATS for kind in ("array", "matrix")},
        **{f"{f} of nothing": made(f"{f}_array", np.zeros((2, 3))) for f in FORMATS},
        "no rows": sparse.csr_array((0, 3)), "bools": made("csr_array", DENSE != 0), "complex": made("csc_array", DENSE * 1j),
        "floats of 32 bits": made("csr_array", DENSE.astype("f4")), "one dimension": made("coo_array", DENSE[0]), "a row": made("csr_array", DENSE[0]),
        "three dimensions": made("coo_array", np.ones((2, 2, 2))), "blocks": sparse.bsr_array(np.kron(DENSE, np.ones((2, 2))), blocksize=(2, 2)),
        "a zero that is there": zero_that_is_there(), "twice the same place": sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2)),
    }  # fmt: skip

    def same(self, one: Any, other: Any) -> bool:
        return same(one, other)


def same(one: Any, other: Any) -> bool:
    assert (type(one), one.shape, one.dtype, one.nnz) == (
        type(other),
        other.shape,
        other.dtype,
        other.nnz,
    )
    for name in ("data", "indices", "indptr", "offsets"):
        if other.format not in ("dok", "lil") and hasattr(other, name):
            mine, its = getattr(one, name), getattr(other, name)
            assert mine.dtype == its.dtype
            np.testing.assert_array_equal(mine, its)
    return bool(np.array_equal(one.toarray(), other.toarray()))


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.mark.parametrize("name", TestScipy.values)
def test_no_pickle_is_needed(shelf: Artifacts, name: str) -> None:
    manifest, _ = shelf.encode(TestScipy.values[name])
    assert (manifest.serializer, manifest.unsafe) == ("scipy", False)


def test_the_order_of_entries_and_the_width_of_indexes_do_not_count(shelf: Artifacts) -> None:
    one = sparse.csr_array(([2.0, 1.0], [1, 0], [0, 2]), shape=(1, 3))
    two = sparse.csr_array(([1.0, 2.0], [0, 1], [0, 2]), shape=(1, 3))
    three = two.copy()
    three.indices, three.indptr = three.indices.astype("i8"), three.indptr.astype("i8")
    assert shelf.digest(one) == shelf.digest(two) == shelf.digest(three)
    for value in (one, three):
        back = shelf.decode(shelf.encode(value)[0])
        assert same(back, value)
        assert list(back.indices) == list(value.indices)
    assert shelf.digest(made("coo_array")) == shelf.digest(made("csc_array").tocoo())


def test_what_was_read_can_be_changed_and_nobody_else_sees_it(shelf: Artifacts) -> None:
    value = sparse.random_array((300, 300), density=0.3, format="csr", rng=np.random.default_rng(1))
    manifest, _ = shelf.encode(value)
    back = shelf.decode(manifest)
    back.data *= 2
    back.sort_indices()
    assert same(shelf.decode(manifest), value)


def test_objects_are_pickled_and_marked(shelf: Artifacts) -> None:
    value = made("csr_array")
    value.data = value.data.astype(object)  # what scipy's own constructors refuse since 1.16
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
    assert shelf.digest(value) == manifest.content


everything = artifacts(*default_serializers(), root=Path("/nowhere"))


@given(
    hnp.arrays(
        st.sampled_from(["f8", "i4", "?"]), hnp.array_shapes(min_dims=2, max_dims=2, max_side=4)
    ),
    st.sampled_from(FORMATS),
)
def test_reading_undoes_writing_and_a_digest_is_what_writing_gives(dense: Any, name: str) -> None:
    value = made(f"{name}_array", np.nan_to_num(dense))
    manifest, _ = everything.encode(value)
    back = everything.decode(manifest)
    assert same(back, value)
    assert everything.digest(value) == manifest.content == everything.digest(back)
