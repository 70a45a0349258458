"""What is left of a value whose class is gone: a read-only record of its fields."""

from __future__ import annotations

import warnings
from typing import Any, NoReturn


class Gone:
    """The fields of a value whose class was removed or renamed since it was stored.

    They are read as attributes, or all at once by `vars()`; nothing can be set.
    """

    missing = ""
    """"module:qualname" of the class that is gone."""

    def __new__(cls, *args: Any, **fields: Any) -> Gone:
        record = super().__new__(cls)
        vars(record).update(fields)
        if args:
            vars(record)["args"] = args
        return record

    def __init__(self, *args: Any, **fields: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        match state:
            case (dict() | None as attributes, dict() as slots):
                vars(self).update({**(attributes or {}), **slots})
            case dict():
                vars(self).update(state)
            case _:
                vars(self)["state"] = state

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"'{name}' is not a field of this record; its class '{self.missing}' is gone", name=name
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"read-only: what is left of a '{self.missing}', which is gone")

    __delattr__ = __setattr__  # type: ignore[assignment]  # one argument less, the same answer

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Gone) and self.missing == other.missing and vars(self) == vars(other)
        )

    __hash__ = None  # type: ignore[assignment]  # like other values compared by their fields

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"<{self.missing} (gone): {fields}>"

    # What a pickle does to subclasses of list and dict.

    def append(self, item: object) -> None:
        vars(self).setdefault("items", []).append(item)

    def extend(self, items: Any) -> None:
        vars(self).setdefault("items", []).extend(items)

    def __setitem__(self, key: object, value: object) -> None:
        vars(self).setdefault("entries", {})[key] = value


def gone(name: str) -> type[Gone]:
    """The class of records in place of the class "module:qualname"; a warning notes it."""
    warnings.warn(
        f"the class '{name}' is gone: its values are shown as read-only records of their fields",
        stacklevel=3,
    )
    return type("Gone", (Gone,), {"missing": name, "__module__": __name__})
