"""The page of results, RESULTS.md: `make bench` and `make bench-peers` each write a part of it."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE / "RESULTS.md"
PARTS = ("alone", "peers")


def put(part: str, text: str, page: Path = PAGE) -> None:
    """Replace this part, and leave the other as it is."""
    old = page.read_text() if page.exists() else ""
    texts = {name: found for name in PARTS if (found := _part(old, name))} | {part: text.strip()}
    marked = (f"<!-- {name} -->\n{texts[name]}\n" for name in PARTS if name in texts)
    page.write_text("\n".join(marked))


def _part(page: str, name: str) -> str:
    _, _, rest = page.partition(f"<!-- {name} -->\n")
    for other in PARTS:
        rest = rest.partition(f"<!-- {other} -->\n")[0]
    return rest.strip()


def machine() -> str:
    """The circumstances of what is measured from now on."""
    # What is measured is the code: a page that is being written beside it does not matter.
    edited = _git("status", "--porcelain", "--", "../src", "../pyproject.toml", "*.py")
    commit = _git("rev-parse", "--short", "HEAD") + ("-dirty" if edited else "")
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{time.strftime('%Y-%m-%d')}, commit {commit}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load before: {load}."
    )


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(HERE), *words], capture_output=True, text=True)
    return done.stdout.strip()
