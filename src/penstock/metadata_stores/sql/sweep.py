"""Garbage: artifacts that no record, live entry, checkpoint or fresh write reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penstock.core.records import Manifest
from penstock.metadata_stores.sql import rows
from penstock.metadata_stores.sql.database import Database
from penstock.metadata_stores.sql.remembered import Remembered

NO_GRACE = 2**62
PAGE = 500


class SqlSweep:
    def __init__(self, database: Database, remembered: Remembered) -> None:
        self._database = database
        self._remembered = remembered

    def doomed(self, older: int) -> Sequence[Manifest]:
        found = self._database.rows("unreached", {"older": older})
        return tuple(rows.load_manifest(row[1:]) for row in found)

    def bury(self, artifacts: Sequence[str]) -> Sequence[str]:
        database = self._database
        asked = set(artifacts)
        with database.transaction():
            numbers = [
                {"artifact": row[0]}
                for row in database.rows("unreached", {"older": NO_GRACE})
                if row[1] in asked
            ]
            files = {
                row[0]: None for number in numbers for row in database.rows("files_of", number)
            }
            for drop in ("drop_files", "drop_members", "drop_artifact"):
                database.write_all(drop, numbers)
            for drop in ("calls", "made", "taken", "metrics", "metric_lasts"):
                database.write(f"drop_{drop}", {})
            orphans = [d for d in files if database.row("names_file", {"digest": d}) is None]
        self._remembered.clear()
        return tuple(orphans)

    def suspects(self, boot: str) -> Sequence[Manifest]:
        return tuple(map(rows.load_manifest, self._database.rows("suspects", {"boot": boot})))

    def vouch(self, artifacts: Sequence[str]) -> None:
        with self._database.transaction():
            self._database.write_all("vouch", [{"id": id} for id in artifacts])

    def artifacts(self) -> Iterator[Manifest]:
        number = 0
        while page := self._database.rows("artifacts", {"number": number, "limit": PAGE}):
            for row in page:
                yield rows.load_manifest(row[1:])
            number = page[-1][0]

    def unnamed(self, digests: Sequence[str]) -> Sequence[str]:
        return tuple(d for d in digests if self._database.row("names_file", {"digest": d}) is None)
