"""Work of no weight: what is measured is what a framework adds to it."""

import os
import time
from pathlib import Path


def executed(step: str) -> None:
    """Leaves a mark that the body of a step ran; only the works on edits and kills ask for it."""
    with open(os.environ["BENCH_MARKS"], "a") as marks:
        marks.write(step + "\n")


def wait_for_go() -> None:
    """Long, until it may go on: time enough to be killed in."""
    here = Path(os.environ["BENCH_MARKS"]).parent
    (here / "waiting").touch()
    while not (here / "go").exists():
        time.sleep(0.05)
