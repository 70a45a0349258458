"""Artifacts and long texts by digest, who made and who took them, and small remembered facts."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from penstock.core.records import Manifest
from penstock.metadata_stores import rules
from penstock.metadata_stores.sql import rows
from penstock.metadata_stores.sql.database import Database


class SqlCatalog:
    def __init__(self, database: Database) -> None:
        self._database = database

    def manifest(self, id: str) -> Manifest:
        row = self._database.row("manifest", {"id": id})
        if row is not None:
            return rows.load_manifest(row)
        # Digests are of 0-9 and a-f: "g" comes after all that begins so.
        found = self._database.rows("manifests", {"prefix": id, "after": id + "g"}) if id else []
        if len(found) == 1:
            return rows.load_manifest(found[0])
        raise rules.no_artifact(id, len(found))

    def producers(self, id: str) -> Sequence[tuple[str, str, str, str]]:
        return tuple(self._database.rows("producers", {"id": id}))

    def consumers(self, content: str) -> Sequence[tuple[str, str, str, str]]:
        return tuple(self._database.rows("consumers", {"content": content}))

    def texts(self, digests: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for digest in digests:
            row = self._database.row("text", {"digest": digest})
            if row is not None:
                data = zlib.decompress(row[1]) if row[0] else row[1]
                found[digest] = data.decode("utf-8", "surrogatepass")
        return found

    def memo(self, name: str, value: str | None = None) -> str | None:
        if value is not None:
            with self._database.transaction():
                self._database.write("remember", {"name": name, "value": value})
            return value
        row = self._database.row("memo", {"name": name})
        return str(row[0]) if row else None
