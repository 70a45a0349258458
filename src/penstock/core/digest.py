"""Digests: BLAKE3 of tagged structures, each naming its kind, so that two kinds never collide."""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3
from msgspec import msgpack

_pack = msgpack.Encoder().encode
Field = None | str | bytes | int | Iterable["Field"]


def digest_bytes(data: bytes | memoryview) -> str:
    """The digest of plain bytes: what names a stored file (64 hexadecimal digits)."""
    return blake3(data).hexdigest()


def digest_struct(kind: str, *fields: Field) -> str:
    """The digest of `fields` as a structure of this kind; nesting and types count."""
    try:
        # MessagePack tells types and lengths apart, and writes each structure in one way.
        data = _pack((kind, fields))
    except (TypeError, UnicodeError, OverflowError):
        # Generators, half characters, integers over 64 bits.
        data = _by_hand((kind, fields))
    return blake3(data).hexdigest()


def digest_files(serializer: str, files: Iterable[tuple[str, str]]) -> str:
    """The content of a value in a canonical format: that of its files, as (name, digest) pairs."""
    return digest_struct("files", serializer, [part for file in files for part in file])


def _by_hand(fields: Field) -> bytes:
    """As MessagePack where it has a word for it, else by a code that it never uses (0xC1)."""
    match fields:
        case None | bytes():
            return _pack(fields)
        case str():
            try:
                return _pack(fields)
            except UnicodeError:
                return b"\xc1s" + _pack(fields.encode("utf-8", "surrogatepass"))
        case int():
            try:
                return _pack(fields)
            except OverflowError:
                return b"\xc1i" + _pack(b"%x" % fields)
        case _:
            items = tuple(fields)
            # An empty list of this length, to be filled by what follows.
            return _header(len(items)) + b"".join(map(_by_hand, items))


def _header(length: int) -> bytes:
    return _pack([None] * length)[: -length or None]
