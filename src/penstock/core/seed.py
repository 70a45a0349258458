"""The seed of a call: of the run's seed, the function, the item's own values, and which equal call it is."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.core.digest import digest_struct


def call_seed(run: int, ref: str, items: Sequence[str], occurrence: int) -> int:
    """32 bits, as NumPy takes them. `items` are digests of what a map gives to this call.

    Neither the pipeline, nor the module (a script's is its own), nor the place in the graph counts.
    """
    name = ref.partition(":")[2]
    return int(digest_struct("seed", run, name, items, occurrence)[:8], 16)
