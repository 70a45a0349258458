"""A TOML file with the line of each of its keys, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from penstock.core.place import Place
from penstock.errors import ConfigError

Path = tuple[str, ...]

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_ASSIGN = re.compile(rf"\s*({_DOTTED})\s*=")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.S
)


class Toml:
    """What a TOML file says, and where."""

    def __init__(self, file: FilePath, text: str, shown: str = "") -> None:
        self.file = shown or file.name
        self._text = text
        try:
            self.values: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(
                f"{self.file} is not TOML: {error}", hint="See https://toml.io."
            ) from None
        self._lines: Mapping[Path, int] | None = None

    def place(self, *path: str) -> Place:
        """Where this key stands, or the nearest one that holds it."""
        if self._lines is None:
            # Asked for errors and by `penstock config` only.
            self._lines = dict(_lines(self._text))
        for length in range(len(path), 0, -1):
            if line := self._lines.get(path[:length]):
                return Place(self.file, line)
        return Place(self.file)


def _lines(text: str) -> Iterator[tuple[Path, int]]:
    # Strings and comments become as many newlines, so that only structure is left to look at;
    # quoted keys are kept, as they stand before a "." or "=" or inside a header.
    flat = _STRING.sub(lambda found: _blank(text, found), text)
    table: Path = ()
    depth = 0
    for number, line in enumerate(flat.splitlines(), 1):
        if depth == 0:
            if header := _HEADER.match(line):
                table = _split(header[1])
                for length in range(1, len(table) + 1):
                    yield table[:length], number
                continue
            if found := _ASSIGN.match(line):
                key = table + _split(found[1])
                for length in range(len(table) + 1, len(key) + 1):
                    yield key[:length], number
                line = line[found.end() :]
        depth += sum(line.count(c) for c in "[{") - sum(line.count(c) for c in "]}")


def _blank(text: str, found: re.Match[str]) -> str:
    rest = text[found.end() : found.end() + 40].lstrip(" \t")
    if found[0][0] in "\"'" and rest[:1] in (".", "=", "]"):
        return found[0]
    return "\n" * found[0].count("\n")


def _split(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))
