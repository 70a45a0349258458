"""Artifacts of earlier runs, as values: loaded here, or passed to a run as they are."""

from __future__ import annotations

from typing import Any, cast

from penstock.api import seam
from penstock.define.markers import Reference


class Artifact(Reference):
    """What an earlier run made. Goes wherever a value goes; `load()` gives the value itself."""

    __slots__ = ("_stack",)

    def __init__(self, address: str, stack: str = "") -> None:
        super().__init__(address)
        self._stack = stack

    def load(self) -> Any:
        """The value, verified, and a fresh one for each call."""
        return seam.client(self._stack).fetch(self.address)

    def _repr_html_(self) -> str | None:
        return seam.form("of_artifact", seam.client(self._stack), self.address)


def ref(address: str) -> Any:
    """An old result by address: `ref("run:ab12/fit")`, `ref("run:ab12/split.train")`.

    It is resolved once, when the run that uses it starts, and keyed by its content.
    """
    return cast(Any, Artifact(address))
