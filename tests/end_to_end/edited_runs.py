"""What a process does: for each project, a run of all its steps and what the same functions return plainly.

Each project is run in a child of its own, which has loaded nothing of another.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import children

BESIDE = ("elsewhere", "site-packages")
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def told(make: Callable[[], object]) -> str:
    """A value in words that are the same in every process; of a failure, which."""
    try:
        return _words(make())
    except Exception as error:  # An edit may break anything.
        return f"{type(error).__name__}: {error}"


def _words(value: object) -> str:
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(_words, value)))}}}"
    return _ADDRESS.sub("", repr(value))


def tracked() -> dict[str, Any]:
    """Which steps of `flow.py` were made, with their results, and the same by plain calls."""
    flow = importlib.import_module("flow")
    run = flow.everything.options(keep_going=True, on_error="return").run()
    made, stale = {}, {}
    for step in run.steps:
        if step.status in ("done", "failed"):
            made[step.name] = step.reason
        error = step.error
        came = f"{error.type}: {error.message}" if error else told(step.output.load)
        plain = told(lambda name=step.name: flow.PLAIN[name]())
        if came != plain:
            stale[step.name] = [came, plain]
    return {
        "made": made,
        "stale": stale,
        "notes": {step.name: list(step.notes) for step in run.steps if step.notes},
        "run": run.id,
    }


def main() -> None:
    children.begin()
    found = {}
    for name in sys.argv[1:]:
        project = Path(name)
        os.chdir(project)
        beside = [project.parent / folder for folder in BESIDE]
        found[name] = children.child(tracked, project, *beside)
    print("@@" + json.dumps(found))  # noqa: T201
