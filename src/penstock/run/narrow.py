"""Part of a pipeline: which steps run, which are taken from earlier runs, which stay out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from penstock.core.options import Options
from penstock.core.place import nearest
from penstock.errors import UsageError
from penstock.run.flatten import Flat


class Part(Struct, frozen=True):
    """What a run is to do of a flat graph. Steps that are in neither set stay out of the run."""

    run: frozenset[str]
    borrow: frozenset[str]
    """Not to be executed: a known result is taken, the newest if none has the right key."""
    replace: Mapping[str, str]
    """Step to the address of what stands in for it."""
    refresh: frozenset[str]


def narrow(flat: Flat, options: Options) -> Part:
    """Apply --until, --from, --only, --with and --refresh. Raises UsageError for an unknown step.

    Narrowing keeps keys: it only says which steps run.
    """
    top = flat.groups[""]
    needs = {id: flat.templates[id].needs | flat.templates[id].after for id in top}
    replaced = {id: address for name, address in options.replace.items() for id in find(top, name)}
    sinks = set(top) - {need for id in top for need in needs[id]}
    for id in replaced:
        needs[id] = frozenset()
    # What only a replaced step took is not needed any more.
    chosen = _reach(sinks, needs) if replaced else set(top)
    if options.only:
        chosen = {id for name in options.only for id in find(top, name)}
    if options.start:
        chosen &= _reach({id for name in options.start for id in find(top, name)}, _turned(needs))
    if options.until:
        chosen &= _reach({id for name in options.until for id in find(top, name)}, needs)
    wanted = chosen | {need for id in chosen for need in flat.templates[id].needs}
    # What a borrowed step itself takes must be known to look for its result by key.
    wanted = _reach(wanted, needs)
    refresh = {
        id
        for name in options.refresh
        for id in (top if name == "*" else find([*flat.templates], name))
    }
    borrowed = wanted - chosen - replaced.keys()
    return Part(
        frozenset(chosen - replaced.keys()),
        frozenset(borrowed | {inner for id in borrowed for inner in _inside(flat, id)}),
        {id: address for id, address in replaced.items() if id in wanted},
        frozenset(refresh) | ({"*"} if "*" in options.refresh else set()),
    )


def find(ids: Iterable[str], name: str) -> list[str]:
    """Steps of this name, or inside the nested pipeline of this name."""
    ids = list(ids)
    if found := [id for id in ids if id == name or id.startswith(name + "/")]:
        return found
    meant = nearest(name, ids)
    raise UsageError(
        f"there is no step '{name}' in this pipeline",
        hint=f"Did you mean '{meant}'?" if meant else "Its steps: " + ", ".join(ids),
    )


def _inside(flat: Flat, group: str) -> Iterator[str]:
    for id in flat.groups.get(group, ()):
        yield id
        yield from _inside(flat, id)


def _reach(start: Collection[str], edges: Mapping[str, Collection[str]]) -> set[str]:
    reached, stack = set(start), list(start)
    while stack:
        for next in edges.get(stack.pop(), ()):
            if next not in reached:
                reached.add(next)
                stack.append(next)
    return reached


def _turned(edges: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    turned: dict[str, set[str]] = {}
    for id, needs in edges.items():
        for need in needs:
            turned.setdefault(need, set()).add(id)
    return turned
