"""The files of one artifact while they are written: small ones in memory, others in the store."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from msgspec.structs import replace

from penstock.core.digest import digest_bytes, digest_files
from penstock.core.ports import ArtifactStore, Writer
from penstock.core.records import INLINE_LIMIT, FileRef, Manifest
from penstock.errors import ArtifactDamaged, SerializationError


class NewFile(io.RawIOBase):
    """A file that begins in memory, and moves to the store when it outgrows a manifest's row."""

    _writer: Writer | None = None  # Of the class: one that was interrupted in its making goes, too.

    def __init__(self, store: ArtifactStore, name: str, size: int | None, limit: int) -> None:
        self._store = store
        self._size = size
        self._limit = limit
        self._small: list[bytes] = []
        self._length = 0
        self.name = name
        self.ref: FileRef | None = None

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B") if not isinstance(data, bytes) else data
        length = len(view)
        if self._writer is None and self._length + length > self._limit:
            self._writer = self._store.writer(self._size)
            if self._small:
                self._writer.write(b"".join(self._small))
                self._small = []
        self._length += length
        if self._writer is None:
            self._small.append(bytes(view))
        else:
            self._writer.write(view)
        return length

    def close(self) -> None:
        if not self.closed and self._writer is not None and self.ref is None:
            self.ref = self._writer.commit(self.name)
        super().close()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Half a file is never put into the store.
        self.close() if kind is None else self.abort()

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
        self._small = []
        super().close()

    def small(self) -> bytes | None:
        """All of it, if it never left memory."""
        return b"".join(self._small) if self._writer is None and self.ref is None else None

    def digest(self) -> str:
        """Of its bytes, once it is closed."""
        small = self.small()
        return self.settled().digest if small is None else digest_bytes(small)

    def rename(self, name: str) -> None:
        self.name = name
        if self.ref is not None:
            self.ref = replace(self.ref, name=name)

    def settled(self) -> FileRef:
        """The file in the store, put there now if it still is in memory."""
        if self.ref is None:
            self._writer = self._writer or self._store.writer(self._length)
            for part in self._small:
                self._writer.write(part)
            self.ref = self._writer.commit(self.name)
        return self.ref

    def __del__(self) -> None:
        # What was neither closed nor aborted is not to appear because it is forgotten.
        self.abort()


class NewFiles:
    """`Files` over an artifact store; those of up to `limit` bytes stay in memory to the end."""

    def __init__(self, store: ArtifactStore, limit: int = INLINE_LIMIT) -> None:
        self._store = store
        self._limit = limit
        self._files: dict[str, NewFile] = {}

    def create(self, name: str, size: int | None = None) -> BinaryIO:
        return cast("BinaryIO", self._add(name, size))

    def adopt(self, path: Path, name: str) -> None:
        size = path.stat().st_size
        file = self._add(name, size)
        if size <= self._limit:
            file.write(path.read_bytes())
        else:
            file.ref = self._store.adopt(path, name)
        file.close()

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self._files.pop(name).abort()

    def discard(self) -> None:
        """Forget all that was written: the value is to be written another way, or not at all."""
        self.remove(list(self._files))

    def content(self, serializer: str, names: Sequence[str], prefix: str = "") -> str:
        """The content of a value in a canonical format, by the files that it was written to."""
        found = [(name, self._files[prefix + name].digest()) for name in names]
        return digest_files(serializer, found)

    def taken(self, limit: int) -> tuple[bytes, ...] | None:
        """The bytes of all files, if all are in memory and no more than `limit` together."""
        found = [file.small() for file in self._files.values()]
        data = tuple(one for one in found if one is not None)
        return data if len(data) == len(found) and sum(map(len, data)) <= limit else None

    def absorb(self, others: NewFiles, prefix: str) -> None:
        """Take over the files of others, each name after a prefix."""
        for name, file in others._files.items():
            file.settled()
            file.rename(prefix + name)
            self._files[prefix + name] = file
        others._files = {}

    def finish(self) -> tuple[tuple[FileRef, ...], bytes | None]:
        """The files, and the bytes of an only one that fits in a manifest's row."""
        files = tuple(self._files.values())
        if len(files) == 1 and (data := files[0].small()) is not None:
            return (FileRef(files[0].name, digest_bytes(data), len(data)),), data
        return tuple(file.settled() for file in files), None

    def _add(self, name: str, size: int | None) -> NewFile:
        if name in self._files:
            raise SerializationError(f"the file '{name}' of an artifact was written twice")
        file = NewFile(self._store, name, size, self._limit)
        self._files[name] = file
        return file


class Below:
    """`Files` of an inner value: each name after a prefix."""

    def __init__(self, files: NewFiles | Below, prefix: str) -> None:
        self._files = files
        self._prefix = prefix
        self.written: list[str] = []

    def content(self, serializer: str, names: Sequence[str], prefix: str = "") -> str:
        return self._files.content(serializer, names, self._prefix + prefix)

    def create(self, name: str, size: int | None = None) -> BinaryIO:
        self.written.append(name)
        return self._files.create(self._prefix + name, size)

    def adopt(self, path: Path, name: str) -> None:
        self.written.append(name)
        self._files.adopt(path, self._prefix + name)

    def remove(self, names: Sequence[str]) -> None:
        gone = frozenset(names)
        self.written = [name for name in self.written if name not in gone]
        self._files.remove([self._prefix + name for name in names])

    def discard(self) -> None:
        self.remove(self.written)


class Stored(Mapping[str, Path | bytes]):
    """The files of an artifact by name, each verified when it is asked for."""

    def __init__(self, store: ArtifactStore, manifest: Manifest) -> None:
        self._store = store
        self._files = {file.name: file for file in manifest.files}

    def __getitem__(self, name: str) -> Path:
        return self._store.path(self._files[name], verify=True)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def fetched(store: ArtifactStore, manifest: Manifest) -> Mapping[str, Path | bytes]:
    """What a serializer reads of this artifact."""
    if manifest.inline is None:
        return Stored(store, manifest)
    file = manifest.files[0]
    if digest_bytes(manifest.inline) != file.digest:
        raise ArtifactDamaged(
            f"the bytes of artifact '{manifest.id[:12]}' in its row are not those recorded",
            hint="Run its step again: `penstock run … --refresh STEP`.",
        )
    return {file.name: manifest.inline}
