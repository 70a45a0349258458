"""Both stores keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.artifact_stores.local import LocalStore
from penstock.artifact_stores.memory import MemoryStore
from penstock.core.ports import ArtifactStore
from penstock.core.records import now
from penstock.testing.artifact_store import ArtifactStoreContract


class TestLocalStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        return LocalStore(tmp_path / "home" / "artifacts")

    def spoil(self, store: ArtifactStore, digest: str, data: bytes | None) -> None:
        assert isinstance(store, LocalStore)
        path = store.folder / digest[:2] / digest[2:]
        path.chmod(0o644)
        if data is None:
            path.unlink()
        else:
            path.write_bytes(data)
            path.chmod(0o444)


class TestMemoryStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self) -> ArtifactStore:
        return MemoryStore()

    def spoil(self, store: ArtifactStore, digest: str, data: bytes | None) -> None:
        assert isinstance(store, MemoryStore)
        if data is None:
            del store._blobs[digest]
        else:
            store._blobs[digest] = (data, now())
