"""Run as a process: the code digests of all functions in the `steps.py` of each project."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import FunctionType

from penstock.define.closure import Closures

BESIDE = ("elsewhere", "site-packages")


def digests(project: Path) -> dict[str, list[object]]:
    folders = [str(project), *(str(project.parent / name) for name in BESIDE)]
    sys.path[:0] = folders
    before = set(sys.modules)
    try:
        steps = importlib.import_module("shop.steps")
        closures = Closures(project, lambda value: f"{type(value).__name__} {value!r}")
        found = {}
        for name, value in sorted(vars(steps).items()):
            if isinstance(value, FunctionType) and value.__module__ == "shop.steps":
                closure = closures.closure(value)
                found[name] = [closure.digest, closure.distributions, closure.problems]
        return found
    finally:
        del sys.path[: len(folders)]
        for name in set(sys.modules) - before:
            del sys.modules[name]
        importlib.invalidate_caches()


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    print(json.dumps({name: digests(Path(name)) for name in sys.argv[1:]}))  # noqa: T201
