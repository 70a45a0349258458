"""One artifact on a terminal: what it is, a look into it, its origin, its users and its lineage."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.cli.terminal import cells, fit, terminal
from penstock.client import Client, in_bytes
from penstock.core.tame import printable
from penstock.experiments.artifact import Card, Consumer, Producer, card, find
from penstock.experiments.lineage import lineage
from penstock.experiments.links import drawn
from penstock.serializers.preview import Preview

SHOWN = 5
"""Steps that made or used it, and files, that are listed; --json has all."""


def show(reader: Client, name: str, *, tree: bool, as_json: bool) -> None:
    """By any of its names; with its lineage as a `tree` if asked. Raises NotFound."""
    named = find(reader, name)
    found = card(reader, named.manifest)
    lines = lineage(reader, named) if tree else None
    if as_json:
        from msgspec import to_builtins

        facts = to_builtins(found)
        terminal.json(facts | {"lineage": to_builtins(lines)} if lines else facts)
        return
    if lines is None:
        _head(found)
        _preview(found)
        return
    terminal.out(_title(found))
    for title, links in (("made by", lines.made_by), ("used by", lines.used_by)):
        terminal.out()
        terminal.out(terminal.style(title, "bold"))
        for line in drawn(links):
            terminal.out(fit(f"  {line}", terminal.width))


def _head(found: Card) -> None:
    terminal.out(_title(found))
    facts = {
        "type": printable(found.type),
        "format": found.serializer + (", with a pickle: signed, not safe" if found.unsafe else ""),
        "size": in_bytes(found.size),
        "content": found.content,
        "files": _files(found),
        "made by": _uses(found.made_by[:1], len(found.made_by)),
        "used by": _uses(found.used_by[-SHOWN:], len(found.used_by)),
    }
    for name, value in facts.items():
        for line in value.splitlines():
            # Paths and digests are copied: a narrow terminal wraps them.
            terminal.out(f"  {terminal.style(f'{name:<8}', 'dim')} {line}")
            name = ""


def _title(found: Card) -> str:
    return terminal.style(f"artifact {found.id[:12]}", "bold") + f"  {printable(found.about)}"


def _files(found: Card) -> str:
    if not found.paths:
        return "in the record"
    if len(found.paths) == 1:
        return found.paths[0]
    more = [f"and {len(found.paths) - SHOWN} more"] if len(found.paths) > SHOWN else []
    named = zip((printable(name) for name, _ in found.files), found.paths, strict=False)
    return "\n".join([*(f"{name}  {path}" for name, path in [*named][:SHOWN]), *more])


def _uses(uses: Sequence[Producer] | Sequence[Consumer], total: int) -> str:
    lines = [printable(str(use)) for use in uses]
    if total > len(uses):
        lines.append(f"and {total - len(uses)} more")
    return "\n".join(lines)


def _preview(found: Card) -> None:
    look: Preview = found.preview
    if look.columns:
        terminal.out()
        rows = [tuple(printable(cell)[:60] for cell in row) for row in look.rows]
        _table([printable(name) for name in look.columns], rows)
    if look.text:
        terminal.out()
        for line in look.text.splitlines():
            terminal.out(printable(line))
    if look.more:
        terminal.out(terminal.style("…", "dim"))
    if look.picture and found.paths:
        where = dict(zip((name for name, _ in found.files), found.paths, strict=False))
        terminal.out()
        terminal.out(f"picture  {where.get(look.picture, look.picture)}")
    if found.problem:
        terminal.out()
        terminal.note(found.problem)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The columns that fit; others are counted."""
    room, count = terminal.width, 0
    for number, title in enumerate(head):
        room -= max([cells(title), *(cells(row[number]) for row in rows)]) + 2
        if room < -2 and count:
            break
        count += 1
    terminal.table(head[:count], [row[:count] for row in rows])
    if count < len(head):
        terminal.out(terminal.style(f"… and {len(head) - count} more columns", "dim"))
