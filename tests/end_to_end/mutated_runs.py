"""What a process does: random edits of a package, each run and beside that executed plainly, cold."""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import children
from tests.define.mutations import PACKAGE, STEPS, edited

FLOW = f"""
from penstock import each, pipeline, step
from mutated import steps

STEPS = {{
    name: step(getattr(steps, name)).named(name) for name in {STEPS} if hasattr(steps, name)
}}

@pipeline
def everything() -> dict:
    return {{name: one.map_collect(each([3, 5, 60])) for name, one in STEPS.items()}}
"""
_PLACE = re.compile(r" at 0x[0-9a-f]+| from '.*?'| \(/.*\)$")
UNFIT = "SerializationError"
"""An edit may make a step return what cannot be stored."""


def words(value: object) -> str:
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(words, value)))}}}"
    return _PLACE.sub("", repr(value))


def broken(kind: str, message: str) -> str:
    # How deep a recursion was found to be too deep depends on where it began.
    return kind if kind == "RecursionError" else _PLACE.sub("", f"{kind}: {message}")


def tracked() -> dict[str, Any] | None:
    from penstock import Failure  # loaded by the parent

    try:
        flow = importlib.import_module("flow")
    except Exception:  # An edit may break anything.
        return None
    run = flow.everything.run()
    told = {
        name: [broken(v.type, v.message) if isinstance(v, Failure) else words(v) for v in values]
        for name, values in run.result().items()
    }
    made = sum(item.status == "done" for step in run.steps for item in step.items)
    return {"told": told, "made": made, "calls": sum(map(len, told.values()))}


def plainly() -> dict[str, list[str]]:
    steps = importlib.import_module("mutated.steps")

    def outcome(function: Callable[[int], object], x: int) -> str:
        try:
            return words(function(x))
        except Exception as error:  # An edit may break anything.
            return broken(type(error).__name__, str(error))

    return {
        name: [outcome(getattr(steps, name), x) for x in (3, 5, 60)]
        for name in STEPS
        if hasattr(steps, name)
    }


def main() -> None:
    """Arguments: a folder, the seed of the edits, how many."""
    folder, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    children.begin()
    chance = random.Random(seed)
    texts, what, sound = PACKAGE, "unedited", PACKAGE
    found = []
    for i in range(count):
        project = folder / f"{seed}-{i}"
        for name, text in texts.items():
            file = project / "mutated" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (project / "flow.py").write_text(FLOW)
        (project / "pyproject.toml").write_text('[project]\nname = "mutated"\n')
        os.chdir(project)
        run = children.child(tracked, project)
        if run is not None:
            sound = texts
            plain = children.child(plainly, project)
            stale = {
                name: [values, plain[name]]
                for name, values in run.pop("told").items()
                if any(a != b and UNFIT not in a for a, b in zip(values, plain[name], strict=True))
            }
            found.append({"edit": what, **run, "stale": stale})
        texts, what = edited(sound if i % 3 else PACKAGE, chance)
    print("@@" + json.dumps(found))  # noqa: T201
