"""Streams: what a generator yields, stored in chunks as it comes and read back one item at a time.

Chunks are files of about a mebibyte, of *frames*. A frame holds one item, or a batch of small plain
ones; an item that is larger than a chunk has files of its own, and its frame names them. The index
has a record of fixed length for each item: its content, and where it stands. So neither writing nor
reading holds more than a chunk and an item, and a map takes any item by its number.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import GeneratorType
from typing import Any, overload
from uuid import UUID

import msgspec
from blake3 import blake3
from msgspec.structs import replace

from penstock.artifacts.files import NewFiles
from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.ports import Encoded, Family, Part
from penstock.core.records import FileRef, Manifest
from penstock.errors import ArtifactDamaged, SerializationError

STREAM = "stream"
INDEX = "index"
CHUNK = 1 << 20
"""Bytes from which a chunk is closed, and up to which an item is in one."""
BATCH = 1000
BATCH_BYTES = 1 << 16
"""Small plain items go together, up to so many, or about so many bytes."""
_ITERATORS: tuple[type, ...] = (
    GeneratorType, map, filter, zip, enumerate, reversed, type(reversed([])), type(iter([])), type(iter(())),
    itertools.accumulate, itertools.chain, itertools.combinations,
    itertools.combinations_with_replacement, itertools.compress, itertools.dropwhile,
    itertools.filterfalse, itertools.islice, itertools.pairwise, itertools.permutations,
    itertools.product, itertools.starmap, itertools.takewhile, itertools.zip_longest,
    *(vars(itertools)[name] for name in ("batched",) if name in vars(itertools)),
)  # fmt: skip
_SIZES = {
    type(None): 8,
    bool: 8,
    int: 16,
    float: 16,
    date: 24,
    timedelta: 24,
    UUID: 40,
}
_record = struct.Struct("<32sIII")
"""Of an item in the index: its content, its chunk, the start of its frame, its place in it."""
_length = struct.Struct("<Q")


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """An item, or a list of `batch` items; its files are inside, or `beside` after their prefix."""

    part: Part
    batch: int
    inside: tuple[bytes, ...] = ()
    beside: str = ""


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Frame).decode


def is_stream(value: object) -> bool:
    """Whether a value is stored item by item: a generator, or an iterator of Python's own that ends."""
    return type(value) in _ITERATORS


# ---- writing


class StreamWriter:
    """Takes items one by one; `hold` makes files that stay in memory up to a chunk's size.

    `digested` is told of a batch that its content is not asked for: that of its items is known.
    """

    def __init__(
        self,
        family: Family,
        files: NewFiles,
        hold: Callable[[], NewFiles],
        digested: Callable[[object], None],
        serializer: str,
    ) -> None:
        self._family, self._files, self._hold = family, files, hold
        self._digested = digested
        self._serializer = serializer
        self._index = files.create(INDEX)
        self._hasher = blake3(b"stream")
        self._batch: list[object] = []
        self._batch_bytes = 0
        self._chunk: list[bytes] = []
        self._chunks = 0
        self._offset = 0
        self._count = 0
        self._unsafe = False

    def add(self, item: object) -> None:
        """Store the next item. Raises SerializationError, which says which it was."""
        size = BATCH_BYTES + 1 if self._serializer else _weight(item, BATCH_BYTES)
        try:
            if size <= BATCH_BYTES:
                self._note(item, self._offset, len(self._batch))
                # It waits for its batch, and whoever yielded it may go on to change it.
                self._batch.append(_copied(item))
                self._batch_bytes += size
                if len(self._batch) >= BATCH or self._batch_bytes >= BATCH_BYTES:
                    self._close_batch()
            else:
                self._close_batch()
                start = self._offset
                self._frame(item, 0, self._serializer)
                # What was hashed while it was written is not hashed again.
                self._note(item, start, 0)
        except SerializationError as error:
            raise SerializationError(
                f"item {self._count} of what is yielded: {error.message}", hint=error.hint
            ) from error
        if self._offset >= CHUNK:
            self._close_chunk()

    def finish(self) -> Encoded:
        self._close_batch()
        self._close_chunk()
        self._index.close()
        content = digest_struct("stream", self._count, self._hasher.digest())
        return Encoded({"count": self._count}, content, self._unsafe)

    def _note(self, item: object, start: int, place: int) -> None:
        content = bytes.fromhex(self._family.digest(item))
        self._hasher.update(content)
        self._index.write(_record.pack(content, self._chunks, start, place))
        self._count += 1

    def _close_batch(self) -> None:
        if self._batch:
            batch, self._batch, self._batch_bytes = self._batch, [], 0
            self._digested(batch)
            self._frame(batch, len(batch), "")

    def _frame(self, value: object, batch: int, serializer: str) -> None:
        held = self._hold()
        try:
            part = self._family.write(value, held, "", serializer)
            inside = held.taken(CHUNK)
            beside = "" if inside is not None else f"{self._count}/"
            if inside is None:
                assert not batch, "a batch is weighed such that it is inside of a chunk"
                self._files.absorb(held, beside)
        except BaseException:
            held.discard()
            raise
        self._unsafe |= part.unsafe
        data = _pack(Frame(part, batch, inside or (), beside))
        self._chunk += (_length.pack(len(data)), data)
        self._offset += _length.size + len(data)

    def _close_chunk(self) -> None:
        if self._chunk:
            with self._files.create(_name(self._chunks), self._offset) as file:
                for data in self._chunk:
                    file.write(data)
            self._chunk, self._offset = [], 0
            self._chunks += 1


def _weight(value: Any, room: int, depth: int = 8) -> int:
    """About how many bytes a small plain value is; more than `room` for any other."""
    kind = type(value)
    if kind in _SIZES:
        return _SIZES[kind] if kind is not int else 16 + value.bit_length() // 8
    if kind is str or kind is bytes:
        return 16 + len(value)
    if kind is Decimal:
        return 32 + len(value.as_tuple().digits)
    if kind not in (list, tuple, dict) or not depth:
        return room + 1
    inner = value if kind is not dict else (*value, *value.values())
    size = 16
    for one in inner:
        size += _weight(one, room, depth - 1)
        if size > room:
            break
    return size


def _copied(value: Any) -> Any:
    """A small plain value whose containers are its own."""
    kind = type(value)
    if kind is list or kind is tuple:
        return kind(map(_copied, value))
    return {name: _copied(one) for name, one in value.items()} if kind is dict else value


def _name(chunk: int) -> str:
    return f"chunk-{chunk:06}"


# ---- reading

Decode = Callable[[Manifest, Mapping[str, Path | bytes]], Any]
"""A value by a manifest of its own, and its files."""


class StreamReader:
    """The items of a stored stream, by number or one after the other; `files` are verified as they are read."""

    def __init__(
        self, manifest: Manifest, files: Mapping[str, Path | bytes], decode: Decode
    ) -> None:
        self._manifest, self._files, self._decode = manifest, files, decode
        self._refs = {file.name: file for file in manifest.files}
        self._index = Contents(files[INDEX])

    def items(self) -> Iterator[Any]:
        """A generator, as the step that yielded was one."""
        chunk = 0
        left = len(self._index)
        while left:
            data = self._read(_name(chunk))
            start = 0
            while start < len(data):
                frame, start = _framed(data, start)
                left -= frame.batch or 1
                if frame.batch:
                    yield from self._value(frame)
                else:
                    yield self._value(frame)
            chunk += 1

    def item(self, number: int) -> Any:
        chunk, start, place = self._index.place(number)
        frame, _ = _framed(self._read(_name(chunk)), start)
        value = self._value(frame)
        return value[place] if frame.batch else value

    def _read(self, name: str) -> bytes:
        data = _bytes(self._files[name])
        # A store may rest on what it has verified before; what may run code is looked at each time.
        if self._manifest.unsafe and digest_bytes(data) != self._refs[name].digest:
            raise ArtifactDamaged(f"'{name}' of artifact '{self._manifest.id[:12]}' was changed")
        return data

    def _value(self, frame: Frame) -> Any:
        part, names, prefix = frame.part, frame.part.files, frame.beside
        files: Mapping[str, Path | bytes]
        if prefix:
            refs = tuple(replace(self._refs[prefix + name], name=name) for name in names)
            files = {name: self._files[prefix + name] for name in names}
        else:
            files = dict(zip(names, frame.inside, strict=True))
            # The chunk was verified: this only says which of its bytes are which file.
            refs = tuple(
                FileRef(n, digest_bytes(d), len(d))
                for n, d in zip(names, frame.inside, strict=True)
            )
        inner = replace(
            self._manifest,
            serializer=part.serializer,
            type=part.type,
            meta=part.meta,
            # A part is as trusted as the whole, whose signature covers the files that it is in.
            unsafe=part.unsafe and self._manifest.unsafe,
            inline=None,
            files=refs,
        )
        return self._decode(inner, files)


class Contents(Sequence[str]):
    """The content of each item, from the index."""

    def __init__(self, index: Path | bytes) -> None:
        self._data = _bytes(index)

    def __len__(self) -> int:
        return len(self._data) // _record.size

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[str]: ...
    def __getitem__(self, number: int | slice) -> str | Sequence[str]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        content: bytes = self._record(number)[0]
        return content.hex()

    def place(self, number: int) -> tuple[int, int, int]:
        """Of an item: its chunk, the start of its frame there, and its place in the frame."""
        _, chunk, start, place = self._record(number)
        return chunk, start, place

    def _record(self, number: int) -> tuple[Any, ...]:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return _record.unpack_from(self._data, number * _record.size)


def first_frames(
    files: Mapping[str, Path | bytes],
) -> Iterator[tuple[Part, int, Mapping[str, bytes]]]:
    """Of the first chunk: each frame's part, how many items it is a list of, and the files inside of it."""
    data = _bytes(files[_name(0)]) if _name(0) in files else b""
    start = 0
    while start < len(data):
        frame, start = _framed(data, start)
        inside = dict(zip(frame.part.files, frame.inside, strict=True)) if frame.inside else {}
        yield frame.part, frame.batch, inside


def narrowed(manifest: Manifest, contents: Contents, number: int) -> Manifest:
    """The manifest with the files of one item only: what a call that takes it needs to know.

    A signed one stays whole, for its signature is of all of it.
    """
    if manifest.unsafe:
        return manifest
    chunk = _name(contents.place(number)[0])
    files = tuple(
        file
        for file in manifest.files
        if file.name in (INDEX, chunk) or file.name.startswith(f"{number}/")
    )
    return replace(manifest, files=files)


def _framed(data: bytes, start: int) -> tuple[Frame, int]:
    """The frame that begins here, and where the next one does."""
    begin = start + _length.size
    end = begin + _length.unpack_from(data, start)[0]
    return _unpack(memoryview(data)[begin:end]), end


def _bytes(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()
