"""A place in a file, and what to say of a word that stands there wrongly."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from penstock.errors import ConfigError


class Place(NamedTuple):
    """A line of a file; line 0 is the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def near(word: str, words: Iterable[str]) -> str:
    """'Did you mean …?' or the list of what there is, for a hint."""
    known = sorted(set(words))
    if found := nearest(word, known):
        return f"Did you mean '{found}'?"
    return "There are: " + ", ".join(known) + "." if known else ""


def nearest(word: str, words: Iterable[str]) -> str:
    """The known word that is most like this one, or ""."""
    return next(iter(similar(word, words, 1)), "")


def similar(word: str, words: Iterable[str], most: int) -> list[str]:
    """The known words that are like this one, the most alike first."""
    # Loaded only when something is wrong: difflib takes 3 ms.
    from difflib import get_close_matches

    return get_close_matches(word, sorted(set(words)), most)


def unknown(kind: str, word: str, words: Iterable[str], place: Place) -> ConfigError:
    return ConfigError(f"{place}: '{word}' is not {kind}", hint=near(word, words))
