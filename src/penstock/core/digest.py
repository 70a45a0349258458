"""Digests: BLAKE3 of tagged structures, each naming its kind, so that two kinds never collide."""

from __future__ import annotations

from collections.abc import Iterable

from blake3 import blake3

Field = None | str | bytes | int | Iterable["Field"]


def digest_bytes(data: bytes | memoryview) -> str:
    """The digest of plain bytes: what names a stored file (64 hexadecimal digits)."""
    return blake3(data).hexdigest()


def digest_struct(kind: str, *fields: Field) -> str:
    """The digest of `fields` as a structure of this kind; nesting and types count."""
    parts: list[bytes] = []
    _write(kind, parts)
    for field in fields:
        _write(field, parts)
    return blake3(b"".join(parts)).hexdigest()


def digest_files(serializer: str, files: Iterable[tuple[str, str]]) -> str:
    """The content of a value in a canonical format: that of its files, as (name, digest) pairs."""
    return digest_struct("files", serializer, [part for file in files for part in file])


def _write(field: Field, parts: list[bytes]) -> None:
    # Each piece is its tag, its length and its bytes: no two structures share an encoding.
    match field:
        case str():
            data = field.encode("utf-8", "surrogatepass")
            parts.append(b"s%d:" % len(data))
            parts.append(data)
        case None:
            parts.append(b"n;")
        case bytes():
            parts.append(b"b%d:" % len(field))
            parts.append(field)
        case int():
            parts.append(b"i%d;" % field)
        case _:
            items = tuple(field)
            parts.append(b"(%d:" % len(items))
            for item in items:
                _write(item, parts)
