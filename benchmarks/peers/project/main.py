"""main.py WORK ARGUMENT…: the work, as the adapter beside does it; prints what came out as JSON."""

import importlib
import json
import sys
import time
from types import ModuleType
from typing import Any

LARGE = {"array", "frame", "bits", "bits_load"}
"""Works whose module imports NumPy; `small` does not."""


def module_of(work: str) -> str:
    return "large" if work in LARGE else work if work in ("sweep", "prepare") else "small"


def many(module: ModuleType, count: int, seconds: int) -> int:
    """Up to `count` runs, as many as the time allows."""
    start = time.perf_counter()
    for number in range(count):
        module.many(number)
        if time.perf_counter() - start > seconds:
            return number + 1
    return count


def main() -> None:
    work, *arguments = sys.argv[1:]
    given: list[Any] = [int(one) if one.isdigit() else one for one in arguments]
    module = importlib.import_module(module_of(work))
    result = many(module, *given) if work == "many" else getattr(module, work)(*given)
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
