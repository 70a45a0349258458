"""The words of an expression, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from penstock.errors import UsageError


class Token(NamedTuple):
    kind: str
    text: str


_PATTERNS = (
    ("space", r"\s+"),
    ("string", r"[bB]?(?:\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"),
    ("number", r"0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?(?![\w.])"),
    ("param", r"\$(?:`[^`]+`|[^\W\d]\w*(?:\.\w+)*)"),
    ("code", r"[^\W\d]\w*(?:\.\w+)*:[^\W\d]\w*(?:\.\w+)*"),
    ("name", r"`[^`]+`|[^\W\d]\w*(?:-\w+)*"),
    ("sign", r"\*\*|//|==|!=|<=|>=|[-+*/%<>&|~()\[\]{},=.:]"),
)
_TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PATTERNS))
END = Token("end", "")


def tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise UsageError(
                f"'{text[position:][:20]}' is no part of an expression",
                hint="Write a step's name, $parameter, a value, or a small computation of them.",
            )
        position = found.end()
        if found.lastgroup != "space":
            yield Token(found.lastgroup or "", found[0])
    yield END
