"""One SQLite file and many processes: beginnings, deaths, takeovers, crowds."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from penstock.core.events import RunEnded
from penstock.core.liveness import me
from penstock.core.ports import RunFilter
from penstock.core.records import Counts
from penstock.errors import LeaseLost
from penstock.metadata_stores import rules
from penstock.metadata_stores.sql import SqlStore
from penstock.testing.metadata import a_run, performed, running, statuses

PLAYER = Path(__file__).parent / "player.py"


class Player:
    """Another process, told what to do."""

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PLAYER), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def do(self, *lines: str) -> str:
        for line in lines:
            self.tell(line)
            found = self.answer()
        return found

    def begin(self, run: str) -> None:
        self.do("[store := SqlStore(path)]", f"[token := store.journal.begin(a_run('{run}'))]")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "p.db"


@pytest.fixture
def players(path: Path) -> Iterator[list[Player]]:
    made: list[Player] = []
    yield made
    for player in made:
        player.kill()
        for pipe in (player.process.stdin, player.process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except BrokenPipeError:
                pass


@pytest.fixture
def player(path: Path, players: list[Player]) -> Player:
    players.append(Player(path))
    return players[0]


# ---- crowds


def test_sixteen_processes_start_at_once_on_a_store_that_does_not_exist(
    path: Path, players: list[Player]
):
    players.extend(Player(path) for _ in range(16))
    assert {player.do("1") for player in players} == {"1"}
    for at, player in enumerate(players):
        player.tell(
            "[store := SqlStore(path), "
            f"token := store.journal.begin(a_run('r{at}')), "
            f"store.journal.append(token, [performed('r{at}', 'fit'), RunEnded('r{at}', 'done', 1)]), "
            "'well'][-1]"
        )
    assert [player.answer() for player in players] == ["well"] * 16
    runs = SqlStore(path).runs.list(RunFilter())
    assert {run.status for run in runs} == {"done"}
    assert len(runs) == 16


def test_a_crowd_meets_a_newer_schema_and_it_is_migrated_once(
    path: Path, tmp_path: Path, players: list[Player]
):
    SqlStore(path).close()
    newer = tmp_path / "newer"
    newer.mkdir()
    ours = Path(sys.modules["penstock.metadata_stores.sql.creation"].__file__ or "").parent
    for file in (ours / "migrations").glob("*.sql"):
        (newer / file.name).write_text(file.read_text())
    (newer / "0999_more.sql").write_text("ALTER TABLE memo ADD COLUMN colour TEXT;")
    players.extend(Player(path) for _ in range(8))
    prepare = "__import__('penstock.metadata_stores.sql.creation', fromlist=['x']).prepare"
    assert {player.do("1") for player in players} == {"1"}
    for player in players:
        player.tell(
            f"{prepare}(__import__('pathlib').Path(path), __import__('pathlib').Path({str(newer)!r}))"
        )
    assert [player.answer() for player in players] == ["None"] * 8
    assert len(list(tmp_path.glob("p.db.schema-*.backup"))) == 1


def test_writers_at_once_lose_nothing(path: Path, players: list[Player]):
    players.extend(Player(path) for _ in range(4))
    for at, player in enumerate(players):
        player.begin(f"r{at}")
    for at, player in enumerate(players):
        player.tell(
            f"[store.journal.append(token, [performed('r{at}', 'fit', index=str(i))])"
            " for i in range(100)][0]"
        )
    assert [player.answer() for player in players] == ["None"] * 4
    store = SqlStore(path)
    assert [store.runs.get(f"r{at}").counts for at in range(4)] == [Counts(done=100)] * 4


def test_of_many_claimants_one_has_it(path: Path, players: list[Player]):
    players.extend(Player(path) for _ in range(6))
    for at, player in enumerate(players):
        player.begin(f"r{at}")
    for player in players:
        player.tell("[store.journal.claim(token, f'k{i}') for i in range(50)]")
    answers = {player.answer() for player in players}
    assert len(answers) == 1


# ---- deaths


def test_a_killed_run_is_shown_as_crashed_at_once(path: Path, player: Player):
    player.begin("r1")
    player.do("store.journal.append(token, [performed('r1', 'load'), running('r1', 'fit')])")
    store = SqlStore(path)
    assert store.runs.get("r1").status == "running"
    player.kill()
    assert store.runs.get("r1").status == "crashed"
    assert statuses(store, "r1") == {"load": "done", "fit": "crashed"}
    assert store.journal.settle() == 1
    assert store.runs.get("r1").status == "crashed"


def test_a_killed_claimant_is_taken_over_and_a_live_one_is_not(path: Path, player: Player):
    player.begin("r1")
    assert player.do("store.journal.claim(token, 'k1')") == "r1"
    store = SqlStore(path)
    token = store.journal.begin(a_run("r2"))
    assert store.journal.claim(token, "k1") == "r1"
    player.kill()
    assert store.journal.claim(token, "k1") == "r2"
    assert store.journal.claim(store.journal.begin(a_run("r3")), "k1") == "r2"


def test_killed_anywhere_a_batch_is_committed_or_absent(path: Path, players: list[Player]):
    store = SqlStore(path)
    for at in range(12):
        player = Player(path)
        players.append(player)
        run = f"r{at}"
        player.begin(run)
        player.tell(
            f"[store.journal.append(token, [performed('{run}', 'fit', index=f'{{i}}.{{j}}')"
            " for j in range(10)]) for i in range(1000)][0]"
        )
        # The deadline is part of what is tried: each process dies at another moment.
        limit = time.monotonic() + 0.01 * (at + 1)
        while time.monotonic() < limit:
            store.runs.get(run)
        player.kill()
        assert store.runs.get(run).status == "crashed"
        steps = store.runs.steps(run)
        assert len(steps) % 10 == 0
        assert store.runs.get(run).counts.done == len(steps)
        assert all(store.calls.find(step.key, 1) is not None for step in steps)


def test_a_stopped_run_lives_as_long_as_its_lease(path: Path, player: Player):
    player.begin("r1")
    now = rules.clock()
    store = SqlStore(path, clock=lambda: now)
    player.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, player.process.pid, os.WSTOPPED | os.WNOWAIT)
    assert store.runs.get("r1").status == "running"
    now += rules.LEASE * 2
    assert store.runs.get("r1").status == "crashed"
    player.process.send_signal(signal.SIGCONT)
    os.waitid(os.P_PID, player.process.pid, os.WCONTINUED)
    assert store.runs.get("r1").status == "running"


def test_a_stopped_run_that_was_settled_is_locked_out_when_it_goes_on(path: Path, player: Player):
    player.begin("r1")
    player.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, player.process.pid, os.WSTOPPED | os.WNOWAIT)
    later = rules.clock() + rules.LEASE * 2
    assert SqlStore(path, clock=lambda: later).journal.settle() == 1
    player.process.send_signal(signal.SIGCONT)
    assert player.do("store.journal.append(token, [performed('r1', 'fit')])") == "LeaseLost"
    assert player.do("store.journal.renew(token)") == "False"
    assert SqlStore(path).runs.get("r1").status == "crashed"


def test_a_lease_of_a_boot_before_is_over(path: Path):
    store = SqlStore(path)
    store.journal.begin(a_run("r1", owner=replace(me(), boot="before")))
    assert store.runs.get("r1").status == "crashed"


def test_a_run_of_another_container_lives_by_its_lease(path: Path):
    now = rules.clock()
    store = SqlStore(path, clock=lambda: now)
    token = store.journal.begin(a_run("r1", owner=replace(me(), namespace="pid:[1]")))
    assert store.runs.get("r1").status == "running"
    now += rules.LEASE - 1
    assert store.journal.renew(token) is True
    now += rules.LEASE - 1
    assert store.runs.get("r1").status == "running"
    store.journal.append(token, [running("r1", "fit")])
    now += rules.LEASE - 1
    assert store.runs.get("r1").status == "running"
    now += 2
    assert store.runs.get("r1").status == "crashed"


# ---- forks


def test_a_forked_child_uses_a_connection_of_its_own(path: Path):
    store = SqlStore(path)
    token = store.journal.begin(a_run("r1"))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.journal.append(token, [performed("r1", "fit")])
            code = 0 if store.journal.renew(token) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert statuses(store, "r1") == {"fit": "done"}
    store.journal.append(token, [RunEnded("r1", "done", 1)])
    with pytest.raises(LeaseLost):
        store.journal.append(token, [])
