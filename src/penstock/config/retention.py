"""`[retention]`: which runs `penstock gc` removes, unless its options say otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from penstock.config.coerce import seconds
from penstock.core.place import Place
from penstock.core.resources import amount
from penstock.errors import ConfigError, DefinitionError, UsageError
from penstock.run.retention import Retention

RETENTION = ("inputs", "keep", "keep_last", "keep_tags")


def retained(table: Mapping[str, Any], place: Callable[[str], Place]) -> Retention:
    """The rules of this table, checked; `place` says where a setting stands. Raises ConfigError."""
    keep, last, tags = (table.get(name) for name in RETENTION[1:])
    if last is not None and (type(last) is not int or last < 1):
        raise ConfigError(
            f"{place('keep_last')}: 'keep_last' is not a number of runs", hint="keep_last = 50"
        )
    if not isinstance(tags or [], list) or not all(isinstance(tag, str) for tag in tags or []):
        raise ConfigError(
            f"{place('keep_tags')}: 'keep_tags' is not a list of tags", hint='keep_tags = ["prod"]'
        )
    for name, read in (("keep", lifetime), ("inputs", amount)):
        try:
            if name in table:
                read(table[name])
        except (UsageError, DefinitionError) as error:
            raise ConfigError(f"{place(name)}: {error.message}", hint=error.hint) from error
    return Retention(None if keep is None else lifetime(keep), last, frozenset(tags or ()))


def lifetime(value: Any) -> float:
    """In seconds. A number alone may be meant as days, or as runs: what is removed is gone."""
    text = str(value).strip()
    if text.isdecimal() and int(text):
        raise UsageError(
            f"'{text}' has no unit", hint=f"Write {text}s, {text}m, {text}h or {text}d."
        )
    return seconds(value)
