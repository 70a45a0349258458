"""Secrets cut out of what a step prints, also where one is split between two writes."""

from __future__ import annotations

from collections.abc import Iterable

MASK = b"***"
SHORTEST = 3
"""Shorter secrets are left: cutting out each "a" would hide the log and not the secret."""


class Redactor:
    """Bytes in, bytes without secrets out; what may be the beginning of one is held back."""

    def __init__(self, secrets: Iterable[str]) -> None:
        found = {secret.encode(errors="surrogateescape") for secret in secrets}
        self.secrets = tuple(
            sorted((s for s in found if len(s) >= SHORTEST), key=len, reverse=True)
        )
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        for secret in self.secrets:
            data = data.replace(secret, MASK)
        keep = max((_overlap(data, secret) for secret in self.secrets), default=0)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def finish(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def text(self, text: str) -> str:
        """A whole text at once."""
        for secret in self.secrets:
            text = text.replace(secret.decode(errors="surrogateescape"), MASK.decode())
        return text


def _overlap(data: bytes, secret: bytes) -> int:
    """How many bytes at the end of `data` may be the beginning of `secret`."""
    for length in range(min(len(data), len(secret) - 1), 0, -1):
        if data.endswith(secret[:length]):
            return length
    return 0
