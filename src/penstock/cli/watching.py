"""`penstock run … --watch`: run, wait until a file that the run uses is saved, and run again.

Each run is a process of its own, so that no code of an earlier one lives on; what has not changed is
known by its key, and costs nothing. The run tells over a pipe which files it uses.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import cache_from_source
from types import FrameType

import msgspec

from penstock.cli.terminal import terminal
from penstock.cli.watched import Use, state

EVERY = 0.25
"""Seconds between looks. They are looks at known files, so a busy disk or a large tree costs nothing."""
SHARE = 20
"""A look at very many files is followed by a pause so many times as long as it took."""
SETTLE = 0.1
"""Seconds for which files must stay as they are: editors write in several steps, tools several files."""
LAST_WORDS = 2.0
"""Seconds that a run has to end when someone is impatient."""
FLAG = "--watch"
MAIN = "import sys; sys.path[:] = {path!r}; from penstock.cli.watched import main; sys.exit(main({pipe}, {lifeline}, {arguments!r}))"


def watch(arguments: Sequence[str], *, patient: bool) -> int:
    """Until Ctrl-C: 0, or 130 if a run was under way; 2 if the command is wrong as it stands.

    A run whose code changes meanwhile is cancelled and begun anew; a `patient` watcher lets it end.
    """
    own = [word for word in arguments if word != FLAG]
    known: dict[str, str] = {}
    with _terminable():
        while True:
            run = _Run(own, known)
            try:
                changed = run.follow(patient=patient)
            except KeyboardInterrupt:
                run.cancel()
                return 130
            known = run.known()
            if run.code == 2 and all(path.endswith(".toml") for path in {**run.before, **run.used}):
                # None came to code: what stands on the command line is wrong, and no save mends it.
                return 2
            try:
                changed = changed or _wait(known, run.missing())
            except KeyboardInterrupt:
                terminal.note()
                return 0
            _forget_bytecode(changed)
            terminal.note(terminal.style(f"{_shown(changed)} changed", "bold", err=True))


def _wait(known: Mapping[str, str], folders: Mapping[str, str]) -> list[str]:
    count = f"{len(known)} files" if len(known) != 1 else "1 file"
    terminal.note()
    terminal.note(terminal.style(f"watching {count}; Ctrl-C ends", "dim", err=True))
    while True:
        began = time.monotonic()
        if changed := [*_changes(known), *_arrivals(folders)]:
            return _settled(changed)
        time.sleep(_pause(began))


def _pause(began: float) -> float:
    """Seconds between a look that began then and has ended now, and the next one."""
    return max(EVERY, SHARE * (time.monotonic() - began))


def _changes(known: Mapping[str, str]) -> list[str]:
    return [path for path, before in known.items() if state(path) != before]


def _arrivals(folders: Mapping[str, str]) -> list[str]:
    return [folder for folder, before in folders.items() if _modules(folder) != before]


def _settled(changed: list[str]) -> list[str]:
    """The same, when nothing moves any more."""
    before = None
    while before != (before := [state(path) for path in changed]):
        time.sleep(SETTLE)
    return changed


def _forget_bytecode(changed: Sequence[str]) -> None:
    """Python would take it for current where two saves are of one second, and of one size."""
    for path in changed:
        with suppress(OSError, NotImplementedError):
            os.unlink(cache_from_source(path))


def _modules(folder: str) -> str:
    """What can be imported from a folder, by name."""
    try:
        names = os.listdir(folder)
    except OSError:
        return ""
    kept = (n for n in names if n.endswith(".py") or ("." not in n and n != "__pycache__"))
    return "\n".join(sorted(kept))


def _shown(paths: Sequence[str]) -> str:
    names = [os.path.relpath(path) for path in paths[:3]]
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(names) + more


# ---- one run


@dataclass(slots=True)
class _Run:
    """A run in a process of its own, and what is heard of it."""

    arguments: Sequence[str]
    before: Mapping[str, str]
    """What the last run used, as it was found when this one began."""
    used: dict[str, str] = field(default_factory=dict)
    code: int = 0
    _read: set[str] = field(default_factory=set)
    _written: set[str] = field(default_factory=set)
    _process: subprocess.Popen[bytes] | None = None
    _pipe: int = -1
    _lifeline: int = -1
    _rest: bytes = b""

    def follow(self, *, patient: bool) -> list[str]:
        """Until it has ended. What changed, if that made it end."""
        self.before = {path: state(path) for path in self.before}
        self._start()
        due = 0.0
        while self._listen():
            began = time.monotonic()
            if patient or began < due:
                continue
            if changed := _changes(self._certain()):
                changed = _settled(changed)
                # It may have ended just now.
                with suppress(BrokenPipeError):
                    os.write(self._lifeline, b"\n")
                self._hang_up()
                return changed
            due = time.monotonic() + _pause(began)
        self._end()
        return []

    def known(self) -> dict[str, str]:
        """What to look at until the next run: of one that failed, also what the one before it used."""
        read = {path: state(path) for path in self._read if path not in self.used}
        used = self.used if self.code == 0 else {**self.before, **self.used}
        return {path: seen for path, seen in {**read, **used}.items() if path not in self._written}

    def missing(self) -> dict[str, str]:
        """Folders in which a module may be that a failed run did not find."""
        folders = {os.path.dirname(path) for path in self.used if path.endswith(".py")}
        return {folder: _modules(folder) for folder in folders if self.code}

    def cancel(self) -> None:
        """In good order; at once, when Ctrl-C comes again, though it may still say what became of it."""
        try:
            self._hang_up()
        except KeyboardInterrupt:
            if self._process is not None:
                self._hurry(self._process)
            self._end()

    def _hurry(self, process: subprocess.Popen[bytes]) -> None:
        try:
            process.send_signal(signal.SIGINT)
            process.wait(LAST_WORDS)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            process.kill()

    # ---- inner

    def _start(self) -> None:
        self._pipe, theirs = os.pipe()
        their_line, self._lifeline = os.pipe()
        code = MAIN.format(
            path=sys.path, pipe=theirs, lifeline=their_line, arguments=[*self.arguments]
        )
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], pass_fds=(theirs, their_line)
            )
        finally:
            os.close(theirs)
            os.close(their_line)

    def _listen(self) -> bool:
        """Hear what it says for a moment; whether it goes on."""
        if self._pipe < 0:
            return False
        if select.select([self._pipe], [], [], EVERY)[0]:
            data = os.read(self._pipe, 1 << 16)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._heard(msgspec.json.decode(line, type=Use))
            return bool(data)
        return self._process is not None and self._process.poll() is None

    def _heard(self, use: Use) -> None:
        match use.kind:
            case "used":
                self.used[use.path] = use.state
            case "read":
                self._read.add(use.path)
            case "written":
                self._written.add(use.path)

    def _certain(self) -> dict[str, str]:
        return {path: seen for path, seen in self.used.items() if path not in self._written}

    def _hang_up(self) -> None:
        """Have it cancelled, and wait for that."""
        self._cut()
        while self._listen():
            continue
        self._end()

    def _cut(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _end(self) -> None:
        if self._process is not None:
            self.code = self._process.wait()
        self._cut()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, with the run that is under way."""

    def interrupted(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
