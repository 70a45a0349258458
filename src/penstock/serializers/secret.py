"""Secrets of pydantic: never stored, wherever in a value they stand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import SerializationError

NAMES = ("Secret", "SecretStr", "SecretBytes")


class Secrets:
    """Takes `SecretStr` and its like, to refuse them: an artifact would show them to all its readers."""

    name = "secret"

    def accepts(self, value: object) -> bool:
        types = sys.modules.get("pydantic.types")
        return types is not None and isinstance(
            value, tuple(getattr(types, name, ()) for name in NAMES)
        )

    def encode(self, value: Any, files: Files) -> Encoded:
        _refuse(value)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        _refuse(manifest)

    def digest(self, value: Any) -> str:
        _refuse(value)


def _refuse(value: object) -> NoReturn:
    raise SerializationError(
        f"a value holds a '{type(value).__name__}', and secrets are not stored",
        hint='Give `secret("env:NAME")` to the step that needs it, and leave it out of what is returned.',
    )
