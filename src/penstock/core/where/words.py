"""A filter's text as words, each with its place; and what is said of one that stands there wrongly."""

from __future__ import annotations

import re
from typing import Literal as OneOf
from typing import NamedTuple

from penstock.errors import UsageError

Kind = OneOf["word", "quoted", "name", "operator", "bracket", "end"]
WORD = re.compile(r"""[^\s()\[\],<>=!~&|'"`]+(?:\[\d+(?:\.\d+)*\][^\s()\[\],<>=!~&|'"`]*)?""")
_TOKEN = re.compile(
    rf"""
      (?P<bracket>[()\[\],])
    | (?P<operator><=|>=|!=|==|<>|!~|=~|&&|\|\||[=<>~!&|])
    | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<name>`[^`]+`)
    | (?P<word>{WORD.pattern})
    """,
    re.VERBOSE,
)
_SAME = {"==": "=", "<>": "!=", "=~": "~"}


class Word(NamedTuple):
    """A piece of the text: what it says, and where it stands."""

    kind: Kind
    text: str
    at: int
    length: int


def words(text: str) -> list[Word]:
    """Raises UsageError where the text is no filter's."""
    found: list[Word] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            closing = text[at] in "'\"`"
            what = (
                f"the quote {text[at]} is not closed" if closing else f"'{text[at]}' means nothing"
            )
            raise wrong(text, Word("end", text[at], at, 1), what, "")
        kind: Kind = match.lastgroup  # type: ignore[assignment]  # the groups are the kinds
        found.append(Word(kind, _said(kind, match[0]), at, len(match[0])))
        at = match.end()
    return [*found, Word("end", "", len(text), 1)]


def _said(kind: Kind, text: str) -> str:
    if kind == "quoted":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    if kind == "name":
        return text[1:-1]
    return _SAME.get(text, text)


def wrong(text: str, word: Word, what: str, hint: str) -> UsageError:
    """With the text, a caret under the word, and the next move."""
    line = "".join(" " if character.isspace() else character for character in text)
    return UsageError(what, hint=f"{line}\n{' ' * word.at}{'^' * word.length}\n{hint}".rstrip("\n"))
