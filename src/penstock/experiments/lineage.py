"""Lineage: what an artifact was made from, back to files and values; and what was made from it.

Steps are joined as the run's graph joins them, so that a map, a part of an output and a nested
pipeline are found, and by content, so that an artifact that another run took is found as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal as OneOf

from msgspec import Struct
from msgspec.structs import replace

from penstock.client import Client, describe, in_bytes
from penstock.core.graph import (
    Input,
    Literal,
    SecretRef,
    SourceRef,
)
from penstock.core.records import Made, Manifest, StepRecord
from penstock.core.tame import shown
from penstock.errors import NotFound
from penstock.experiments.artifact import Found, find, is_taken
from penstock.experiments.wires import Wire, Wires, wired

MOST = 400
"""Links of one lineage; more says so."""
NEWEST = 20
"""Runs that used an artifact again, in which its consumers are looked for."""
WIDTH = 60


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
    """Steps that took it, with those that took what they made; the same call of many runs is one."""

    def __str__(self) -> str:
        head = [f"{self.artifact[:12]}  {self.about}"]
        return "\n".join([*head, "made by", *drawn(self.made_by), "used by", *drawn(self.used_by)])


def lineage(client: Client, found: Found) -> Lineage:
    """Both ways, to the ends, as far as runs are on record."""
    walk, manifest = _Walk(client), found.manifest
    origin = (found.step, found.output) if found.step else walk.origin(manifest.id)
    up = [walk.above(*origin, {})] if origin else []
    walk = _Walk(client)
    down = walk.below(manifest, origin, set())
    return Lineage(
        artifact=manifest.id,
        about=describe(manifest),
        made_by=tuple(up),
        used_by=tuple(down),
    )


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


# ---- the walk


@dataclass
class _Run:
    """What one run tells of its steps."""

    id: str
    client: Client
    wires: Wires = field(default_factory=dict)

    @cached_property
    def steps(self) -> dict[str, list[StepRecord]]:
        found: dict[str, list[StepRecord]] = {}
        for step in self.client.steps(self.id):
            found.setdefault(step.node, []).append(step)
        return found

    def load(self) -> _Run:
        graph = self.client.graph(self.client.run(self.id))
        if graph is not None:
            self.wires = wired(graph)
        return self

    def takers(self, node: str, output: str) -> Iterator[tuple[str, str]]:
        """Steps that take this output, and by which parameter."""
        for taker, inputs in self.wires.items():
            for name, wires in inputs.items():
                if any(w.node == node and w.output in ("", output) for w in wires):
                    yield taker, name


class _Walk:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._runs: dict[str, _Run] = {}
        self._left = MOST

    def _run(self, id: str) -> _Run:
        if id not in self._runs:
            self._runs[id] = _Run(id, self._client).load()
        return self._runs[id]

    def _full(self) -> bool:
        self._left -= 1
        return self._left < 0

    def origin(self, artifact: str) -> tuple[StepRecord, str] | None:
        """The step that made it, if any on record; else one that reused it, and the output's name."""
        found: tuple[StepRecord, str] | None = None
        for run, node, index, name in self._client.stack.metadata.catalog.producers(artifact):
            step = self._step(run, node, index)
            if step is None or artifact not in {made.artifact for made in step.outputs.values()}:
                continue
            if step.status != "reused":
                return step, name
            found = found or (step, name)
        return found

    def _step(self, run: str, node: str, index: str) -> StepRecord | None:
        return next((s for s in self._run(run).steps.get(node, ()) if s.index == index), None)

    # ---- back

    def above(self, step: StepRecord, output: str, seen: dict[tuple[str, str], None]) -> Link:
        made = step.outputs.get(output) or next(iter(step.outputs.values()), None)
        return self._link(step, "", made, seen)

    def _link(
        self, step: StepRecord, name: str, made: Made | None, seen: dict[tuple[str, str], None]
    ) -> Link:
        about, artifact = self._about(made), made.artifact if made else ""
        again = (step.run, step.name) in seen
        seen[step.run, step.name] = None
        links = () if again else tuple(self._inputs(step, seen))
        return Link(
            kind="step",
            name=name,
            about=about,
            run=step.run,
            step=_named(step, made),
            artifact=artifact,
            again=again,
            links=links,
        )

    def _inputs(self, step: StepRecord, seen: dict[tuple[str, str], None]) -> Iterator[Link]:
        run = self._run(step.run)
        for name, wires in run.wires.get(step.node, {}).items():
            for wire in wires:
                if self._full():
                    yield Link(kind="more", name="", about="")
                    return
                if wire.outside is not None:
                    yield self._outside(step, name, wire.outside, seen)
                else:
                    yield from self._feeders(step, name, wire, run, seen)
        for read in step.reads:
            yield Link(kind="read", name="", about=read)

    def _feeders(
        self,
        step: StepRecord,
        name: str,
        wire: Wire,
        run: _Run,
        seen: dict[tuple[str, str], None],
    ) -> Iterator[Link]:
        """The step behind an input; of a map the item that was taken, or the first of all that were."""
        found = [s for s in run.steps.get(wire.node, ()) if s.outputs]
        content = step.parts.inputs.get(name, "") if step.parts else ""
        exact = [(s, m) for s in found for m in s.outputs.values() if m.content == content]
        if exact:
            yield self._link(exact[0][0], name, exact[0][1], seen)
            return
        inside = [s for s in found if _within(step.index, s.index)]
        chosen = inside or found
        for one in chosen[:1]:
            made = one.outputs.get(wire.output) or next(iter(one.outputs.values()))
            link = self._link(one, name, made, seen)
            yield replace(link, about=link.about + _others(len(chosen)))

    def _outside(
        self, step: StepRecord, name: str, source: Input, seen: dict[tuple[str, str], None]
    ) -> Link:
        copy = step.copies.get(name)
        text = step.parts.shown.get(name, "") if step.parts else ""
        match source:
            case SourceRef(address=address):
                return self._referred(name, address, seen)
            case SecretRef(name=secret):
                return Link(kind="value", name=name, about=f"the secret {secret}")
            case Literal(value=value) if _is_path(text) or copy is not None:
                size = in_bytes(self._client.manifest(copy.artifact).size) if copy else ""
                about = f"{value}  {size}".rstrip()
                return Link(
                    kind="file", name=name, about=about, artifact=copy.artifact if copy else ""
                )
            case Literal(value=value):
                return Link(kind="value", name=name, about=text or shown(value, WIDTH))
            case _:
                return Link(kind="value", name=name, about=text)

    def _referred(self, name: str, address: str, seen: dict[tuple[str, str], None]) -> Link:
        """An artifact of another run, that a person named."""
        try:
            found = find(self._client, address)
        except NotFound:
            gone = f"{address}, which is not on record any more"
            return Link(kind="source", name=name, about=gone)
        at = self.origin(found.manifest.id)
        step, output = (found.step, found.output) if found.step or not at else at
        if step is None:
            return Link(kind="source", name=name, about=f"{address}  {describe(found.manifest)}")
        return self._link(step, name, step.outputs.get(output), seen)

    # ---- on

    def below(
        self, manifest: Manifest, origin: tuple[StepRecord, str] | None, seen: set[str]
    ) -> list[Link]:
        groups: dict[tuple[str, str, str], list[StepRecord]] = {}
        here: set[str] = set()
        for step, name in self._takers(manifest, origin):
            # The same call in many runs is one.
            if (key := _key(step)) not in here:
                here.add(key)
                groups.setdefault((step.run, step.node, name), []).append(step)
        links: list[Link] = []
        for (_, _, name), steps in groups.items():
            if self._full():
                links.append(Link(kind="more", name="", about=""))
                break
            links.append(self._onward(steps, name, seen))
        return links

    def _onward(self, steps: Sequence[StepRecord], name: str, seen: set[str]) -> Link:
        """A step that took it, or the items of one map that did."""
        inner: dict[tuple[str, str, str, str], Link] = {}
        fresh = [step for step in steps if _key(step) not in seen]
        seen.update(map(_key, fresh))
        for step in fresh:
            for output, made in step.outputs.items():
                manifest = self._client.manifest(made.artifact)
                for link in self.below(manifest, (step, output), seen):
                    # All items of a map are taken together.
                    inner.setdefault((link.kind, link.run, link.step, link.name), link)
        first = steps[0]
        made_first = next(iter(first.outputs.values()), None)
        return Link(
            kind="step",
            name=name,
            about=(self._about(made_first) or first.status) + _others(len(steps)),
            run=first.run,
            step=first.name,
            artifact=made_first.artifact if made_first else "",
            again=not fresh,
            links=tuple(inner.values()),
        )

    def _takers(
        self, manifest: Manifest, origin: tuple[StepRecord, str] | None
    ) -> Iterator[tuple[StepRecord, str]]:
        """By the graph of the runs that have it, and by content in all others."""
        catalog = self._client.stack.metadata.catalog
        # Small values are often equal: only what the same step made is this one.
        places = [
            (run, node, output)
            for run, node, _, output in catalog.producers(manifest.id)
            if origin is None or node == origin[0].node
        ]
        if origin is not None:
            places = [(origin[0].run, origin[0].node, origin[1]), *places[-NEWEST:]]
        for run, node, output in dict.fromkeys(places):
            known = self._run(run)
            for taker, name in known.takers(node, output):
                yield from ((step, name) for step in _first(known.steps.get(taker, ())))
        for run, node, index, name in catalog.consumers(manifest.content):
            step = self._step(run, node, index)
            if step is not None and self._came(step, name, origin):
                yield step, name

    def _came(self, step: StepRecord, name: str, origin: tuple[StepRecord, str] | None) -> bool:
        """Whether what a step took came from there, and does not only equal it."""
        if origin is None:
            return step.parts is not None and is_taken(step.parts.shown.get(name, ""))
        made = origin[0]
        addresses = (made.node, made.name, f"{made.node}.{origin[1]}")
        for wire in self._run(step.run).wires.get(step.node, {}).get(name, ()):
            if wire.node == made.node:
                return True
            if isinstance(wire.outside, SourceRef):
                kind, _, rest = wire.outside.address.partition(":")
                if kind == "artifact" or rest.partition("/")[2] in addresses:
                    return True
        return False

    def _about(self, made: Made | None) -> str:
        return describe(self._client.manifest(made.artifact)) if made is not None else ""


def _key(step: StepRecord) -> str:
    return f"{step.ref}:{step.node}:{step.key or step.run}:{step.index}"


def _first(steps: Sequence[StepRecord]) -> Sequence[StepRecord]:
    """Of a map its items, of any other step itself."""
    return [step for step in steps if step.total is None or step.index]


def _within(index: str, inner: str) -> bool:
    """Whether both are of the same item of the maps around them."""
    length = min(index.count(".") + 1, inner.count(".") + 1) if index and inner else 0
    return index.split(".")[:length] == inner.split(".")[:length]


def _named(step: StepRecord, made: Made | None) -> str:
    """With the output's name, where there are several."""
    names = [name for name, one in step.outputs.items() if one == made]
    return f"{step.name}.{names[0]}" if names and len(step.outputs) > 1 else step.name


def _others(count: int) -> str:
    return f", and {count - 1} more item{'s' * (count > 2)}" if count > 1 else ""


def _is_path(text: str) -> bool:
    return text.startswith(("PosixPath(", "WindowsPath(", "Path("))
