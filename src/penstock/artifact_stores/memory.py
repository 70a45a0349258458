"""Artifacts in this process's memory: the reference of the contract, and the store of tests."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from penstock.core.digest import digest_bytes
from penstock.core.io import Buffer
from penstock.core.ports import ArtifactStore, Blob
from penstock.core.records import FileRef, now
from penstock.errors import ArtifactDamaged, ArtifactMissing, StoreError

_RECOMPUTE = "Run again: what made it is then computed anew."


class MemoryStore:
    """An ArtifactStore that ends with its process. `path` lays bytes out in a temporary folder."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._blobs: dict[str, tuple[bytes, int]] = {}
        self._drafts: dict[_Draft, float] = {}
        self._folder: Path | None = None

    def writer(self, size: int | None = None) -> _Draft:
        draft = _Draft(self)
        with self._lock:
            self._drafts[draft] = time.time()
        return draft

    def adopt(self, path: Path, name: str) -> FileRef:
        draft = self.writer()
        try:
            draft.write(path.read_bytes())
            return draft.commit(name)
        except OSError as error:
            raise StoreError(f"cannot store '{path}': {error.strerror}") from error
        finally:
            draft.abort()

    def path(self, file: FileRef, *, verify: bool) -> Path:
        with self._lock:
            if file.digest not in self._blobs:
                raise ArtifactMissing(
                    f"the stored file '{file.name}' is gone ({file.digest})", hint=_RECOMPUTE
                )
            data = self._blobs[file.digest][0]
            if len(data) != file.size or (verify and digest_bytes(data) != file.digest):
                self._take(file.digest)
                raise ArtifactDamaged(
                    f"the stored file '{file.name}' is damaged: recorded digest {file.digest}, "
                    f"found digest {digest_bytes(data)}",
                    hint=_RECOMPUTE,
                )
            return self._laid_out(file.digest, data)

    def stat(self, digest: str, *, check: bool = False) -> Blob | None:
        with self._lock:
            if (found := self._blobs.get(digest)) is None:
                return None
            if check and digest_bytes(found[0]) != digest:
                self._take(digest)
                return None
            return Blob(digest, len(found[0]), found[1])

    def sync(self, digests: Sequence[str]) -> None:
        with self._lock:
            for digest in digests:
                if digest not in self._blobs:
                    raise ArtifactMissing(f"a stored file went away: {digest}", hint=_RECOMPUTE)

    def remove(self, digest: str, *, before: int | None = None) -> bool:
        with self._lock:
            found = self._blobs.get(digest)
            if found is None or (before is not None and found[1] >= before):
                return False
            self._take(digest)
            return True

    def scan(self) -> Iterator[Blob]:
        with self._lock:
            blobs = [Blob(digest, len(data), at) for digest, (data, at) in self._blobs.items()]
        yield from blobs

    def clean(self, older: float) -> int:
        with self._lock:
            old = [draft for draft, at in self._drafts.items() if at <= time.time() - older]
            for draft in old:
                draft.abort()
        return len(old)

    def _put(self, data: bytes) -> str:
        digest = digest_bytes(data)
        with self._lock:
            self._blobs[digest] = (data, now())
        return digest

    def _drop(self, draft: _Draft) -> None:
        with self._lock:
            self._drafts.pop(draft, None)

    def _take(self, digest: str) -> None:
        del self._blobs[digest]
        if self._folder is not None:
            (self._folder / digest).unlink(missing_ok=True)

    def _laid_out(self, digest: str, data: bytes) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="penstock-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        place = self._folder / digest
        if not place.exists():
            place.write_bytes(data)
            place.chmod(0o444)
        return place


class _Draft:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._data: bytearray | None = bytearray()

    def write(self, data: Buffer, /) -> int:
        if self._data is None:
            raise StoreError("this file is finished: it takes no more bytes")
        size = memoryview(data).nbytes
        self._data += memoryview(data).cast("B") if size else b""
        return size

    def commit(self, name: str) -> FileRef:
        if self._data is None:
            raise StoreError("this file is finished: it cannot be committed again")
        data = bytes(self._data)
        self.abort()
        return FileRef(name, self._store._put(data), len(data))

    def abort(self) -> None:
        self._data = None
        self._store._drop(self)


_PORT: type[ArtifactStore] = MemoryStore
