"""The data of runs beside each other: what steps were given from outside, and what they made."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from penstock.client import Client, describe
from penstock.core.digest import digest_struct
from penstock.core.records import Made, StepRecord
from penstock.errors import NotFound

_PATH = re.compile(r"(?:Posix|Windows)?Path\('(.*)'\)", re.DOTALL)


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
        found |= _given(step)
        for name, made in step.outputs.items():
            found[_named(step.node, name)] = Source(made.content, made)
    for node, items in maps.items():
        for name in {name for item in items for name in item.outputs}:
            contents = [i.outputs[name].content for i in items if name in i.outputs]
            digest = digest_struct("items", contents)
            found[_named(node, name)] = Source(digest, what=f"{len(contents):,} items")
    return found


def _named(node: str, output: str) -> str:
    return node if output == "result" else f"{node}.{output}"


def _given(step: StepRecord) -> Mapping[str, Source]:
    """Files and folders that the step was given."""
    if step.parts is None:
        return {}
    found: dict[str, Source] = {}
    for name, digest in step.parts.inputs.items():
        shown = step.parts.shown.get(name, "")
        if name in step.copies or is_path(shown):
            what = _PATH.sub(r"\1", shown)
            found[f"{step.node}({name})"] = Source(digest, step.copies.get(name), what)
    return found


def is_path(shown: str) -> bool:
    """Whether the text for people of an input is that of a file or folder."""
    return _PATH.fullmatch(shown) is not None


def _described(client: Client, source: Source) -> Data:
    if source.made is None:
        return Data(source.digest, source.what)
    try:
        manifest = client.manifest(source.made.artifact)
    except NotFound:
        return Data(source.digest, source.what or "(removed)")
    return Data(source.digest, source.what or describe(manifest), manifest.size)
