"""The data of runs beside each other: what steps were given from outside, and what they made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from penstock.client import Client, describe
from penstock.core.digest import digest_struct
from penstock.core.records import Made, StepRecord
from penstock.errors import NotFound
from penstock.experiments.inputs import path


class Data(Struct, frozen=True):
    """A value by its content."""

    digest: str
    what: str = ""
    """ "DataFrame 330000 × 12", "a.csv", "100 items"."""
    size: int | None = None
    """Bytes, as they are stored."""


class Source(Struct, frozen=True):
    """What is known of a value before its manifest is read."""

    digest: str
    made: Made | None = None
    what: str = ""


def data(
    client: Client, runs: Sequence[Sequence[StepRecord]], *, everything: bool
) -> list[dict[str, Data]]:
    """Of each run, by name. Only what has not the same content in all runs, unless all was asked for."""
    found = [_sources(steps) for steps in runs]
    names = dict.fromkeys(name for sources in found for name in sources)
    wanted = [
        name
        for name in names
        if everything or len({one[name].digest if name in one else "" for one in found}) > 1
    ]
    return [
        {name: _described(client, sources[name]) for name in wanted if name in sources}
        for sources in found
    ]


def _sources(steps: Sequence[StepRecord]) -> Mapping[str, Source]:
    maps: dict[str, list[StepRecord]] = {}
    for step in steps:
        if step.index:
            maps.setdefault(step.node, []).append(step)
    found: dict[str, Source] = {}
    for step in steps:
        if step.index or step.node in maps:
            continue
        found |= _given([step])
        for name, made in step.outputs.items():
            found[_named(step.node, name)] = Source(made.content, made)
    for node, items in maps.items():
        found |= _given(items)
        for name in dict.fromkeys(name for item in items for name in item.outputs):
            contents = [i.outputs[name].content for i in items if name in i.outputs]
            digest = digest_struct("items", contents)
            found[_named(node, name)] = Source(digest, what=f"{len(contents):,} items")
    return found


def _named(node: str, output: str) -> str:
    return node if output == "result" else f"{node}.{output}"


def _given(steps: Sequence[StepRecord]) -> Mapping[str, Source]:
    """Files and folders that a step was given, or all items of a map."""
    found: dict[str, list[Source]] = {}
    for step in steps:
        if step.parts is None:
            continue
        for name, digest in step.parts.inputs.items():
            shown = step.parts.shown.get(name, "")
            what = path(shown)
            if name in step.copies or what is not None:
                source = Source(digest, step.copies.get(name), shown if what is None else what)
                found.setdefault(f"{step.node}({name})", []).append(source)
    return {name: _together(sources) for name, sources in found.items()}


def _together(sources: Sequence[Source]) -> Source:
    """What all items were given, or what each was."""
    digests = [source.digest for source in sources]
    if len(set(digests)) == 1:
        return sources[0]
    return Source(digest_struct("items", digests), what=f"{len(digests):,} items")


def _described(client: Client, source: Source) -> Data:
    if source.made is None:
        return Data(source.digest, source.what)
    try:
        manifest = client.manifest(source.made.artifact)
    except NotFound:
        return Data(source.digest, source.what or "(removed)")
    return Data(source.digest, source.what or describe(manifest), manifest.size)
