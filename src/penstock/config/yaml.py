"""YAML 1.2 by pyyaml: `1e-3` is a number, `12:30:00`, `on` and `no` are text, a key stands once."""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from penstock.core.place import Place
from penstock.errors import ConfigError

# The core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/, 10.3.2), and dates stay text:
# an annotation says what they are.
_CORE: tuple[tuple[str, str, str], ...] = (
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
)
DEEPEST = 100
"""Levels of lists and mappings: what walks through a value has a stack of its own."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self.deep_construct = True

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            mark = parent.start_mark if parent else None
            raise ComposerError(None, None, f"more than {DEEPEST} levels", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node in self.recursive_objects:
            raise ConstructorError(None, None, "this stands within itself", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, KeyError, AttributeError):
            # pyyaml reads `!!int foo` and `!!timestamp foo` without asking whether they are such.
            what = node.tag.rpartition(":")[2]
            raise ConstructorError(
                None, None, f"this cannot be read as {what}", node.start_mark
            ) from None

    def construct_int(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node))
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        _unique(node)
        return super().construct_mapping(node, deep)


for _name, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}",
        re.compile(rf"^(?:{_pattern})$"),
        [c if c != "\0" else "" for c in _first],
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_int)


class Yaml:
    """What a YAML file says, and where."""

    def __init__(self, text: str, shown: str) -> None:
        self.file = shown
        try:
            loader = _Loader(text)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise ConfigError(
                f"{Place(shown, line)}: the character {chr(error.character)!r} is not allowed",
                hint="The file is not valid YAML.",
            ) from None
        loader.name = shown
        try:
            root = loader.get_single_node()
            self._root = root
            value = loader.construct_document(root) if root is not None else None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(shown, mark.line + 1 if mark else 0)
            raise ConfigError(
                f"{place}: {error.problem or error.context}", hint="The file is not valid YAML."
            ) from None
        finally:
            loader.dispose()
        self.value: Any = value

    def place(self, *path: str) -> Place:
        """Where this key stands, or the nearest one that holds it."""
        line, node = 0, self._root
        for name in path:
            if not isinstance(node, yaml.MappingNode):
                break
            found = next(((k, v) for k, v in node.value if getattr(k, "value", None) == name), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return Place(self.file, line)


def read_yaml(path: Path) -> Yaml:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"no file '{path}'", hint="Give the path of a YAML file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read '{path}': {error}") from None
    return Yaml(text, str(path))


def _unique(node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            continue
        line = key.start_mark.line + 1
        if key.value in seen:
            raise ConfigError(
                f"{Place(str(key.start_mark.name), line)}: '{key.value}' stands twice",
                hint=f"It is set first in line {seen[key.value]}.",
            )
        seen[key.value] = line
