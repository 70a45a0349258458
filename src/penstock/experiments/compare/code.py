"""What of the keys of two runs differs: functions with their diffs, parameters of steps, options."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff

from msgspec import Struct
from msgspec.structs import replace

from penstock.client import Client
from penstock.core.parts import (
    Change,
    CodeChange,
    InputChange,
    NameChange,
    PackageChange,
    ParameterChange,
    explain,
    words,
)
from penstock.core.records import StepRecord
from penstock.experiments.inputs import path


class Changed(Struct, frozen=True, kw_only=True):
    """One change from the baseline to a run, with the steps that it is a part of."""

    run: str
    steps: tuple[str, ...]
    words: str
    """ "helper 'features.encode' (features.py)"."""
    change: Change
    diff: str = ""
    """Of code: the lines that differ, as `diff -u` has them."""

    @property
    def is_code(self) -> bool:
        return isinstance(self.change, CodeChange | NameChange)


def changes(
    client: Client, runs: Sequence[tuple[str, Sequence[StepRecord]]]
) -> tuple[Changed, ...]:
    """From the first of these runs to each other one. Data and packages are told elsewhere."""
    found: list[Changed] = []
    for run, steps in runs[1:]:
        together: dict[object, tuple[Change, list[str]]] = {}
        for name, change in _between(client, runs[0][1], steps):
            _, names = together.setdefault(_same(change, name), (change, []))
            names.append(name)
            if isinstance(change, CodeChange) and change.own:
                together[_same(change, name)] = change, names
        found += [_changed(run, change, names) for change, names in together.values()]
    return tuple(found)


def _same(change: Change, step: str) -> object:
    """What is told once: a function is a step's own code and another one's helper."""
    match change:
        case CodeChange():
            return replace(change, own=False)
        case NameChange():
            return change
        case _:
            return change, step


def _between(
    client: Client, before: Sequence[StepRecord], after: Sequence[StepRecord]
) -> Iterator[tuple[str, Change]]:
    """By step; of a map, what differs in the first item that does."""
    old = {step.name: step.parts for step in before if step.parts is not None}
    told: set[str] = set()
    for step in after:
        was = old.get(step.name)
        if was is None or step.parts is None or step.node in told or was == step.parts:
            continue
        found = explain(was, step.parts, client.code_of, ref=step.ref)
        if found:
            told.add(step.node)
        for change in found:
            if isinstance(change, InputChange | PackageChange):
                continue
            shown = step.parts.shown.get(change.name, "")
            if not isinstance(change, ParameterChange) or path(shown) is None:
                yield step.name, change


def _changed(run: str, change: Change, steps: Sequence[str]) -> Changed:
    diff = ""
    if isinstance(change, CodeChange):
        lines = unified_diff(
            change.before.splitlines(), change.after.splitlines(), lineterm="", n=3
        )
        diff = "\n".join([*lines][2:])
    return Changed(run=run, steps=tuple(steps), words=words(change), change=change, diff=diff)
