"""One SQLite file as this process has it open: transactions and named queries."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from penstock.core import io
from penstock.errors import StoreError
from penstock.metadata_stores.sql.creation import prepare
from penstock.metadata_stores.sql.opening import connect
from penstock.metadata_stores.sql.queries import queries
from penstock.metadata_stores.sql.rows import Row

PRAGMAS = (
    # Ordinary commits survive the death of the process; those that must survive a power cut
    # are made with FULL. NORMAL keeps the file whole in both cases.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    # Checkpoints wait for the disk: have them seldom, by 16 MiB.
    "PRAGMA wal_autocheckpoint = 8192",
    "PRAGMA journal_size_limit = 67108864",
    # On macOS a plain fsync leaves the bytes in the drive's own memory.
    "PRAGMA fullfsync = ON",
    "PRAGMA temp_store = MEMORY",
)
BUSY = 30.0
"""Seconds to wait for another process's transaction."""

_inherited: list[sqlite3.Connection] = []
"""Connections of a parent process: never used, and never closed, for that would free its locks."""
_forks = 0
"""How many forks lie between this process and the one that imported this module."""


def _forked() -> None:
    global _forks
    _forks += 1


# Asked for its pid at each statement, the system would take an eighth of a step's time.
os.register_at_fork(after_in_child=_forked)


def _closed(connection: sqlite3.Connection, forks: int) -> None:
    if forks == _forks:
        connection.close()


class Database:
    """Safe for several threads: one transaction at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._queries = queries()
        self._forks = _forks
        try:
            prepare(path)
            self._connection = self._open()
        except (sqlite3.Error, OSError) as error:
            raise self._refused(error) from error

    def _open(self) -> sqlite3.Connection:
        connection = connect(
            self.path, timeout=BUSY, check_same_thread=False, cached_statements=256
        )
        # Where nobody closes it: when it is no longer used, or when the process ends.
        weakref.finalize(self, _closed, connection, _forks)
        for pragma in PRAGMAS:
            connection.execute(pragma)
        return connection

    def another(self) -> Database:
        """A second connection, for what must not wait for the first."""
        return Database(self.path)

    def close(self) -> None:
        with self._lock:
            _closed(self._connection, self._forks)

    # ---- transactions

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """All or nothing. With `durable` it has reached the disk when the block is left."""
        with self._lock:
            try:
                connection = self._adopt()
                try:
                    if durable:
                        connection.execute("PRAGMA synchronous = FULL")
                    io.step("db:begin")
                    connection.execute("BEGIN IMMEDIATE")
                    yield
                    io.step("db:commit")
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    if durable:
                        connection.execute("PRAGMA synchronous = NORMAL")
            except (sqlite3.Error, OSError) as error:
                raise self._refused(error) from error

    def _adopt(self) -> sqlite3.Connection:
        """Our connection; after a fork it is the parent's, and we open our own."""
        if self._forks != _forks:
            _inherited.append(self._connection)
            self._connection = self._open()
            self._forks = _forks
        return self._connection

    def _refused(self, error: sqlite3.Error | OSError) -> StoreError:
        if isinstance(error, OSError):
            return io.explain(error, "write to the metadata store")
        what = f"the metadata store '{self.path}'"
        text = str(error)
        if "locked" in text or "busy" in text:
            return StoreError(
                f"{what} was busy for {BUSY:.0f} seconds",
                hint="Another program holds it open in a transaction: close it, then try again.",
            )
        if "malformed" in text or "not a database" in text:
            return StoreError(
                f"{what} is damaged: {text}",
                hint="Move it away and run again (artifacts are kept, their records are not), or "
                f"save what can be read: sqlite3 '{self.path}' .recover",
            )
        if "full" in text:
            return StoreError(
                f"cannot write to {what}: {text}",
                hint="The disk is full: `penstock gc` frees what no run needs, or move "
                "PENSTOCK_HOME.",
            )
        if "readonly" in text or "unable to open" in text:
            return StoreError(
                f"cannot write to {what}: {text}",
                hint="Check who owns the folder, or point PENSTOCK_HOME at one that you can write.",
            )
        # SQLite says "disk I/O error" where the disk is full, too.
        hint = "Is the disk full, or gone? `df` tells." if "I/O" in text else ""
        return StoreError(f"{what} refused: {text}", hint=hint)

    # ---- named queries

    def rows(self, name: str, parameters: Mapping[str, Any]) -> list[Row]:
        return self.select(self._queries[name], parameters)

    def select(self, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
        """A statement made of named pieces: see `choosing`."""
        with self._lock:
            connection = self._adopt()
            try:
                return connection.execute(statement, parameters).fetchall()
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                raise self._refused(error) from error

    def row(self, name: str, parameters: Mapping[str, Any]) -> Row | None:
        found = self.rows(name, parameters)
        return found[0] if found else None

    def write(self, name: str, parameters: Mapping[str, Any]) -> int:
        """How many rows changed. Inside a transaction."""
        return self._connection.execute(self._queries[name], parameters).rowcount

    def write_all(self, name: str, parameters: Iterable[Mapping[str, Any]]) -> int:
        """The same statement for each; how many rows changed in all. Inside a transaction."""
        return self._connection.executemany(self._queries[name], parameters).rowcount
