"""The primary metric: by what runs are judged, and which of several numbers is the best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from penstock.core.conditions import Measure
from penstock.core.records import RunRecord
from penstock.core.where import names, shown


class Primary(Struct, frozen=True):
    """A metric and its direction."""

    metric: str
    """As people write it: "evaluate.auc"."""
    lower: bool = False
    """Whether lower is better."""

    @property
    def measure(self) -> Measure | None:
        return names.measure(self.metric)

    def better(self, value: object, than: object) -> bool | None:
        """Whether a value is better (True) or worse (False); None if they are equal, or one is missing.

        NaN is worse than every number.
        """
        if not isinstance(value, int | float) or not isinstance(than, int | float):
            return None
        if math.isnan(value) or math.isnan(than):
            return None if math.isnan(value) and math.isnan(than) else math.isnan(than)
        if value == than:
            return None
        return (value < than) == self.lower

    def best(self, values: Sequence[object]) -> int | None:
        """The place of the best; the first among equals, None if none is a number."""
        found: int | None = None
        for at, value in enumerate(values):
            if not isinstance(value, int | float) or math.isnan(value):
                continue
            if found is None or self.better(value, values[found]):
                found = at
        return found


def primary(runs: Iterable[RunRecord]) -> Primary | None:
    """What these runs declared; None if they differ. Runs of before it was declared are judged, too."""
    declared = {str(run.options.get("primary") or "") for run in runs} - {""}
    return read(declared.pop()) if len(declared) == 1 else None


def read(text: str) -> Primary | None:
    """ "evaluate.auc", or "-evaluate.loss" where lower is better; None of neither."""
    measure = names.measure(text.removeprefix("-"))
    return None if measure is None else Primary(shown(measure), text.startswith("-"))
