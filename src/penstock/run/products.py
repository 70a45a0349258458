"""Products: what steps gave, as the rest of the run sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from penstock.core.calls import Argument
from penstock.core.digest import digest_struct
from penstock.core.records import Made


class Single(Struct, frozen=True):
    """A step that ended well: its outputs by name."""

    outputs: Mapping[str, Made]
    fields: type | None = None
    """The NamedTuple class, of a step with several outputs."""


class Mapped(Struct, frozen=True):
    """A map that ended well, item by item."""

    items: Sequence[Single]


class Grouped(Struct, frozen=True):
    """A mapped pipeline that ended well: what its inner steps gave lies under each item's index."""

    total: int


class Absent(Struct, frozen=True):
    """A step that gave nothing: skipped, failed, or outside this part of the pipeline."""

    reason: str
    failed: bool = False


Value = Single | Mapped | Grouped | Absent


class Item(Struct, frozen=True):
    """One element of what a map runs over."""

    digest: str
    argument: Argument
    classes: tuple[str, ...] = ()


class NotThere(Exception):
    """An input comes from a step that was skipped."""

    def __init__(self, absent: Absent) -> None:
        super().__init__(absent.reason)
        self.absent = absent


def whole(value: Single) -> str:
    """The content of all that a step returned."""
    if value.fields is None and len(value.outputs) == 1:
        return next(iter(value.outputs.values())).content
    return digest_struct(
        "outputs", tuple((name, one.content) for name, one in value.outputs.items())
    )
