"""When what a run did is forced to the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from penstock.artifact_stores.local import LocalStore
from penstock.core import liveness
from penstock.core.events import Event, StepChanged
from penstock.core.records import RunRecord, StepRecord, now
from penstock.metadata_stores.sql import SqlStore
from penstock.metadata_stores.sql.journal import SqlJournal
from penstock.run import commit
from penstock.run.commit import Commits


@pytest.fixture
def store(tmp_path: Path) -> SqlStore:
    return SqlStore(tmp_path / "penstock.db")


class Diary:
    """Passes what is appended on, and remembers which of it had to reach the disk."""

    def __init__(self, journal: SqlJournal) -> None:
        self.journal = journal
        self.durable: list[bool] = []

    def append(self, token: str, events: Sequence[Event], *, durable: bool = False) -> None:
        self.durable.append(durable)
        self.journal.append(token, events, durable=durable)


def test_small_values_reach_the_disk_between_steps_though_no_file_waits(
    store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "INTERVAL", 0.0)
    run = RunRecord(id="r1", project="p", pipeline="train", owner=liveness.me())
    token = store.journal.begin(run)
    diary = Diary(store.journal)
    commits = Commits(diary, LocalStore(tmp_path / "artifacts"), "r1", token, [])  # type: ignore[arg-type]  # only `append` is asked
    commits.breathe()
    assert diary.durable == [], "nothing has happened"
    step = StepRecord(run="r1", node="fit", ref="flow:fit", status="done", queued=now())
    commits.add(StepChanged(step))
    commits.flush()
    commits.breathe()
    commits.breathe()
    assert diary.durable == [False, True], "once for what was written"
