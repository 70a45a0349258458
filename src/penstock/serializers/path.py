"""Paths: what a step made in its scratch folder is stored; any other path is a reference."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.artifacts.paths import walked
from penstock.core.digest import digest_struct
from penstock.core.ports import Encoded, Family, Files
from penstock.core.records import Manifest
from penstock.errors import ArtifactDamaged, ArtifactMissing, SerializationError


@dataclass(frozen=True)
class Paths:
    """A reference is the path (below the project's root: relative to it) and the content found there."""

    name: str = field(default="path", init=False)
    walked: bool = field(default=False, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Paths:
        return Paths(family)

    def accepts(self, value: object) -> bool:
        return isinstance(value, Path)

    def encode(self, value: Path, files: Files) -> Encoded:
        family = self._joined()
        if not family.owns(value):
            reference = self._reference(value)
            return Encoded(meta=reference, content=digest_struct("path", *reference.values()))
        if not value.exists():
            raise SerializationError(
                f"the step returned '{value}' and did not make it",
                hint="Write the file or folder before you return its path.",
            )
        content = digest_struct("made path", value.name, family.file_digest(value))
        meta: dict[str, Any] = {"name": value.name}
        if value.is_dir():
            meta["folders"] = _store(value, files)
        else:
            files.adopt(value, value.name)
        return Encoded(meta=meta, content=content)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Path:
        if "path" in manifest.meta:
            return self._find(manifest)
        target = self._joined().folder() / str(manifest.meta["name"])
        for folder in manifest.meta.get("folders", ()):
            (target / folder).mkdir(parents=True, exist_ok=True)
        for name in files:
            inside = target / name if "folders" in manifest.meta else target
            _copy(files[name], inside)
        return target

    def digest(self, value: Path) -> str:
        """Of the path and its content; of the path alone where nothing is there."""
        return digest_struct("path", *self._reference(value).values())

    def _reference(self, value: Path) -> dict[str, Any]:
        family = self._joined()
        content = family.file_digest(value) if os.path.lexists(value) else None
        return {"path": self._relative(value), "content": content}

    def _relative(self, value: Path) -> str:
        root = self._joined().root
        for full in (os.path.abspath(value), os.path.realpath(value)):
            if Path(full).is_relative_to(root):
                return os.path.relpath(full, root)
        return os.path.abspath(value)

    def _find(self, manifest: Manifest) -> Path:
        family, meta = self._joined(), manifest.meta
        path = family.root / str(meta["path"])
        if meta["content"] is None:
            return path
        if not os.path.lexists(path):
            raise ArtifactMissing(
                f"'{path}', to which an artifact refers, is gone",
                hint="Write to `context().scratch`, and the file is kept.",
            )
        if family.file_digest(path) != meta["content"]:
            raise ArtifactDamaged(
                f"'{path}' is not what it was when an artifact referred to it",
                hint="Write to `context().scratch`, and the file is kept.",
            )
        return path

    def _joined(self) -> Family:
        if self.family is None:
            raise SerializationError(
                "a path needs to know its project",
                hint="Use it by way of a stack's artifacts, or of `joined`.",
            )
        return self.family


def _store(folder: Path, files: Files) -> list[str]:
    """Add every file below; the folders, parents first."""
    folders = ["."]
    for where, inner, names in walked(folder, links=True):
        inner.sort()
        base = Path(where).relative_to(folder)
        folders += [str(base / name) for name in inner]
        for name in sorted(names):
            files.adopt(Path(where) / name, (base / name).as_posix())
    return folders


def _copy(source: Path | bytes, target: Path) -> None:
    if isinstance(source, bytes):
        target.write_bytes(source)
    else:
        shutil.copyfile(source, target)
