"""Descriptors 0, 1 and 2: what a daemon or `>&-` has closed of them leads nowhere, not to our files."""

from __future__ import annotations

import os


def stand() -> None:
    """Open those that are closed: else the next file or socket would be one of them, and be printed to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest that is free, which is this one; a child process has it, too.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
