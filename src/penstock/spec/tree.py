"""YAML as a tree that knows its lines: from a parser's events, without anchors, tags and surprises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from penstock.core.place import Place
from penstock.errors import ConfigError
from penstock.spec.scalars import typed

DEEPEST = 100
LARGEST = 64 << 20
"""Characters of a file: a spec of 10,000 steps has a few million."""


@dataclass(frozen=True, slots=True)
class Scalar:
    value: Any
    line: int


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Tree, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Mapping:
    items: tuple[tuple[Scalar, Tree], ...]
    line: int


Tree = Scalar | Sequence | Mapping


def read_tree(data: bytes | str, shown: str) -> Tree:
    """The one document of a file. Raises ConfigError with the line."""
    text = data if isinstance(data, str) else _decoded(data, shown)
    if len(text) > LARGEST:
        raise ConfigError(f"{shown}: {len(text) >> 20} MiB are too much for a spec")
    try:
        return _Composer(text, shown).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(shown, mark.line + 1 if mark else 0)
        raise ConfigError(
            f"{place}: {error.problem or error.context}", hint="The file is not valid YAML."
        ) from None
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        reason = getattr(error, "reason", "") or str(error).partition("\n")[0]
        raise ConfigError(f"{shown}: {reason}", hint="The file is not valid YAML.") from None


def _decoded(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{Place(shown, line)}: this is not UTF-8", hint="Save the file as UTF-8."
        ) from None


class _Composer:
    def __init__(self, text: str, shown: str) -> None:
        # libyaml's parser where it is there, ten times as fast; composing is left to us, as its own
        # recursion has no end.
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._loader = loader(text)
        self._shown = shown
        self._depth = 0

    def document(self) -> Tree:
        try:
            events = self._events()
            next(events)
            first = next(events)
            if isinstance(first, yaml.StreamEndEvent):
                raise ConfigError(f"{self._shown}: the file is empty")
            tree = self._tree(next(events), events)
            next(events)
            if not isinstance(more := next(events), yaml.StreamEndEvent):
                raise self._wrong(more, "a second document begins here", "Remove it.")
            return tree
        finally:
            self._loader.dispose()

    def _events(self) -> Iterator[Any]:
        while True:
            yield self._loader.get_event()

    def _tree(self, event: Any, events: Iterator[Any]) -> Tree:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._wrong(
                event, "anchors and aliases (&name, *name) are not read here", "Write it out."
            )
        if getattr(event, "tag", None) not in (None, "!"):
            raise self._wrong(
                event,
                f"the tag '{event.tag}' is not read here",
                'Write an expression: = Path("a").',
            )
        match event:
            case yaml.ScalarEvent():
                return Scalar(self._scalar(event), line)
            case yaml.SequenceStartEvent():
                return Sequence(tuple(self._items(event, events)), line)
            case yaml.MappingStartEvent():
                return Mapping(tuple(self._pairs(event, events)), line)
        raise self._wrong(event, "the file is not valid YAML", "")

    def _scalar(self, event: Any) -> Any:
        if not event.implicit[0]:
            return event.value
        try:
            return typed(event.value)
        except ValueError as error:  # more digits than Python reads
            raise self._wrong(event, str(error), "Write it in hexadecimal: 0x…") from None

    def _items(self, start: Any, events: Iterator[Any]) -> Iterator[Tree]:
        self._deeper(start)
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            yield self._tree(event, events)
        self._depth -= 1

    def _pairs(self, start: Any, events: Iterator[Any]) -> Iterator[tuple[Scalar, Tree]]:
        self._deeper(start)
        seen: dict[tuple[type, Any], int] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._tree(event, events)
            if not isinstance(key, Scalar):
                raise self._wrong(event, "a key is a list or a mapping", "Write text as a key.")
            if key.value == "<<" and event.implicit[0]:
                raise self._wrong(event, "'<<' does not merge here", "Write the keys out.")
            told = (type(key.value), key.value)
            if told in seen:
                raise self._wrong(
                    event, f"'{key.value}' stands twice", f"It is set first in line {seen[told]}."
                )
            seen[told] = key.line
            yield key, self._tree(next(events), events)
        self._depth -= 1

    def _deeper(self, event: Any) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(event, f"more than {DEEPEST} levels", "")

    def _wrong(self, event: Any, what: str, hint: str) -> ConfigError:
        return ConfigError(f"{Place(self._shown, event.start_mark.line + 1)}: {what}", hint=hint)
