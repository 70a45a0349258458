"""A process that uses a store as it is told, line by line, and answers each with a line.

`python player.py STORE`; lines are expressions, with what tests of records need at hand.
"""

import sys
from typing import Any

from penstock.core.events import Barrier, RunEnded
from penstock.errors import PenstockError
from penstock.metadata_stores.sql import SqlStore
from penstock.testing import metadata


def main() -> None:
    names: dict[str, Any] = {**vars(metadata), "Barrier": Barrier, "RunEnded": RunEnded}
    names |= {"SqlStore": SqlStore, "path": sys.argv[1]}
    for line in sys.stdin:
        try:
            answer: Any = eval(line, names)  # noqa: S307 (lines come from the test that started us)
        except PenstockError as error:
            answer = type(error).__name__
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
