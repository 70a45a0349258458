"""Signatures: which pickles a project made itself, and may therefore load."""

from __future__ import annotations

import os
from pathlib import Path

from blake3 import blake3

from penstock.core import io
from penstock.errors import StoreError

VARIABLE = "PENSTOCK_SIGNING_KEY"
"""A team's shared secret; it goes before the project's own key."""
CONTEXT = "penstock 2026 signature of an artifact's manifest"


def signing_key(home: Path, *, make: bool = True) -> bytes | None:
    """The project's key: the environment's secret, else `home/key`, made on first use if `make`.

    None when there is none and none is to be made. The file is readable by its owner alone.
    """
    shared = os.environ.get(VARIABLE)
    if shared:
        return _derived(shared.encode("utf-8", "surrogateescape"))
    path = home / "key"
    with io.explained("read the signing key"):
        try:
            return _derived(_checked(path.read_bytes(), path))
        except FileNotFoundError:
            if not make:
                return None
    with io.explained("make the signing key"):
        io.mkdirs(home)
        _publish(path)
        return _derived(_checked(path.read_bytes(), path))


def sign(key: bytes, id: str) -> str:
    """The signature of a manifest by its id, which covers the digests of all its files."""
    return blake3(id.encode(), key=key).hexdigest()


def signed(key: bytes, id: str, signature: str) -> bool:
    # Equal digests of both, so that the time taken tells nothing of where they differ.
    return sign(key, sign(key, id)) == sign(key, signature)


def _derived(secret: bytes) -> bytes:
    return blake3(secret.strip(), derive_key_context=CONTEXT).digest()


def _checked(secret: bytes, path: Path) -> bytes:
    if len(secret.strip()) < 32:
        raise StoreError(
            f"the signing key at '{path}' is too short",
            hint="Put the file back from a copy, or delete it: a new key trusts no earlier pickles.",
        )
    return secret


def _publish(path: Path) -> None:
    # Whole, under a temporary name, then linked: of several processes that start, one key wins.
    beside = io.temporary(path)
    fd = io.create(beside, 0o600)
    try:
        io.write(fd, os.urandom(32).hex().encode() + b"\n")
        io.sync(fd)
    finally:
        os.close(fd)
    if not io.publish(beside, str(path)):
        io.unlink(beside)
    io.sync_folder(path.parent)
