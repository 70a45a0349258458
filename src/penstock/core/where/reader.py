"""The grammar of filters: or, then and, then not, then a comparison."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from penstock.core.conditions import All, Condition, Field, Names, Not, Some, Subject, Term, terms
from penstock.core.where.fields import FIELDS
from penstock.core.where.meaning import Refused, compared
from penstock.core.where.names import UNCHECKED, named
from penstock.core.where.words import Word, words, wrong
from penstock.errors import UsageError

DEEPEST = 50
MOST = 500
"""Comparisons in one filter."""
COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "~", "!~")
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_NUMBER = re.compile(r"[-+.]?\d")


def where(text: str, names: Names = UNCHECKED, now: datetime | None = None) -> Condition:
    """Raises UsageError, which shows the place. `names` are what the store knows: others are refused."""
    found = _Reader(text, names, now or datetime.now()).all()
    if sum(1 for _ in terms(found)) > MOST:
        raise UsageError(
            f"the filter has more than {MOST} comparisons", hint="Ask for less at once."
        )
    return found


class _Reader:
    """Reads words from left to right: or, then and, then not, then a comparison."""

    def __init__(self, text: str, names: Names, now: datetime) -> None:
        self._text, self._names, self._now = text, names, now
        self._words = words(text)
        self._at = 0
        self._depth = 0

    def all(self) -> Condition:
        if len(self._words) == 1:
            raise UsageError("the filter is empty", hint="For example: depth>6 and tag=try")
        found = self._either()
        if self._next.kind != "end":
            raise self._wrong(self._next, f"'{self._next.text}' comes unexpectedly", _JOINED)
        return found

    # ---- words

    @property
    def _next(self) -> Word:
        return self._words[self._at]

    def _take(self) -> Word:
        word = self._next
        self._at += word.kind != "end"
        return word

    def _takes(self, *texts: str) -> bool:
        """Take the next word if it is one of these."""
        if self._next.kind in ("quoted", "name") or self._next.text.lower() not in texts:
            return False
        self._at += 1
        return True

    def _wrong(self, word: Word, what: str, hint: str = "") -> UsageError:
        return wrong(self._text, word, what, hint)

    # ---- and, or, not

    def _either(self) -> Condition:
        return self._joined(self._both, ("or", "||", "|"), Some)

    def _both(self) -> Condition:
        return self._joined(self._negated, ("and", "&&", "&"), All)

    def _joined(
        self, one: Callable[[], Condition], word: tuple[str, ...], join: type[All] | type[Some]
    ) -> Condition:
        found = [one()]
        while self._takes(*word):
            found.append(one())
        return found[0] if len(found) == 1 else join(tuple(found))

    def _negated(self) -> Condition:
        first = self._next
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(first, "the filter is nested too deeply", "")
        try:
            if self._takes("not", "!"):
                return Not(self._negated())
            if self._takes("("):
                inner = self._either()
                if not self._takes(")"):
                    raise self._wrong(first, "this parenthesis is not closed", "")
                return inner
            return self._comparison()
        finally:
            self._depth -= 1

    # ---- comparisons

    def _comparison(self) -> Condition:
        first = self._take()
        if first.kind not in ("word", "quoted", "name"):
            what = (
                "the filter ends too early" if first.kind == "end" else f"'{first.text}' is no name"
            )
            raise self._wrong(first, what, "Here a name is expected: depth>6")
        if self._is_value(first):
            return self._flipped(first)
        found = named(self._text, first, self._names)
        negated = self._takes("not")
        if self._takes("in"):
            options = Some(tuple(self._test(first, found, "=", one) for one in self._list()))
            return Not(options) if negated else options
        if negated:
            raise self._wrong(self._next, "after 'not' here comes 'in'", "depth not in (4, 6)")
        operator = self._operator()
        if operator is None:
            if isinstance(found, Field) and FIELDS[found.name] == "flag":
                return Term(found, "=", "true")
            raise self._wrong(first, f"'{first.text}' is compared with nothing", _COMPARED)
        return self._test(first, found, operator, self._value())

    def _is_value(self, word: Word) -> bool:
        """Whether a comparison begins with its value: 4 < depth."""
        if word.kind == "quoted":
            return True
        return word.kind == "word" and bool(_NUMBER.match(word.text))

    def _flipped(self, value: Word) -> Condition:
        operator = self._operator()
        if operator not in _FLIPPED:
            raise self._wrong(
                value, f"'{value.text}' is a value, not a name", "A name comes first: depth>6"
            )
        name = self._take()
        if name.kind not in ("word", "name"):
            raise self._wrong(name, "here a name is expected", "For example 4 < depth")
        found = named(self._text, name, self._names)
        test = self._test(name, found, _FLIPPED[operator], value)
        if (second := self._operator()) is None:
            return test
        return All((test, self._test(name, found, second, self._value())))

    def _operator(self) -> str | None:
        word = self._next
        if word.kind != "operator" or word.text not in COMPARISONS:
            return None
        return self._take().text

    def _value(self) -> Word:
        word = self._take()
        if word.kind in ("word", "quoted"):
            return word
        raise self._wrong(word, "a value is missing here", 'A word, a number, or "quoted text".')

    def _list(self) -> list[Word]:
        opened = self._next
        if not self._takes("(", "["):
            raise self._wrong(opened, "after 'in' comes a list", "For example depth in (4, 6, 8)")
        found = [self._value()]
        while self._takes(",") and self._next.text not in (")", "]"):
            found.append(self._value())
        if not self._takes(")", "]"):
            raise self._wrong(
                self._next, "this list is not closed", "For example depth in (4, 6, 8)"
            )
        return found

    def _test(self, name: Word, subject: Subject, operator: str, value: Word) -> Condition:
        if operator.startswith("!"):
            return Not(self._test(name, subject, "=" if operator == "!=" else "~", value))
        try:
            return compared(subject, operator, value, self._now)
        except Refused as refused:
            raise self._wrong(value, refused.what, refused.hint) from None


_JOINED = "Join comparisons with 'and' or 'or'; quote a text that has spaces."
_COMPARED = "Compare it with =, !=, <, <=, >, >=, ~ (contains), or in (…)."
