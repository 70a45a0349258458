"""Many faults, one after another, in two nurseries side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.campaigns.scene import Nursery

Strike = Callable[[Nursery, Path, str, str], None]
"""Of a nursery, an empty home, a fault ("die:17"), and the operation that it hits."""


def strike_all(
    nurseries: Sequence[Nursery],
    homes: Path,
    trace: Sequence[str],
    trials: Sequence[tuple[str, int]],
    strike: Strike,
) -> None:
    """Each trial is an act and the number, from 1, of the operation of `trace` that it hits."""
    homes.mkdir()
    failures: list[BaseException] = []

    def work(nursery: Nursery, mine: Sequence[tuple[str, int]]) -> None:
        try:
            for act, at in mine:
                fault = _spelled(act, at)
                strike(nursery, homes / fault.replace(":", "-"), fault, trace[at - 1])
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(nursery, trials[number :: len(nurseries)]))
        for number, nursery in enumerate(nurseries)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for nursery in nurseries:
        nursery.close()
    if failures:
        raise failures[0]


def _spelled(act: str, at: int) -> str:
    word, *rest = act.split(":")
    return ":".join((word, str(at), *rest))
