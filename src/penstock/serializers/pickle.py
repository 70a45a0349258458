"""The last resort: any value, as a pickle, marked as one that may run code when it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.core import unsafe
from penstock.core.ports import Encoded, Family, Files
from penstock.core.records import Manifest
from penstock.core.walk import digest_plain, unfold
from penstock.errors import ArtifactDamaged, Untrusted

FILE = "value.pickle"


@dataclass(frozen=True)
class Pickle:
    name: str = field(default="pickle", init=False)
    walked: bool = field(default=True, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Pickle:
        return Pickle(family)

    def accepts(self, value: object) -> bool:
        return True

    def pool(self, value: object) -> str:
        return "pickle"  # what is shared between values stays shared

    def encode(self, value: Any, files: Files) -> Encoded:
        # The walk first: it refuses what must not be stored before any of it is.
        content = self.digest(value)
        with files.create(FILE) as file:
            unsafe.dump(value, file)
        return Encoded(content=content, unsafe=True)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        return read(FILE, manifest, files, self.family)

    def digest(self, value: Any) -> str:
        return digest_plain(value, unfold) if self.family is None else self.family.digest(value)


def read(
    name: str,
    manifest: Manifest,
    files: Mapping[str, Path | bytes],
    family: Family | None,
    aside: unsafe.Aside | None = None,
) -> Any:
    """The value in a stored pickle; without a family there is nobody to vouch for it."""
    if family is None:
        raise Untrusted(
            f"nobody vouches for artifact '{manifest.id[:12]}', a pickle",
            hint="Load it by way of a stack's artifacts, or of `joined`.",
        )
    for file in manifest.files:
        if file.name == name:
            return unsafe.load(files[name], file, manifest, family.vouch, aside)
    raise ArtifactDamaged(f"the record of artifact '{manifest.id[:12]}' names no '{name}'")
