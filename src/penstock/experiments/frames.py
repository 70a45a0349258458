"""Tables for pandas, which is imported when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.errors import MissingExtra


def records(rows: Sequence[Mapping[str, Any]], index: str) -> Any:
    """A DataFrame with a row for each of these, by one of their values."""
    if not rows:
        return _pandas().DataFrame()
    return _pandas().DataFrame([dict(row) for row in rows]).set_index(index)


def beside(rows: Mapping[tuple[str, str], Sequence[Any]], columns: Sequence[str]) -> Any:
    """A DataFrame with a row for each pair of names; numbers stay numbers beside texts."""
    pandas = _pandas()
    index = pandas.MultiIndex.from_tuples(list(rows), names=["section", "name"])
    empty = pandas.MultiIndex.from_arrays([[], []], names=["section", "name"])
    return pandas.DataFrame(
        [list(row) for row in rows.values()],
        index=index if rows else empty,
        columns=list(columns),
        dtype=object,
    )


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise MissingExtra(
            "a table for pandas needs pandas", hint="pip install 'penstock[pandas]'"
        ) from None
    return pandas
