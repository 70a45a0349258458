"""Two hundred random edits, each run and beside that executed cold: never an old result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEEDS, EDITS = range(4), 60


def runs_of_edits(folder: Path, seed: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", "import mutated_runs; mutated_runs.main()", folder, str(seed), str(EDITS)],
        env=os.environ
        | {
            "PYTHONHASHSEED": "random",
            "PENSTOCK_HOME": str(folder / "home"),
            "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent.parent}",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.rpartition("@@")[2])
    return found


def every(folder: Path) -> Iterator[dict[str, Any]]:
    with ThreadPoolExecutor(2) as pool:
        for some in pool.map(lambda seed: runs_of_edits(folder, seed), SEEDS):
            yield from some


def test_no_random_edit_ever_gives_an_old_result(tmp_path: Path) -> None:
    found = list(every(tmp_path))
    assert len(found) >= 200
    assert {one["edit"]: one["stale"] for one in found if one["stale"]} == {}
    # All of them share a store, so most of what an edit does not reach was known.
    assert sum(one["made"] for one in found) < sum(one["calls"] for one in found) / 2
