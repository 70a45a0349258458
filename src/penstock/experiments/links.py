"""What a lineage is made of, and how it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal as OneOf

from msgspec import Struct


class Link(Struct, frozen=True, kw_only=True):
    """One thing in a lineage, and what it is joined to further on."""

    kind: OneOf["step", "file", "value", "read", "source", "more"]
    name: str
    """The parameter by which it came, or by which it was taken."""
    about: str
    """The value in a few words."""
    run: str = ""
    step: str = ""
    artifact: str = ""
    again: bool = False
    """It stands in this lineage already, with what it is joined to."""
    links: tuple[Link, ...] = ()


class Lineage(Struct, frozen=True, kw_only=True):
    """Where an artifact comes from, and where it went."""

    artifact: str
    about: str
    made_by: tuple[Link, ...]
    """The step that made it first, with all that it was given; none for what a run was given."""
    used_by: tuple[Link, ...]
    """Steps that took it, with those that took what they made; the same call of many runs is one.

    Of an artifact that many runs used, those of the run that made it, and of the newest ones.
    """

    def __str__(self) -> str:
        head = [f"{self.artifact[:12]}  {self.about}"]
        return "\n".join([*head, "made by", *drawn(self.made_by), "used by", *drawn(self.used_by)])


def drawn(links: Sequence[Link], before: str = "") -> Iterator[str]:
    """As a tree of lines."""
    if not links and not before:
        yield "  nothing on record"
    for at, link in enumerate(links):
        last = at == len(links) - 1
        yield f"{before}{'└─' if last else '├─'} {words(link)}"
        yield from drawn(link.links, before + ("   " if last else "│  ")) if link.links else ()


def words(link: Link) -> str:
    """A link on one line."""
    name = f"{link.name}: " if link.name else ""
    match link.kind:
        case "step":
            end = " (above)" if link.again else ""
            about = f"  {link.about}" if link.about else ""
            return f"{name}{link.step}  run {link.run}{about}{end}"
        case "file":
            return f"{name}file {link.about}"
        case "read":
            return f"read {link.about}, behind the key's back"
        case "more":
            return "…"
        case _:
            return f"{name}{link.about}"
