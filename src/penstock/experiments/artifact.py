"""One artifact: found by how people name it, what it is, a look into it, who made it and who uses it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from penstock.artifacts.extras import missing
from penstock.artifacts.files import fetched
from penstock.client import Client, describe
from penstock.core.place import near
from penstock.core.records import Made, Manifest, StepRecord
from penstock.errors import NotFound, StoreError
from penstock.experiments.inputs import is_taken
from penstock.serializers.preview import Preview, preview
from penstock.views.words import one_line

VERIFIED = 64 << 20
"""Bytes up to which what is looked at is verified first."""


_Use = tuple[str, str, str, str]
"""Run, node, index, parameter."""


class Producer(Struct, frozen=True):
    """A step that made an artifact, or reused it, as this output."""

    run: str
    step: str
    output: str

    def __str__(self) -> str:
        return f"{self.run}/{self.step}.{self.output}".removesuffix(".result").removesuffix(".")


class Consumer(Struct, frozen=True):
    """A step that took an artifact as this parameter."""

    run: str
    step: str
    parameter: str

    def __str__(self) -> str:
        return f"{self.run}/{self.step}.{self.parameter}"


class Card(Struct, frozen=True, kw_only=True):
    """What is known of an artifact."""

    id: str
    about: str
    """A few words: "DataFrame 330000 × 12, 31.2 MB"."""
    type: str
    serializer: str
    content: str
    size: int
    """Bytes, all files together."""
    unsafe: bool
    items: int | None
    meta: Mapping[str, Any]
    files: tuple[tuple[str, int], ...]
    paths: tuple[str, ...]
    """Where its bytes lie, unless in the record."""
    made_by: tuple[Producer, ...]
    """Oldest first; a step that reused it counts."""
    used_by: tuple[Consumer, ...]
    preview: Preview
    problem: str = ""
    """Why there is nothing to look at."""

    def __str__(self) -> str:
        rows = ["  ".join(row) for row in (self.preview.columns, *self.preview.rows) if row]
        made = [f"made by {one}" for one in self.made_by[:1]]
        used = [f"used by {one}" for one in self.used_by[-5:]]
        text = self.preview.text or self.problem
        return "\n".join([self.about, *made, *used, *rows, *([text] if text else [])])


class Found(Struct, frozen=True):
    """An artifact, and the step that it was named by: others may have made the same."""

    manifest: Manifest
    step: StepRecord | None = None
    output: str = ""


def find(client: Client, name: str) -> Found:
    """By its id, the beginning of one, or as an output: "artifact:ID", "RUN/STEP", "RUN/STEP.OUTPUT".

    Raises NotFound.
    """
    name = name.removeprefix("run:")
    if name.startswith("artifact:"):
        return Found(client.manifest(name.removeprefix("artifact:")))
    run, slash, rest = name.partition("/")
    if not slash:
        return Found(client.manifest(name))
    record = client.run(run)
    steps = {step.name: step for step in client.steps(record.id)}
    for node, output in _readings(rest):
        if node in steps:
            output, made = _output(steps[node], output, name)
            return Found(client.manifest(made.artifact), steps[node], output)
    raise NotFound(f"run '{record.id}' has no step '{rest}'", hint=near(rest, steps))


def is_artifact(name: str) -> bool:
    """Whether this can only be an artifact's address, or may be the beginning of an id."""
    return "/" in name or name.startswith("artifact:") or is_digest(name)


def is_digest(name: str) -> bool:
    return len(name) >= 4 and set(name) <= set("0123456789abcdef")


def card(client: Client, manifest: Manifest) -> Card:
    """All of it; what cannot be looked at says why."""
    catalog = client.stack.metadata.catalog
    made, used = catalog.producers(manifest.id), catalog.consumers(manifest.content)
    # What was given to runs as a literal was made by none.
    given = not any(output for *_, output in made)
    look, problem = _look(client, manifest)
    return Card(
        id=manifest.id,
        about=describe(manifest),
        type=manifest.type,
        serializer=manifest.serializer,
        content=manifest.content,
        size=manifest.size,
        unsafe=manifest.unsafe,
        items=manifest.items,
        meta=manifest.meta,
        files=tuple((file.name, file.size) for file in manifest.files),
        paths=tuple(map(str, _paths(client, manifest))),
        made_by=tuple(Producer(run, _step(node, at), name) for run, node, at, name in made),
        used_by=tuple(
            Consumer(run, _step(node, index), name)
            for run, node, index, name in (used if given else _took(client, used))
        ),
        preview=look,
        problem=problem,
    )


def _readings(name: str) -> list[tuple[str, str]]:
    """ "split.train" and "split/train" are a step of that name, or its output `train`."""
    found = [(name, "")]
    for mark in ("/", "."):
        step, between, output = name.rpartition(mark)
        if between:
            found.append((step, output))
    return found


def _output(step: StepRecord, output: str, name: str) -> tuple[str, Made]:
    made = {**step.outputs, **step.logged.artifacts}
    if not output and len(step.outputs) == 1:
        output = next(iter(step.outputs))
    if output in made:
        return output, made[output]
    if step.total is not None and not step.index:
        raise NotFound(
            f"'{name}' is a map of {step.total} items",
            hint=f"Name one of them: {name}[0]. All: penstock artifacts {step.run} {step.node}",
        )
    if not step.outputs:
        raise NotFound(f"'{name}' gave nothing: it is {step.status}", hint=_why(step))
    names = ", ".join(f"{name.removesuffix(f'.{output}')}.{one}" for one in made)
    raise NotFound(f"'{name}' names no output", hint=f"It has: {names}")


def _why(step: StepRecord) -> str:
    if step.error is None:
        return step.reason
    command = f"penstock debug {step.run} {shlex.quote(step.name)}"
    return f"{one_line(f'{step.error.type}: {step.error.message}')}\nReplay it: {command}"


def _step(node: str, index: str) -> str:
    return f"{node}[{index}]" if index else node


def _took(client: Client, rows: Sequence[_Use]) -> Iterator[_Use]:
    """Steps that took the artifact, and not a literal that happens to equal it."""
    known: dict[tuple[str, str], dict[str, StepRecord]] = {}
    for run, node, index, name in rows:
        if (run, node) not in known:
            known[run, node] = {step.index: step for step in client.steps(run, node)}
        step = known[run, node].get(index)
        if step is None or step.parts is None or is_taken(step.parts.shown.get(name, "")):
            yield run, node, index, name


def _look(client: Client, manifest: Manifest) -> tuple[Preview, str]:
    store = client.stack.artifacts.store
    if manifest.items is not None:
        try:
            listed = client.stack.artifacts.items(manifest)
        except StoreError as error:
            return Preview(), error.message
        some = [describe(client.manifest(one.artifact)) for one in listed[:10]]
        return Preview(text="\n".join(some), more=len(listed) > len(some)), ""
    if manifest.unsafe and not _is_plain_beside(manifest):
        return preview(
            manifest, {}
        ), "it is a pickle: only `load()` reads it, for that runs its code"
    files: Mapping[str, Path | bytes]
    try:
        if manifest.inline is not None or manifest.size <= VERIFIED:
            files = dict(fetched(client.stack.artifacts.store, manifest))
        else:
            files = {file.name: store.path(file, verify=False) for file in manifest.files}
        return preview(manifest, files), ""
    except StoreError as error:
        return Preview(), error.message
    except ImportError as error:
        absent = missing(error, "a look inside", manifest.serializer)
        return Preview(), f"{absent.message}. {absent.hint}"
    except (ValueError, OSError, KeyError, TypeError) as error:
        # Bytes that are not what their names say: of a serializer that we do not know.
        return Preview(), f"it cannot be read: {error}"


def _is_plain_beside(manifest: Manifest) -> bool:
    """Whether something of it can be read that is no pickle: a picture, the JSON around one, a stream."""
    return any(not file.name.endswith((".pickle", ".pkl", ".joblib")) for file in manifest.files)


def _paths(client: Client, manifest: Manifest) -> list[Path]:
    paths: list[Path] = []
    for file in manifest.files if manifest.inline is None else ():
        try:
            paths.append(client.stack.artifacts.store.path(file, verify=False))
        except StoreError:
            continue
    return paths
