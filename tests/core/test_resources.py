"""Amounts of memory as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.core.resources import memory_limit
from penstock.errors import DefinitionError


@pytest.mark.parametrize(
    ("asked", "bytes_"),
    [(1000, 1000), ("2GB", 2 * 10**9), ("512MiB", 2**29), ("1.5 g", 3 * 2**29), ("64k", 2**16)],
)
def test_memory_is_read_as_people_write_it(asked: Any, bytes_: int) -> None:
    assert memory_limit({"memory": asked}) == bytes_


def test_none_is_no_limit() -> None:
    assert memory_limit({}) is None


@pytest.mark.parametrize("asked", ["much", "", -1, True, "0GB", "2XB"])
def test_what_is_no_amount_says_so(asked: Any) -> None:
    with pytest.raises(DefinitionError, match="is no amount of memory"):
        memory_limit({"memory": asked})
