"""The small process that renews a run's lease while the run's own interpreter may be held.

`python -m penstock.renewer STACK TOKEN OWNER`: hangs on standard input, and ends with its parent.
"""

from __future__ import annotations

import select
import sys
from contextlib import suppress

import msgspec

from penstock.core import liveness
from penstock.core.records import Owner
from penstock.errors import StoreError
from penstock.run.renewal import INTERVAL
from penstock.stack import metadata_from


def main(reference: str, token: str, owner: str) -> None:
    """Renew until the parent is gone, the lease is lost, or the run has ended."""
    parent = msgspec.json.decode(owner, type=Owner)
    journal = metadata_from(reference).journal
    while not select.select([sys.stdin], [], [], INTERVAL)[0]:
        # A stopped parent does no work: its lease is left to run out.
        if not liveness.alive(parent):
            continue
        with suppress(StoreError):  # busy or full: perhaps not so at the next beat
            if not journal.renew(token):
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
