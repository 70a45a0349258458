"""Artifacts of earlier runs, as values: loaded here, or passed to a run as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from penstock.api import seam
from penstock.define.markers import Reference

if TYPE_CHECKING:
    from penstock.experiments.artifact import Card, Consumer, Producer
    from penstock.experiments.links import Lineage


class Artifact(Reference):
    """What an earlier run made. Goes wherever a value goes; `load()` gives the value itself."""

    __slots__ = ("_stack",)

    def __init__(self, address: str, stack: str = "") -> None:
        super().__init__(address)
        self._stack = stack

    def load(self) -> Any:
        """The value, verified, and a fresh one for each call."""
        return seam.client(self._stack).fetch(self.address)

    def show(self) -> Card:
        """What it is, a look into it, which steps made it and which used it; printed, it is a text.

        No code of anybody's runs for it: of a pickle only what was noted when it was stored is told.
        """
        return seam.card(seam.client(self._stack), self.address)

    @property
    def producer(self) -> Producer | None:
        """The step that made it first: its run, name and output; None if a run was given it."""
        return next(iter(self.show().made_by), None)

    @property
    def consumers(self) -> tuple[Consumer, ...]:
        """The steps that took it, by run, name and parameter, oldest first."""
        return self.show().used_by

    @property
    def lineage(self) -> Lineage:
        """What it was made from, back to files and values, and what was made from it; printed, a tree."""
        return seam.lineage(seam.client(self._stack), self.address)

    def _repr_html_(self) -> str | None:
        return seam.form("of_artifact", seam.client(self._stack), self.address)


def ref(address: str) -> Any:
    """An old result by address: `ref("run:ab12/fit")`, `ref("run:ab12/split.train")`.

    It is resolved once, when the run that uses it starts, and keyed by its content.
    """
    return cast(Any, Artifact(address))
