"""Values inside another one's artifact: which are kept together, and how one is read back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from penstock.core.ports import Family, Part, Serializer
from penstock.core.records import Manifest


@runtime_checkable
class Pooling(Serializer, Protocol):
    """A serializer that writes a list of its values as one, when they stand in one container."""

    def pool(self, value: object) -> str:
        """What the values that are kept together with this one have in common; "" for a part of its own."""
        ...


def read_part(
    family: Family, part: Part, prefix: str, manifest: Manifest, files: Mapping[str, Path | bytes]
) -> Any:
    """What `family.write` wrote with this prefix into the artifact of `manifest`."""
    return next(read_parts(family, {prefix: part}, manifest, files))


def read_parts(
    family: Family,
    parts: Mapping[str, Part],
    manifest: Manifest,
    files: Mapping[str, Path | bytes],
) -> Iterator[Any]:
    """Several, each with its prefix; there may be many thousands."""
    refs = {file.name: file for file in manifest.files}
    for prefix, part in parts.items():
        inner = msgspec.structs.replace(
            manifest,
            serializer=part.serializer,
            type=part.type,
            meta=part.meta,
            # A part is as trusted as the whole, whose signature covers the mark of each.
            unsafe=part.unsafe and manifest.unsafe,
            inline=None,
            files=tuple(
                msgspec.structs.replace(refs[prefix + name], name=name)
                for name in part.files
                if prefix + name in refs
            ),
        )
        inside = {name: files[prefix + name] for name in part.files}
        yield family.named(part.serializer).decode(inner, inside)
