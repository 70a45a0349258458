"""Penstock beside its peers: `make bench-peers`. Writes its part of ../RESULTS.md, and the plots.

Each peer has an environment of its own and does the same work, set up as its documentation advises
for one machine, with persistence on and telemetry off. Processes are fresh, in new projects, and
the peers alternate in one run, so that a noisy minute meets all.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import plots
import report
from environments import HOME, ROOT, python_of, version_of
from peers import PEERS, Peer
from place import Failed, environment, kill, place
from report import Line
from results import machine, put
from works import ONCE, WORKS, Observed, Setting

PLOTS = ROOT / "docs" / "explanation" / "benchmarks"

PATIENCE = 15
"""Seconds of a peer in one work after which it is not repeated."""
TINY = Setting(
    steps=(3, 5), fan=4, mebibytes=1, rows=1000, sweep=3, table=400, runs=4, limit=60, watch=20
)
SMALL = Setting(steps=(10, 100), mebibytes=64, rows=500_000, sweep=10, runs=20, limit=60, watch=10)


class Record:
    """Lines in a file, so that what was measured outlives a run that was stopped."""

    def __init__(self, file: Path, *, goes_on: bool) -> None:
        self.file = file
        self.lines: list[Line] = []
        if goes_on and file.exists():
            self.lines = [Line(**json.loads(line)) for line in file.read_text().splitlines()]
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")

    def add(self, line: Line) -> None:
        self.lines.append(line)
        with open(self.file, "a") as handle:
            handle.write(json.dumps(asdict(line)) + "\n")

    def has(self, work: str, peer: str, repeat: int) -> bool:
        """Whether it was done to its end: the last line of each says so."""
        return any(
            (line.work, line.peer, line.repeat, line.what) == (work, peer, repeat, "")
            for line in self.lines
        )

    def spent(self, work: str, peer: str) -> float:
        return sum(
            line.seconds or 0
            for line in self.lines
            if (line.work, line.peer, line.what) == (work, peer, "")
        )


@dataclass(frozen=True, slots=True)
class Guest:
    """A peer that is there: its interpreter and version."""

    peer: Peer
    python: Path
    version: str


def invite(names: list[str], *, here: bool) -> Iterator[Guest | tuple[str, str]]:
    """Each peer installed, or its name and why it is not."""
    for name in names:
        say(f"environment of {name}")
        try:
            python = python_of(PEERS[name], here=here)
            yield Guest(PEERS[name], python, version_of(PEERS[name], python))
        except Failed as error:
            yield name, str(error)


@contextmanager
def served(guest: Guest) -> Iterator[None]:
    """With the service that it needs beside."""
    service = guest.peer.service
    with tempfile.TemporaryDirectory(prefix="peers-service-", ignore_cleanup_errors=True) as name:
        root = Path(name, "project")
        root.mkdir()
        with open(Path(name, "log"), "wb") as log:
            process = subprocess.Popen(
                [guest.python.parent / service.command[0], *service.command[1:]],
                cwd=root,
                env=environment(guest.peer, root, guest.python),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_for(service.ready, process)
            yield
        finally:
            kill(process)


def wait_for(address: str, process: subprocess.Popen[bytes], limit: float = 90) -> None:
    end = time.perf_counter() + limit
    while time.perf_counter() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise Failed(f"its service did not answer at {address}")


def measure(work: str, guest: Guest, setting: Setting, folder: Path | None) -> Iterator[Observed]:
    """What is observed; a failure is an observation too."""
    places = partial(place, guest.peer, guest.python, folder)
    try:
        yield from WORKS[work](setting, places)
    except Failed as error:
        yield Observed("failed", words=str(error))


def bench(
    guests: list[Guest],
    works: list[str],
    repeats: int,
    setting: Setting,
    record: Record,
    folder: Path | None,
) -> None:
    for work in works:
        for repeat in range(1 if work in ONCE else repeats):
            for guest in guests:
                name = guest.peer.name
                if record.has(work, name, repeat) or record.spent(work, name) > PATIENCE:
                    continue
                start = time.perf_counter()
                for one in measure(work, guest, setting, folder):
                    record.add(Line(work, name, repeat, one.what, one.seconds, one.words))
                    time_ = "" if one.seconds is None else f"{one.seconds:.3f} s"
                    say(f"{work:7} {name:9} {one.what:20} {time_} {one.words}")
                spent = time.perf_counter() - start
                record.add(Line(work, name, repeat, "", spent, ""))


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--peers", help=f"some of {','.join(PEERS)}; default: all")
    add("--works", help=f"some of {','.join(WORKS)}; default: all")
    add("--repeats", type=int, default=3)
    add("--size", choices=["full", "small", "tiny"], default="full")
    add("--limit", type=float, help="seconds that one process may take")
    add("--here", action="store_true", help="in this environment: install nothing")
    add("--continue", dest="goes_on", action="store_true", help="go on with what a stopped run did")
    add("--folder", type=Path, help="where projects are made; default: temporary")
    add("--record", type=Path, default=HOME / "record.jsonl", help="where observations are kept")
    add("--write", action="store_true", help="into RESULTS.md and the plots; else it is printed")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    # Ended by a signal, too, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    setting = {"full": Setting(), "small": SMALL, "tiny": TINY}[given.size]
    if given.limit:
        setting = replace(setting, limit=given.limit)
    names = given.peers.split(",") if given.peers else list(PEERS)
    works = given.works.split(",") if given.works else list(WORKS)
    for unknown in [one for one in names if one not in PEERS] + [
        o for o in works if o not in WORKS
    ]:
        raise SystemExit(f"there is no peer or work '{unknown}'")
    where = machine()
    record = Record(given.record, goes_on=given.goes_on)
    guests, missing = list[Guest](), dict[str, str]()
    with ExitStack() as services:
        for one in invite(names, here=given.here):
            try:
                if isinstance(one, tuple):
                    raise Failed(one[1])
                if one.peer.service:
                    services.enter_context(served(one))
                guests.append(one)
            except Failed as error:
                name = one[0] if isinstance(one, tuple) else one.peer.name
                missing[name] = str(error)
                say(f"{name} {error}")
        bench(guests, works, given.repeats, setting, record, given.folder)
    found = report.cells(record.lines)
    versions = {guest.peer.name: guest.version for guest in guests}
    head = (__doc__ or "").partition("\n\n")[2].strip()
    text = report.report(found, versions, missing, where, setting, head)
    if given.write:
        put("peers", text)
        plots.draw(found, PLOTS)
    else:
        print(text)


if __name__ == "__main__":
    main()
