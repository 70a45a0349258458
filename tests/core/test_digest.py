"""Digests of structures: equal structures have equal digests, others have others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core import digest
from penstock.core.digest import digest_struct

fields: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.text()
    | st.text(alphabet=["a", "\ud800", "é"])
    | st.binary()
    | st.integers(-(2**70), 2**70),
    lambda inner: st.lists(inner, max_size=20),
    max_leaves=30,
)


@given(fields, fields)
def test_only_equal_structures_have_equal_digests(one: Any, other: Any) -> None:
    assert (digest_struct("test", one) == digest_struct("test", other)) == (one == other)


@given(fields)
def test_how_a_list_is_given_does_not_count(value: Any) -> None:
    def lazily(value: Any) -> Any:
        return (lazily(item) for item in value) if isinstance(value, list) else value

    assert digest_struct("test", lazily(value)) == digest_struct("test", value)


@given(st.lists(st.none() | st.text() | st.binary() | st.integers(-(2**63), 2**63), max_size=40))
def test_both_ways_of_writing_are_one(value: list[Any]) -> None:
    assert digest._by_hand(value) == digest._pack(value)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 70_000])
def test_lists_of_any_length_are_written_alike(size: int) -> None:
    assert digest._by_hand([1] * size) == digest._pack([1] * size)


def test_kinds_and_nesting_count() -> None:
    assert digest_struct("a", "b") != digest_struct("b", "a")
    assert digest_struct("a", "b", "c") != digest_struct("a", ["b", "c"])
    assert digest_struct("a", "1") != digest_struct("a", 1) != digest_struct("a", b"1")
