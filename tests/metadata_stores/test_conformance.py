from pathlib import Path

import pytest

from penstock.core.ports import MetadataStore
from penstock.metadata_stores.memory import MemoryStore
from penstock.metadata_stores.sql import SqlStore
from penstock.testing.metadata import MetadataStoreSuite


class TestSql(MetadataStoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> MetadataStore:
        return SqlStore(tmp_path / "penstock.db")


class TestMemory(MetadataStoreSuite):
    @pytest.fixture
    def store(self) -> MetadataStore:
        return MemoryStore()
