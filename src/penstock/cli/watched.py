"""A watched run: it tells the process that watches it which files it uses, as it comes to use them."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import cache_from_source, source_from_cache
from pathlib import Path
from types import FrameType
from typing import Any
from typing import Literal as OneOf

import msgspec
from msgspec.structs import replace

from penstock.artifacts.paths import MANY, paths_in
from penstock.core.digest import digest_bytes
from penstock.core.failing import OURS
from penstock.core.importing import YOUNG
from penstock.core.naming import is_first_party
from penstock.core.project import Project, find_project
from penstock.core.records import StepRecord, now
from penstock.define.trace import Environment
from penstock.perform.arguments import look

SETTINGS = (".toml", ".yaml", ".yml")
"""Files that say how a run goes, when they are read."""
MOST = 1000
"""Undeclared reads that are told of: a step that reads more goes through a folder."""


class Use(msgspec.Struct, frozen=True, array_like=True):
    """A file or folder, how it is used, and as what it was found when that began."""

    kind: OneOf["used", "read", "written"]
    """`used`: the run depends on it. `read`: a step read it, undeclared. `written`: it made it."""
    path: str
    state: str


def state(path: str) -> str:
    """Another one when a file, or anything in a folder, is another; "" where there is none."""
    seen = look(Path(path))
    return digest_bytes(repr(seen).encode()) if seen is not None else ""


def main(pipe: int, lifeline: int, arguments: list[str]) -> int:
    """`penstock ARGUMENTS`; what it uses goes to the pipe, and it is cancelled when the line is cut."""
    global _watched
    for end in (pipe, lifeline):
        os.set_inheritable(end, False)
    sys.argv[:] = ["penstock", *arguments]
    _watched = _Watched(pipe, _projects(arguments))
    _watched.hold(lifeline)
    # Read now: whoever is imported from here on is heard of.
    from penstock.cli.main import main as command

    sys.addaudithook(_watched.hook)
    try:
        return command(arguments)
    finally:
        _watched.distrust()


def noting(environment: Environment) -> Environment:
    """The files that a definition names are told of, though their content is known by heart."""
    if _watched is None:
        return environment
    watched, digest = _watched, environment.digest_value

    def noted(value: Any) -> str:
        for path in paths_in(value, MANY):
            watched.tell("used", os.path.abspath(path))
        return digest(value)

    return replace(environment, digest_value=noted)


def noted(root: Path, steps: Iterable[StepRecord]) -> None:
    """What steps read in processes of their own."""
    for step in steps if _watched is not None else ():
        for read in step.reads:
            if _watched is not None and os.path.isfile(root / read):
                _watched.tell("read", str(root / read))


def superseded() -> bool:
    """Whether this run was cancelled because another is to begin: nobody has to be told how to go on."""
    return _watched is not None and _watched.superseded


class _Watched:
    def __init__(self, pipe: int, projects: Iterable[Project]) -> None:
        self.superseded = False
        self._pipe = pipe
        self._roots = tuple({f"{one.root}{os.sep}" for one in projects})
        self._homes = tuple({f"{one.home}{os.sep}" for one in projects})
        self._told: set[tuple[str, str]] = set()
        self._reads = 0
        self._written: set[str] = set()
        self._interrupted = False
        self._telling = threading.local()

    # ---- what it uses

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(args[0], str) and not getattr(self._telling, "now", 0):
            # What goes wrong here would go wrong in the code that opens the file.
            with suppress(OSError, ValueError):
                self._opened(args[0], args[2] if isinstance(args[2], int) else 0)

    def _opened(self, name: str, flags: int) -> None:
        path = os.path.abspath(name)
        writes = flags & os.O_ACCMODE != os.O_RDONLY or flags & (os.O_TRUNC | os.O_CREAT)
        if f"{os.sep}__pycache__{os.sep}" in path:
            if writes or not path.endswith(".pyc"):
                return
            path = source_from_cache(path)
        # Our own state changes with every run; its folder, too, is opened to bring names to the disk.
        ours = (OURS, *self._homes, "/proc/", "/dev/")
        if not is_first_party(path) or f"{path}{os.sep}".startswith(ours):
            return
        if writes:
            self._written.add(path)
            if ("used", path) in self._told or ("read", path) in self._told:
                self.tell("written", path)
        elif path.endswith(".py"):
            self.tell("used", path)
        elif any(path.startswith(root) and not _hidden(path, root) for root in self._roots):
            self.tell("used" if path.endswith(SETTINGS) else "read", path)

    def tell(self, kind: OneOf["used", "read", "written"], path: str) -> None:
        if (kind, path) in self._told or (kind != "written" and path in self._written):
            return
        if kind == "read":
            self._reads += 1
            if self._reads > MOST:
                return
        self._told.add((kind, path))
        self._telling.now = True
        try:
            # Before it is read: what changes from now on will be seen.
            use = Use(kind, path, state(path) if kind == "used" else "")
            os.write(self._pipe, msgspec.json.encode(use) + b"\n")
        except OSError:
            # Nobody watches any more, and the line is cut.
            return
        finally:
            self._telling.now = False

    def distrust(self) -> None:
        """Remove the bytecode of what was edited a moment ago, also of modules that would not load.

        Python takes it for current when the source has the same second and size.
        """
        for kind, path in tuple(self._told):
            with suppress(OSError, NotImplementedError):
                if kind == "used" and path.endswith(".py") and _young(path):
                    os.unlink(cache_from_source(path))

    # ---- its end

    def hold(self, lifeline: int) -> None:
        """Be cancelled, as by Ctrl-C, at a byte (another run is to begin) or at the death of the other end."""

        def interrupted(number: int, frame: FrameType | None) -> None:
            self._interrupted = True
            signal.default_int_handler(number, frame)

        def wait() -> None:
            self.superseded = os.read(lifeline, 1) != b""
            # In a terminal Ctrl-C came to both of us, and is being followed.
            if not self._interrupted:
                os.kill(os.getpid(), signal.SIGINT)

        signal.signal(signal.SIGINT, interrupted)
        threading.Thread(target=wait, daemon=True).start()


def _projects(words: Iterable[str]) -> list[Project]:
    """That of the working directory, and those of the files that stand on the command line."""
    files = (Path(word.rpartition(":")[0] or word) for word in words)
    folders = [Path.cwd(), *(file.resolve().parent for file in files if os.path.isfile(file))]
    return [find_project(folder) for folder in folders]


def _hidden(path: str, root: str) -> bool:
    """Whether it is in a folder whose name begins with a dot: .git, .venv, a tool's own."""
    return any(part.startswith(".") for part in path[len(root) :].split(os.sep)[:-1])


def _young(path: str) -> bool:
    return now() / 1e6 - os.stat(path).st_mtime < YOUNG


_watched: _Watched | None = None
