"""Named queries: each `.sql` file holds some, below lines `-- name: …`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "queries"


@functools.cache
def queries() -> Mapping[str, str]:
    """All of them by name, read once."""
    found: dict[str, str] = {}
    for file in sorted(FOLDER.glob("*.sql")):
        for part in file.read_text("utf-8").split("-- name: ")[1:]:
            name, _, statement = part.partition("\n")
            if name.strip() in found:
                raise AssertionError(f"two queries are named '{name.strip()}'")
            found[name.strip()] = statement.strip()
    return found
