"""Keeps a run's lease alive beside the user's code: a thread, and soon a small process too.

The thread stops when a step holds the interpreter for long; the process does not. It hangs on a
pipe, so it ends with its parent, and it renews nothing while its parent is stopped.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from penstock.core.ports import Journal
from penstock.errors import StoreError

INTERVAL = 5.0
"""Seconds between renewals; a lease lasts 30."""


class Renewal:
    """Runs from `start` to `stop`, or until another owner has taken the run over."""

    def __init__(self, journal: Journal, token: str, command: Callable[[], list[str]]) -> None:
        self.journal, self.token, self.command = journal, token, command
        self.process: subprocess.Popen[bytes] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="penstock-lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            self.process.wait()

    def _renew(self) -> None:
        while not self._stop.wait(INTERVAL):
            # A store that is busy or full, or a system without a process to spare, may be better
            # off at the next beat. What has to be said of a store, the run's own writes say.
            with suppress(StoreError, OSError):
                if not self.journal.renew(self.token):
                    return
                if self.process is None and (command := self.command()):
                    self.process = subprocess.Popen(
                        [sys.executable, *command], stdin=subprocess.PIPE, start_new_session=True
                    )
