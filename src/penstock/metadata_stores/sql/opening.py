"""How the file of a store is opened: for reading alone, where nothing may be written beside it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote


def connect(path: Path, **options: Any) -> sqlite3.Connection:
    """A connection without transactions of Python's own."""
    address = _address(path)
    made: sqlite3.Connection = sqlite3.connect(
        address, uri=address.startswith("file:"), isolation_level=None, **options
    )
    return made


def writable(path: Path) -> bool:
    """Whether transactions are possible: SQLite keeps its journal beside the file."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _address(path: Path) -> str:
    if writable(path):
        return os.fspath(path)
    address = f"file:{quote(os.fspath(path))}?mode=ro"
    # Without a journal nobody writes just now, and SQLite need not make the files by which it would
    # hear of others. With one, whoever writes has made them.
    journal = Path(f"{path}-wal")
    return address if journal.exists() and journal.stat().st_size else f"{address}&immutable=1"
