"""The statuses of a run's steps: `assert statuses(run) == {"load": "reused", "fit": "done"}`."""

from __future__ import annotations

from typing import Any

from penstock.api.run import Run


def statuses(run: Run[Any], *, items: bool = False) -> dict[str, str]:
    """Every step's status by its name, in order; with `items` those of maps, too: "fit[3]"."""
    steps = [one for step in run.steps for one in (step, *(step.items if items else ()))]
    return {one.name: one.status for one in steps}
