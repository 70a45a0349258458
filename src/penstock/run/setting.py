"""What the engine asks of the outside, besides the stores."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from penstock.core.options import Options
from penstock.core.ports import Executor
from penstock.core.records import Manifest, StepRecord
from penstock.run.products import Single
from penstock.run.tasks import Task


class Setting(Struct, frozen=True):
    """One run's surroundings."""

    run: str
    options: Options
    logical_date: str
    executor: Callable[[str], Executor]
    """By kind: "" is the run's own, "processes" one where a step has its own process."""
    isolated: bool
    """Whether no step is given a process apart: each has one, or records in memory let none have one."""
    explain: Callable[[Task], str]
    """Why a call is executed, in a line."""
    borrow: Callable[[str, str], StepRecord | None]
    """The newest recorded result of a step, for a partial run."""
    resolve: Callable[[str], Single]
    """What a reference to an earlier result stands for."""
    checkpoint: Callable[[str], Manifest | None]
    failed: Callable[[BaseException], None] | None = None
    """Told of a user's exception as it happens (a debugger)."""
