"""The beat of a lease goes on, whatever one of them met."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from penstock.core import liveness
from penstock.core.tame import as_json
from penstock.errors import StoreError
from penstock.run import renewal
from penstock.run.renewal import Renewal
from penstock.session import session


class BusyAtFirst:
    """A journal that another program holds when it is first asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.renewed = threading.Event()

    def renew(self, token: str) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise StoreError("busy for 30 seconds")
        self.renewed.set()
        return True


def test_a_lease_is_renewed_at_the_next_beat_where_the_store_was_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(renewal, "INTERVAL", 0.01)
    journal: Any = BusyAtFirst()
    one = Renewal(journal, "token", list)
    one.start()
    assert journal.renewed.wait(60)
    one.stop()


def test_the_process_that_renews_bears_a_store_that_is_busy(penstock_project: Path) -> None:
    stack = session().stack
    words = [stack.reference(), "token", as_json(liveness.me())]
    code = (
        "import sys, penstock.metadata_stores.sql.database as database\n"
        "database.BUSY = 0.05\n"
        "import penstock.renewer as renewer\n"
        "renewer.INTERVAL = 0.05\n"
        "main, renewer.liveness.alive = renewer.main, lambda owner: print('beat', flush=True) or True\n"
        "main(*sys.argv[1:])\n"
    )
    database = sqlite3.connect(penstock_project / ".penstock/penstock.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    beats = [process.stdout.readline() for _ in range(3)]
    database.execute("ROLLBACK")
    database.close()
    # The lease that nobody has is lost at the first beat that is answered.
    _, errors = process.communicate(timeout=60)
    assert (beats, errors) == (["beat\n"] * 3, "")
