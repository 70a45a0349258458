"""Input data, kept beside a run's records, so that what it read can be had again."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from penstock.artifacts.codec import Artifacts, manifest_id
from penstock.artifacts.paths import walked
from penstock.core.records import Manifest

LIMIT = 16 << 20
"""Bytes of a file or folder up to which it is kept, unless `[retention] inputs` says otherwise."""


def keep(artifacts: Artifacts, path: Path, content: str, limit: int) -> Manifest | None:
    """A copy of a path that a step is given, named by the content that its key has; None if too large.

    Whatever stands in the way of a copy is no reason to fail: the record has the digest all the same.
    """
    try:
        if _size(path, limit) > limit:
            return None
        manifest, _ = artifacts.encode(path, scratch=path.parent)
    except OSError:
        return None
    named = replace(manifest, content=content)
    return replace(named, id=manifest_id(named))


def _size(path: Path, limit: int) -> int:
    if not path.is_dir():
        return path.stat().st_size
    total = 0
    for folder, _, files in walked(path):
        for name in files:
            total += os.stat(os.path.join(folder, name)).st_size
            if total > limit:
                return total
    return total
