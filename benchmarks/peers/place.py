"""A project made for the occasion, with a peer's adapter in it, and its processes, measured."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import Peer

HERE = Path(__file__).parent


class Failed(Exception):
    """What a peer could not do, in its own words."""


@dataclass(frozen=True, slots=True)
class Taken:
    seconds: float
    result: Any


@dataclass(frozen=True, slots=True)
class Place:
    root: Path
    peer: Peer
    python: Path
    environment: dict[str, str]

    def run(self, *arguments: object, limit: float) -> Taken:
        """One fresh process, from its start to its end, and what it printed last."""
        start = time.perf_counter()
        process = self.start(*arguments)
        # Not `wait(limit)`, which looks every 50 ms only.
        late = threading.Timer(limit, strike, [process])
        late.start()
        try:
            code = process.wait()
        finally:
            late.cancel()
            if process.returncode is None:  # Ctrl-C
                kill(process)
        seconds = time.perf_counter() - start
        if code and seconds >= limit:
            raise Failed(f"stopped after {limit:.0f} s")
        if code:
            raise Failed(self._last_words())
        return Taken(seconds, json.loads(self._output.read_text().splitlines()[-1]))

    def start(self, *arguments: object) -> subprocess.Popen[bytes]:
        """In a session of its own, so that it can be ended with all its children."""
        command = [self.python, "main.py", *map(str, arguments)]
        with open(self._output, "wb") as output, open(self._errors, "wb") as errors:
            return subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )

    @property
    def marks(self) -> list[str]:
        """Which bodies of steps ran, in the works that ask."""
        file = Path(self.environment["BENCH_MARKS"])
        return file.read_text().split() if file.exists() else []

    @property
    def _output(self) -> Path:
        return self.root.parent / "output"

    @property
    def _errors(self) -> Path:
        return self.root.parent / "errors"

    def _last_words(self) -> str:
        text = self._errors.read_text(errors="replace") or self._output.read_text(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        raised = [line for line in lines if re.match(r"(error:|[\w.]*(Error|Exception)\b)", line)]
        return (raised or lines or ["no word"])[-1].replace(str(self.root), "")[:160]


def kill(process: subprocess.Popen[bytes]) -> None:
    """-9, to it and all its children, and wait for its end."""
    strike(process)
    process.wait()


def strike(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def place(peer: Peer, python: Path, folder: Path | None) -> Iterator[Place]:
    """A new project under git, as most are; the peer's own state is kept inside of it."""
    with tempfile.TemporaryDirectory(
        prefix=f"peers-{peer.name}-", dir=folder, ignore_cleanup_errors=True
    ) as name:
        root = Path(name, "project")
        shutil.copytree(HERE / "project", root, ignore=shutil.ignore_patterns("__pycache__"))
        adapter = HERE / "adapters" / peer.name
        shutil.copytree(
            adapter, root, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
        (root / ".gitignore").write_text("__pycache__/\n")
        git = ["git", "-C", root, "-c", "user.name=bench", "-c", "user.email=bench@localhost"]
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "--quiet", "-m", "bench"], check=True)
        yield Place(root, peer, python, environment(peer, root, python))


def environment(peer: Peer, root: Path, python: Path) -> dict[str, str]:
    """Little of ours; nobody phones home: what is asked of the network is refused at once."""
    home = root.parent / "home"
    home.mkdir(exist_ok=True)
    refused = "http://127.0.0.1:9"
    own = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "USER": "bench",
        "LANG": "C.UTF-8",
        "TMPDIR": tempfile.gettempdir(),
        "BENCH_MARKS": str(root.parent / "marks"),
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), refused),
        **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost"),
    }
    return own | {name: value.format(root=root) for name, value in peer.environment.items()}
