"""Keeps a run's lease alive beside the user's code: a thread, and soon a small process too.

The thread stops when a step holds the interpreter for long; the process does not. It hangs on a
pipe, so it ends with its parent, and it renews nothing while its parent is stopped.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

from penstock.core.ports import Journal

INTERVAL = 5.0
"""Seconds between renewals; a lease lasts 30."""


class Renewal:
    """Runs from `start` to `stop`; `lost` turns true when another owner has taken the run over."""

    def __init__(self, journal: Journal, token: str, command: Callable[[], list[str]]) -> None:
        self.journal, self.token, self.command = journal, token, command
        self.lost = False
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
            if not self.journal.renew(self.token):
                self.lost = True
                return
            if self.process is None and (command := self.command()):
                self.process = subprocess.Popen(
                    [sys.executable, *command], stdin=subprocess.PIPE, start_new_session=True
                )
