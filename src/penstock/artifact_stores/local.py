"""Artifacts as files in a folder of this machine, or of one that several machines mount."""

from __future__ import annotations

import fcntl
import os
import stat as modes
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from penstock.artifact_stores.draft import Draft
from penstock.artifact_stores.flush import MANY, Flusher, sync_file_system, sync_files
from penstock.artifact_stores.seal import sealed
from penstock.artifact_stores.shelf import SMALL, Shelf, blob, digest_file
from penstock.core import io
from penstock.core.ports import ArtifactStore, Blob
from penstock.core.records import FileRef
from penstock.errors import ArtifactDamaged, ArtifactMissing, StoreError

EARLY = 8 << 20
"""Bytes from which a file goes to the disk in the background, before the barrier asks."""
PIECE = 4 << 20
_RECOMPUTE = "Run again: what made it is then computed anew. `penstock doctor` checks the others."

_Identity = tuple[int, int, int]


class LocalStore:
    """An ArtifactStore in `folder`, which is made when the first file is written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shelf = Shelf(folder)
        self._flusher = Flusher()
        self._known: dict[str, _Identity] = {}
        """Files whose bytes this process has hashed, in writing or in reading."""
        self._synced: dict[str, int] = {}
        """Files (by inode) and folders that this process has seen reach the disk."""
        self._failure: StoreError | None = None

    def writer(self, size: int | None = None) -> Draft:
        return Draft(self._shelf, self._committed)

    def adopt(self, path: Path, name: str) -> FileRef:
        draft = self.writer()
        try:
            with io.explained(f"store '{path}'"), open(path, "rb", buffering=0) as source:
                if not modes.S_ISREG(os.fstat(source.fileno()).st_mode):
                    raise StoreError(f"'{path}' is not a file", hint="Only files can be stored.")
                if draft.clone(source.fileno()):
                    return draft.commit(name)
                piece = memoryview(bytearray(PIECE))
                while size := source.readinto(piece):
                    draft.write(piece[:size])
            return draft.commit(name)
        finally:
            draft.abort()

    def path(self, file: FileRef, *, verify: bool) -> Path:
        place = self._shelf.place(file.digest)
        with io.explained(f"read '{file.name}'"):
            try:
                state = os.stat(place)
                if state.st_size != file.size:
                    raise self._damaged(file, state, f"{state.st_size} bytes of {file.size}")
                if verify and self._known.get(file.digest) != _identity(state):
                    if (found := digest_file(place)) != file.digest:
                        raise self._damaged(file, state, f"digest {found}")
                    self._known[file.digest] = _identity(state)
            except FileNotFoundError:
                raise ArtifactMissing(
                    f"the stored file '{file.name}' is gone ({file.digest})", hint=_RECOMPUTE
                ) from None
        return Path(place)

    def stat(self, digest: str, *, check: bool = False) -> Blob | None:
        place = self._shelf.place(digest)
        with io.explained(f"look for {digest}"):
            try:
                state = os.stat(place)
            except FileNotFoundError:
                return None
            if check and not self._trusted(place, state, digest):
                self._shelf.set_aside(digest, state)
                return None
        return blob(digest, state)

    def sync(self, digests: Sequence[str]) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            self._flusher.wait()
            self._sync(digests)
        except FileNotFoundError as error:
            raise ArtifactMissing(
                f"a stored file went away before it was safe on disk: '{error.filename}'",
                hint=_RECOMPUTE,
            ) from None
        except OSError as error:
            # The system may have dropped the pages and call them clean: trying again would lie.
            self._failure = io.explain(error, "bring artifacts safely to the disk")
            raise self._failure from error

    def remove(self, digest: str, *, before: int | None = None) -> bool:
        with io.explained(f"remove {digest}"):
            gone = self._shelf.remove(digest, before)
        if gone:
            self._known.pop(digest, None)
            self._synced.pop(digest, None)
        return gone

    def scan(self) -> Iterator[Blob]:
        with io.explained("list the artifact store"):
            yield from self._shelf.scan()

    def clean(self, older: float) -> int:
        limit, count = time.time() - older, 0
        with io.explained("clean the artifact store"), suppress(FileNotFoundError):
            for entry in sorted(os.listdir(self._shelf.writing)):
                path = os.path.join(self._shelf.writing, entry)
                with suppress(FileNotFoundError):
                    # When it was last touched, not what its seal says.
                    if os.stat(path).st_ctime <= limit and _abandoned(path):
                        io.unlink(path)
                        count += 1
        return count

    def _committed(self, digest: str, state: os.stat_result, fd: int) -> None:
        if state.st_size > SMALL and state.st_ino != os.fstat(fd).st_ino:
            # The bytes were here. That file was believed by its seal, not read: reading it checks it.
            known = self._known.get(digest)
            if known is None or known[:2] != _identity(state)[:2]:
                self._known.pop(digest, None)
                return
        elif state.st_size >= EARLY:
            self._flusher.begin(fd)
        self._known[digest] = _identity(state)

    def _trusted(self, place: str, state: os.stat_result, digest: str) -> bool:
        if self._known.get(digest) == _identity(state):
            return True
        if state.st_size > SMALL and sealed(state, digest):
            return True
        if digest_file(place) != digest:
            return False
        self._known[digest] = _identity(self._shelf.reseal(digest, state))
        return True

    def _damaged(self, file: FileRef, state: os.stat_result, found: str) -> ArtifactDamaged:
        aside = self._shelf.set_aside(file.digest, state)
        self._known.pop(file.digest, None)
        where = f" It was moved to '{aside}'." if aside else ""
        return ArtifactDamaged(
            f"the stored file '{file.name}' is damaged: recorded digest {file.digest}, found {found}",
            hint=f"{_RECOMPUTE}{where}",
        )

    def _sync(self, digests: Sequence[str]) -> None:
        todo: dict[str, tuple[str, int]] = {}
        for digest in dict.fromkeys(digests):
            place = self._shelf.place(digest)
            inode = os.stat(place).st_ino
            if self._synced.get(digest) != inode:
                todo[digest] = (place, inode)
        if not todo:
            return
        if len(todo) <= MANY or not sync_file_system(self._shelf.folder):
            sync_files(place for place, _ in todo.values())
            for folder in sorted({os.path.dirname(place) for place, _ in todo.values()}):
                io.sync_folder(folder)
            self._sync_above()
        self._synced.update((digest, inode) for digest, (_, inode) in todo.items())

    def _sync_above(self) -> None:
        """The store's folder, which names the folders of blobs; and, once, those that lead to it."""
        io.sync_folder(self._shelf.folder)
        if "" not in self._synced:
            for above in Path(self._shelf.folder).parents[:2]:
                with suppress(PermissionError):
                    io.sync_folder(above)
            self._synced[""] = 0


def _identity(state: os.stat_result) -> _Identity:
    return state.st_ino, state.st_size, state.st_mtime_ns


def _abandoned(path: str) -> bool:
    """Whether the writer of a large unfinished file is gone: a living one holds a lock on it."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


_PORT: type[ArtifactStore] = LocalStore
