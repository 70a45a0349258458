"""Secrets: read from their source where they are needed, and kept nowhere."""

from __future__ import annotations

import os

from penstock.errors import UsageError

SOURCES = ("env", "file")


def reveal(source: str, name: str) -> str:
    """The value of a secret: an environment variable, or a file without its last line's end."""
    match source:
        case "env":
            value = os.environ.get(name)
            if value is None:
                raise UsageError(
                    f"the secret 'env:{name}' is not there",
                    hint=f"Set the environment variable {name}.",
                )
            return value
        case "file":
            try:
                with open(name, encoding="utf-8") as file:
                    return file.read().removesuffix("\n")
            except OSError as error:
                raise UsageError(
                    f"the secret 'file:{name}' cannot be read: {error.strerror}",
                    hint="Is the path right, as seen from the process that runs the step?",
                ) from None
        case _:
            raise UsageError(f"a secret has no source '{source}'", hint='Write secret("env:NAME").')
