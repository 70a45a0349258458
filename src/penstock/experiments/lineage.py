"""Lineage: what an artifact was made from, back to files and values; and what was made from it.

Steps are joined as the run's graph joins them, so that a map, a part of an output and a nested
pipeline are found, and by content, so that an artifact that another run took is found as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

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
from penstock.experiments.artifact import Found, find
from penstock.experiments.inputs import is_taken, path
from penstock.experiments.links import Lineage, Link
from penstock.experiments.wires import Wire, Wires, wired

MOST = 400
"""Links of one lineage; more says so."""
DEEPEST = 100
"""Links from one end to the other; more says so."""
NEWEST = 20
"""Runs that used an artifact again, in which its consumers are looked for."""
WIDTH = 60


def lineage(client: Client, found: Found) -> Lineage:
    """Both ways, to the ends, as far as runs are on record."""
    walk, manifest = _Walk(client), found.manifest
    origin = (found.step, found.output) if found.step else walk.origin(manifest.id)
    up = [walk.above(*origin, {})] if origin else []
    walk = _Walk(client)
    down = walk.below([(manifest, origin)], set())
    return Lineage(
        artifact=manifest.id,
        about=describe(manifest),
        made_by=tuple(up),
        used_by=tuple(down),
    )


# ---- the walk

Origin = tuple[StepRecord, str]
"""A step, and the output of it that an artifact is."""


@dataclass
class _Run:
    """What one run tells of its steps."""

    id: str
    client: Client

    @cached_property
    def steps(self) -> dict[str, dict[str, StepRecord]]:
        """By node, then by index."""
        found: dict[str, dict[str, StepRecord]] = {}
        for step in self.client.steps(self.id):
            found.setdefault(step.node, {})[step.index] = step
        return found

    @cached_property
    def wires(self) -> Wires:
        graph = self.client.graph(self.client.run(self.id))
        return {} if graph is None else wired(graph)

    def of(self, node: str) -> Collection[StepRecord]:
        """A step; a map with all its items."""
        return self.steps.get(node, {}).values()

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
        self._depth = 0

    def _run(self, id: str) -> _Run:
        if id not in self._runs:
            self._runs[id] = _Run(id, self._client)
        return self._runs[id]

    def _full(self) -> bool:
        """Whether there is no place for one more link here."""
        self._left -= 1
        return self._left < 0 or self._depth >= DEEPEST

    def origin(self, artifact: str) -> Origin | None:
        """The step that made it, if any on record; else one that reused it, and the output's name."""
        found: Origin | None = None
        rows = self._client.stack.metadata.catalog.producers(artifact)
        oldest = {*islice(dict.fromkeys(run for run, *_ in rows), NEWEST)}
        for run, node, index, name in rows:
            if run not in oldest:
                break
            step = self._step(run, node, index)
            if step is None or artifact not in {made.artifact for made in step.outputs.values()}:
                continue
            if step.status != "reused":
                return step, name
            found = found or (step, name)
        return found

    def _step(self, run: str, node: str, index: str) -> StepRecord | None:
        return self._run(run).steps.get(node, {}).get(index)

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
        self._depth += 1
        links = () if again else tuple(self._inputs(step, seen))
        self._depth -= 1
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
        found = [s for s in run.of(wire.node) if s.outputs]
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
            case Literal(value=value) if path(text) is not None or copy is not None:
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

    def below(self, made: Sequence[tuple[Manifest, Origin | None]], seen: set[str]) -> list[Link]:
        """What took any of these."""
        groups: dict[tuple[str, str, str], list[StepRecord]] = {}
        here: set[str] = set()
        for step, name in self._takers(made):
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
        fresh = [step for step in steps if _key(step) not in seen]
        seen.update(map(_key, fresh))
        # All items of a map are taken together.
        outputs = [
            (self._client.manifest(made.artifact), (step, output))
            for step in fresh[:MOST]
            for output, made in step.outputs.items()
        ]
        self._depth += 1
        links = tuple(self.below(outputs, seen))
        self._depth -= 1
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
            links=links,
        )

    def _takers(
        self, made: Sequence[tuple[Manifest, Origin | None]]
    ) -> Iterator[tuple[StepRecord, str]]:
        """By the graph of the runs that have it, and by content in others."""
        catalog = self._client.stack.metadata.catalog
        origins = [origin for _, origin in made if origin is not None]
        places = dict.fromkeys((step.run, step.node, output) for step, output in origins)
        nodes = {node for _, node, _ in places}
        for id in dict.fromkeys(manifest.id for manifest, _ in made):
            # Small values are often equal: only what the same step made is this one.
            others = dict.fromkeys(
                (run, node, output)
                for run, node, _, output in catalog.producers(id)
                if not nodes or node in nodes
            )
            places.update(dict.fromkeys([*others][-NEWEST:]))
        for run, node, output in places:
            known = self._run(run)
            for taker, name in known.takers(node, output):
                yield from ((step, name) for step in _first(known.of(taker)))
        for content, addresses in _addresses(made).items():
            rows = catalog.consumers(content)
            newest = {*[*dict.fromkeys(run for run, *_ in rows)][-NEWEST:]}
            for run, node, index, name in rows:
                step = self._step(run, node, index) if run in newest else None
                if step is not None and self._came(step, name, addresses):
                    yield step, name

    def _came(self, step: StepRecord, name: str, addresses: Collection[str]) -> bool:
        """Whether what a step took came from there, and does not only equal it."""
        if not addresses:
            # None made it: a file that was given, or what is left of a run that was removed.
            told = step.parts.shown.get(name, "") if step.parts else ""
            return is_taken(told) or path(told) is not None
        for wire in self._run(step.run).wires.get(step.node, {}).get(name, ()):
            if wire.node in addresses:
                return True
            if isinstance(wire.outside, SourceRef):
                kind, _, rest = wire.outside.address.partition(":")
                if kind == "artifact" or rest.partition("/")[2] in addresses:
                    return True
        return False

    def _about(self, made: Made | None) -> str:
        return describe(self._client.manifest(made.artifact)) if made is not None else ""


def _addresses(made: Sequence[tuple[Manifest, Origin | None]]) -> dict[str, set[str]]:
    """By content, as what steps take it: a node, an item, an output."""
    found: dict[str, set[str]] = {}
    for manifest, origin in made:
        known = found.setdefault(manifest.content, set())
        if origin is not None:
            step, output = origin
            known.update((step.node, step.name, f"{step.node}.{output}"))
    return found


def _key(step: StepRecord) -> str:
    return f"{step.ref}:{step.node}:{step.key or step.run}:{step.index}"


def _first(steps: Collection[StepRecord]) -> Sequence[StepRecord]:
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
