"""What is known while a run goes on: the values of steps, and inputs made into digests and arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any
from uuid import UUID

from msgspec import Struct, field

from penstock.artifacts.codec import Artifacts
from penstock.artifacts.streams import STREAM, narrowed
from penstock.core.calls import Argument, Assemble, Given, Load, Reveal, assemble
from penstock.core.digest import digest_struct
from penstock.core.expression import computed, holds
from penstock.core.graph import (
    Access,
    Build,
    Each,
    Expr,
    FirstOf,
    Input,
    Literal,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
)
from penstock.core.records import Made, Manifest
from penstock.errors import DefinitionError, RunError
from penstock.run.flatten import GIVEN, ITEM, GroupTemplate, Template, select
from penstock.run.inputs import LIMIT, keep
from penstock.run.products import Absent, Grouped, Item, Mapped, NotThere, Single, Value, whole

ATOMS = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    date,
    timedelta,
    Decimal,
    UUID,
    PurePath,
)
RECENT = 20_000
"""Manifests kept in memory before the catalog is asked again."""
SMALL = 64
"""Containers of plain values up to this many leaves travel with the call; larger ones are stored."""


class Values(Struct):
    """The one place that knows what steps gave; inputs are looked up here."""

    artifacts: Artifacts
    lookup: Callable[[str], Manifest]
    templates: Mapping[str, Template]
    sources: Mapping[str, Single] = field(default_factory=dict)
    """What each SourceRef's address stands for, resolved when the run starts."""
    keep: int = LIMIT
    """Bytes up to which input files are kept."""
    known: dict[tuple[str, str], Value] = field(default_factory=dict)
    items: dict[tuple[str, str], Mapping[str, Item]] = field(default_factory=dict)
    """Of groups: the arguments of the item at this index."""
    stored: dict[str, Manifest] = field(default_factory=dict)
    """Literals and collections that the engine itself put, by content."""
    fresh: list[Manifest] = field(default_factory=list)
    """Those that no event has recorded yet: they go with their first consumer."""
    met: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By digest of a literal: the first-party classes and functions that it holds."""
    recent: dict[str, Manifest] = field(default_factory=dict)
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each collection in `stored`: the artifacts that it lists."""

    # ---- where a reference leads

    def at(self, node: str, index: str) -> Value:
        """The value of a step as seen from an instance at `index`: that of the innermost shared item."""
        return self.known[node, self.scope(node, index)]

    def scope(self, node: str, index: str) -> str:
        depth = self.depth(node)
        return ".".join(index.split(".")[:depth]) if depth else ""

    def depth(self, node: str) -> int:
        """How many mapped pipelines stand around it."""
        template = self.templates.get(node)
        return 1 + self.depth(template.group) if template is not None and template.group else 0

    # ---- digests

    def digest(self, source: Input, index: str) -> str:
        """The content digest that stands for this input in a key. Raises NotThere."""
        match source:
            case Literal(digest=digest):
                return digest
            case OutputRef(path=path):
                content = self._content(self._found(source, index), source.output, index, source)
                if not path:
                    return content
                return digest_struct(
                    "select", content, tuple((step.kind, step.name) for step in path)
                )
            case FirstOf():
                return self.digest(self._first(source, index), index)
            case ParamRef(name=name):
                return self._item(name, index).digest
            case SecretRef(source=origin, name=name):
                return digest_struct("secret", origin, name)
            case SourceRef(address=address):
                return whole(self.sources[address])
            case Build(kind=kind, items=items, keys=keys):
                digests = tuple(self.digest(item, index) for item in items)
                named = tuple(self.artifacts.digest(key) for key in keys)
                return digest_struct("build", kind, named, digests)
            case Expr(op=op) if op == GIVEN:
                return self.digest(self._given(source, index), index)
            case Expr():
                return self.artifacts.digest(self.evaluate(source, index))

    def classes(self, source: Input, index: str) -> Iterator[str]:
        """First-party classes of what this input holds."""
        match source:
            case OutputRef():
                match self._found(source, index):
                    case Single(outputs=outputs):
                        for name, one in outputs.items():
                            if source.output in ("", name):
                                yield from one.classes
                    case Mapped(items=items):
                        yield from {
                            c for one in items for m in one.outputs.values() for c in m.classes
                        }
                    case Grouped() | Absent():
                        return
            case FirstOf():
                yield from self.classes(self._first(source, index), index)
            case ParamRef(name=name):
                yield from self._item(name, index).classes
            case SourceRef(address=address):
                for one in self.sources[address].outputs.values():
                    yield from one.classes
            case Expr(op=op) if op == GIVEN:
                yield from self.classes(self._given(source, index), index)
            case Build(items=items) | Expr(operands=items):
                for item in items:
                    yield from self.classes(item, index)
            case Literal(value=value, digest=digest):
                if type(value) not in ATOMS:
                    if digest not in self.met:
                        self.met[digest] = self.artifacts.examine(value)[1]
                    yield from self.met[digest]
            case SecretRef():
                return

    # ---- arguments

    def argument(self, source: Input, index: str) -> Argument:
        """The input as a call carries it. Raises NotThere."""
        match source:
            case Literal(value=value, digest=digest):
                return self.given(value, digest)
            case OutputRef(path=path):
                return self._load(self._found(source, index), source, index, path)
            case FirstOf():
                return self.argument(self._first(source, index), index)
            case ParamRef(name=name):
                return self._item(name, index).argument
            case SecretRef(source=origin, name=name):
                return Reveal(origin, name)
            case SourceRef(address=address):
                return self._single(self.sources[address], "", ())
            case Build(kind=kind, items=items, keys=keys, cls=cls):
                inner = tuple(self.argument(item, index) for item in items)
                return Assemble(kind, inner, keys, cls)
            case Expr(op=op) if op == GIVEN:
                return self.argument(self._given(source, index), index)
            case Expr():
                value = self.evaluate(source, index)
                return self.given(value, self.artifacts.digest(value))

    def given(self, value: object, digest: str) -> Argument:
        """A plain small value as it is; anything else as an artifact, so that each call gets its own."""
        if _leaves(value, SMALL) <= SMALL:
            if isinstance(value, Path) and digest not in self.stored:
                self._keep(value, digest)
            return Given(value)
        if digest not in self.stored:
            manifest, items = self.artifacts.encode(value)
            self.stored[digest] = manifest
            self.fresh += [*items, manifest]
            if manifest.items is not None:
                self.members[manifest.id] = tuple(item.id for item in items)
        return Load(self.stored[digest])

    def evaluate(self, source: Input, index: str) -> Any:
        """The value itself: of a guard, or of an expression. Loads what it must."""
        match source:
            case Expr(op=op, operands=operands) if op != GIVEN:
                values = [self.evaluate(operand, index) for operand in operands]
                return computed(op, values)
            case _:
                return self.open(self.argument(source, index))

    def open(self, argument: Argument) -> Any:
        match argument:
            case Given(value=value):
                return value
            case Load(manifest=manifest, path=path):
                return self.artifacts.at(manifest, path)
            case Assemble(kind=kind, items=items, keys=keys, cls=cls):
                return assemble(kind, [self.open(item) for item in items], keys, cls)
            case Reveal(name=name):
                raise DefinitionError(
                    f"the secret '{name}' cannot be used in an expression",
                    hint="Pass it to a step and compare it there.",
                )

    # ---- maps

    def fan(
        self, each: Each, inputs: Mapping[str, Input], index: str
    ) -> tuple[int, Callable[[int], Mapping[str, Item]]]:
        """How many items a map has, and the arguments of the n-th. Zipped parameters vary slowest."""
        zipped = {name: self.sequence(inputs[name], index, name) for name in each.zipped}
        crossed = {name: self.sequence(inputs[name], index, name) for name in each.crossed}
        lengths = {name: one[0] for name, one in zipped.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"'{name}' has {length}" for name, length in lengths.items())
            raise RunError(
                f"lists that fan out together differ in length: {told}",
                hint="Use cross([...]) for every combination.",
            )
        total = next(iter(lengths.values()), 1)
        for length, _ in crossed.values():
            total *= length

        def at(position: int) -> Mapping[str, Item]:
            items: dict[str, Item] = {}
            for name, (length, item) in reversed(crossed.items()):
                position, here = divmod(position, length)
                items[name] = item(here)
            return items | {name: item(position) for name, (_, item) in zipped.items()}

        return total, at

    def sequence(self, source: Input, index: str, name: str) -> tuple[int, Callable[[int], Item]]:
        """The length of a list input, and its n-th element, without building what is already apart."""
        match source:
            case Build(kind="list" | "tuple", items=items):
                return len(items), lambda n: Item(
                    self.digest(items[n], index),
                    self.argument(items[n], index),
                    tuple(self.classes(items[n], index)),
                )
            case FirstOf():
                return self.sequence(self._first(source, index), index, name)
            case Expr(op=op) if op == GIVEN:
                return self.sequence(self._given(source, index), index, name)
            case OutputRef(path=()):
                found = self._found(source, index)
                if isinstance(found, Mapped):
                    many = found.items
                    return len(many), lambda n: self._one(many[n], source.output)
                if isinstance(found, Single) and (source.output or len(found.outputs) == 1):
                    one = found.outputs[source.output or next(iter(found.outputs))]
                    if (apart := self._apart(self.manifest(one))) is not None:
                        return apart
            case SourceRef(address=address) if len(self.sources[address].outputs) == 1:
                (one,) = self.sources[address].outputs.values()
                if (apart := self._apart(self.manifest(one))) is not None:
                    return apart
        value = source.value if isinstance(source, Literal) else self.evaluate(source, index)
        try:
            values = list(value)
        except TypeError:
            raise RunError(
                f"cannot map over '{name}': {type(value).__name__!r} is no list",
                hint="each(...) takes a list, or the output of a step that returns one.",
            ) from None

        def plain(n: int) -> Item:
            digest, classes = self.artifacts.examine(values[n])
            return Item(digest, self.given(values[n], digest), classes)

        return len(values), plain

    # ---- inner

    def _apart(self, manifest: Manifest) -> tuple[int, Callable[[int], Item]] | None:
        """Of a collection or a stream, whose items are kept apart; None for any other list."""
        if manifest.items is not None:
            parts = self.artifacts.items(manifest)
            return len(parts), lambda n: Item(
                parts[n].content, Load(self.manifest(parts[n])), parts[n].classes
            )
        if manifest.serializer != STREAM:
            return None
        contents = self.artifacts.contents(manifest)

        def item(n: int) -> Item:
            load = Load(narrowed(manifest, contents, n), (Access("item", n),))
            return Item(contents[n], load, manifest.classes)

        return len(contents), item

    def _keep(self, path: Path, digest: str) -> None:
        manifest = keep(self.artifacts, path, digest, self.keep)
        if manifest is not None:
            self.stored[digest] = manifest
            self.fresh.append(manifest)

    def manifest(self, one: Made) -> Manifest:
        """One made in this run, or from the catalog."""
        found = self.recent.get(one.artifact)
        if found is None:
            found = self.lookup(one.artifact)
            self.remember(found)
        return found

    def remember(self, manifest: Manifest) -> None:
        """It will be asked for again soon."""
        self.recent[manifest.id] = manifest
        if len(self.recent) > RECENT:
            del self.recent[next(iter(self.recent))]

    def _found(self, source: OutputRef, index: str) -> Single | Mapped | Grouped:
        value = self.at(source.node, index)
        if isinstance(value, Absent):
            raise NotThere(value)
        return value

    def _first(self, source: FirstOf, index: str) -> Input:
        absent = Absent("nothing to take")
        for option in source.options:
            try:
                self.digest(option, index)
            except NotThere as missing:
                absent = missing.absent
            else:
                return option
        raise NotThere(absent)

    def _given(self, source: Expr, index: str) -> Input:
        value, guard = source.operands
        if not holds(self.evaluate(guard, index)):
            raise NotThere(Absent("its condition was false"))
        return value

    def _item(self, name: str, index: str) -> Item:
        group, _, param = name.removeprefix(ITEM).partition("\0")
        depth = self.depth(group) + 1
        return self.items[group, ".".join(index.split(".")[:depth])][param]

    def _content(
        self, value: Single | Mapped | Grouped, output: str, index: str, source: OutputRef
    ) -> str:
        match value:
            case Single(outputs=outputs):
                return outputs[output].content if output else whole(value)
            case Mapped(items=items):
                return gathered(
                    [one.outputs[output].content if output else whole(one) for one in items]
                )
            case Grouped(total=total):
                inner, indexes = self._inner(source, index, total)
                return gathered([self.digest(inner, at) for at in indexes])

    def _load(
        self,
        value: Single | Mapped | Grouped,
        source: OutputRef,
        index: str,
        path: tuple[Access, ...],
    ) -> Argument:
        match value:
            case Single():
                return self._single(value, source.output, path)
            case Mapped(items=items):
                if source.output or all(one.fields is None for one in items):
                    parts = [one.outputs[source.output or next(iter(one.outputs))] for one in items]
                    manifest = self.artifacts.collection(parts)
                    if manifest.content not in self.stored:
                        self.stored[manifest.content] = manifest
                        self.fresh.append(manifest)
                    self.members[manifest.id] = tuple(part.artifact for part in parts)
                    return Load(manifest, path)
                return Assemble("list", tuple(self._single(one, "", ()) for one in items))
            case Grouped(total=total):
                inner, indexes = self._inner(source, index, total)
                return Assemble("list", tuple(self.argument(inner, at) for at in indexes))

    def _inner(self, source: OutputRef, index: str, total: int) -> tuple[Input, list[str]]:
        """What a mapped pipeline returns, seen from inside, and the indexes of its items."""
        group = self.templates[source.node]
        assert isinstance(group, GroupTemplate)
        steps = (Access("attribute", source.output),) if source.output else ()
        prefix = self.scope(source.node, index)
        indexes = [f"{prefix}.{n}" if prefix else str(n) for n in range(total)]
        return select(group.outputs, steps), indexes

    def _single(self, value: Single, output: str, path: tuple[Access, ...]) -> Argument:
        if value.fields is None or output:
            one = value.outputs[output or next(iter(value.outputs))]
            return Load(self.manifest(one), path)
        if path:
            return self._single(value, str(path[0].name), path[1:])
        names = tuple(value.outputs)
        parts = tuple(Load(self.manifest(one)) for one in value.outputs.values())
        return Assemble("namedtuple", parts, names, value.fields)

    def _one(self, value: Single, output: str) -> Item:
        if value.fields is None or output:
            one = value.outputs[output or next(iter(value.outputs))]
            return Item(one.content, Load(self.manifest(one)), one.classes)
        classes = tuple(c for one in value.outputs.values() for c in one.classes)
        return Item(whole(value), self._single(value, "", ()), classes)


def gathered(contents: Sequence[str]) -> str:
    """The content of a list of artifacts, the same as that of its collection."""
    return digest_struct("collection", tuple(contents))


def _leaves(value: object, limit: int) -> int:
    """How many plain values this is made of; more than `limit` when it is not plain, or large."""
    if isinstance(value, str | bytes):
        return 1 if len(value) <= 4096 else limit + 1
    if isinstance(value, (*ATOMS, Enum)):
        return 1
    if type(value) in (list, tuple, set, frozenset):
        inner: Sequence[object] = list(value)  # type: ignore[call-overload]  # narrowed above
    elif type(value) is dict:
        inner = [*value, *value.values()]
    else:
        return limit + 1
    count = 1
    for one in inner:
        count += _leaves(one, limit)
        if count > limit:
            break
    return count
