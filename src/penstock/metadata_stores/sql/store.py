"""The metadata store in a SQL database: today one SQLite file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from penstock.core import liveness
from penstock.core.ports import Liveness, MetadataStore
from penstock.errors import ConfigError
from penstock.metadata_stores import rules
from penstock.metadata_stores.sql.calls import SqlCalls
from penstock.metadata_stores.sql.catalog import SqlCatalog
from penstock.metadata_stores.sql.database import Database
from penstock.metadata_stores.sql.journal import SqlJournal
from penstock.metadata_stores.sql.remembered import Remembered
from penstock.metadata_stores.sql.runs import SqlRuns
from penstock.metadata_stores.sql.sweep import SqlSweep


class SqlStore:
    """`url` is a path, or `sqlite:///` and a path. Made when it does not exist.

    Safe for several threads, and for any number of processes of one machine.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        alive: Liveness = liveness.alive,
        clock: Callable[[], int] = rules.clock,
    ) -> None:
        self._database = Database(file_of(url))
        remembered = Remembered()
        self.journal = SqlJournal(self._database, remembered, alive, clock)
        self.calls = SqlCalls(self._database, remembered)
        self.runs = SqlRuns(self._database, alive, clock)
        self.catalog = SqlCatalog(self._database)
        self.sweep = SqlSweep(self._database, remembered)

    def address(self) -> str:
        return str(self._database.path)

    def close(self) -> None:
        self.journal.close()
        self._database.close()


def file_of(url: str | Path) -> Path:
    """The file that a store's URL names."""
    text = str(url)
    kind, separator, rest = text.partition("://")
    if not separator:
        return Path(text).absolute()
    if kind != "sqlite":
        raise ConfigError(
            f"a metadata store cannot be at '{kind}://…'",
            hint="Give a path, or sqlite:///path/to/file.db.",
        )
    return Path(rest.removeprefix("/") or "/").absolute()


def _conforms(store: SqlStore) -> MetadataStore:
    return store
