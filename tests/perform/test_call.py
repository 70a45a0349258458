"""Performing a call in this process: seeds, what is read, what is printed, what is refused."""

from __future__ import annotations

import io
import logging
import os
import random
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from penstock.core.calls import Broke, Load, Outcome, Reveal, Succeeded
from penstock.core.graph import Access, Retry
from penstock.core.project import Project
from penstock.executors.inline import InlineExecutor
from penstock.perform import seeds
from penstock.perform.context import context
from penstock.perform.logs import file_name
from penstock.stack import Stack, open_stack
from penstock.testing.bench import Bench, add


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    root = tmp_path.resolve() / "project"
    root.mkdir()
    stack = open_stack(Project(root, "suite", root / ".penstock"))
    yield stack
    stack.close()


@pytest.fixture
def bench(stack: Stack) -> Bench:
    executor = InlineExecutor(stack.tools())
    bench = Bench(executor, stack)
    executor.start(bench.told.append)
    return bench


def done(outcome: Outcome) -> Succeeded:
    assert isinstance(outcome, Succeeded), outcome
    return outcome


def broken(outcome: Outcome) -> Broke:
    assert isinstance(outcome, Broke), outcome
    return outcome


class TestSeeds:
    def test_numpy_is_seeded_and_a_draw_is_noticed(self, bench: Bench) -> None:
        def normal() -> float:
            return float(np.random.normal())

        outcome = done(bench.run(normal, seed=5))
        assert outcome.drew
        assert bench.value(outcome) == float(np.random.RandomState(5).normal())

    def test_a_generator_of_ones_own_is_no_draw(self, bench: Bench) -> None:
        def own() -> float:
            return float(np.random.default_rng(3).normal()) + random.Random(3).random()

        assert not done(bench.run(own)).drew

    def test_a_seed_that_the_step_sets_itself_is_a_draw(self, bench: Bench) -> None:
        def reseed() -> None:
            random.seed(1)

        assert done(bench.run(reseed)).drew

    def test_a_library_imported_late_is_seeded_too(self, tmp_path: Path) -> None:
        told = _script(
            tmp_path,
            """
            def late():
                import numpy as np
                return float(np.random.normal())
            print("numpy" in __import__("sys").modules)
            outcome = bench.run(late, seed=5)
            import numpy as np
            print(bench.value(outcome) == float(np.random.RandomState(5).normal()), outcome.drew)
            """,
        )
        assert told == ["False", "True True"]

    def test_a_pipeline_run_inside_a_step_leaves_its_draws_alone(self, bench: Bench) -> None:
        def plain() -> list[float]:
            return [random.random(), float(np.random.normal()), random.random()]

        def around() -> list[float]:
            first = random.random()
            bench.run(plain, seed=99)
            return [first, float(np.random.normal()), random.random()]

        expected = bench.value(bench.run(plain))
        assert bench.value(bench.run(around)) == expected

    def test_a_nested_call_is_not_a_draw_of_the_outer_one(self, bench: Bench) -> None:
        def around() -> int:
            bench.run(add, arguments={"a": 1}, seed=99)
            return 1

        assert not done(bench.run(around)).drew

    def test_a_run_can_leave_the_generators_as_they_were(self, bench: Bench) -> None:
        random.seed(42)
        expected = random.Random(42).random()
        with seeds.Preserved():
            bench.run(random.random)
        assert random.random() == expected


class TestReads:
    def test_a_declared_path_is_no_secret_read(self, bench: Bench, stack: Stack) -> None:
        folder = stack.project.root / "data"
        folder.mkdir()
        (folder / "a.csv").write_text("1")

        def read(path: Path) -> str:
            return "".join(part.read_text() for part in path.iterdir())

        assert done(bench.run(read, arguments={"path": folder})).reads == ()

    def test_what_the_step_wrote_itself_is_not_told(self, bench: Bench, stack: Stack) -> None:
        place = stack.project.root / "made.txt"

        def write_and_read() -> str:
            place.write_text("x")
            return place.read_text()

        assert done(bench.run(write_and_read)).reads == ()

    def test_files_elsewhere_modules_and_missing_ones_are_not_told(
        self, bench: Bench, stack: Stack, tmp_path: Path
    ) -> None:
        (tmp_path / "elsewhere.txt").write_text("x")
        (stack.project.root / "late_module.py").write_text("ONE = 1\n")

        def read() -> int:
            (tmp_path / "elsewhere.txt").read_text()
            sys.path.insert(0, str(stack.project.root))
            try:
                import late_module  # type: ignore[import-not-found]  # made above

                (stack.project.root / "missing.txt").read_text()
            except FileNotFoundError:
                return int(late_module.ONE)
            finally:
                sys.path.pop(0)
            return 0

        assert done(bench.run(read)).reads == ()

    def test_a_socket_is_told(self, bench: Bench) -> None:
        import socket

        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

            def connect() -> None:
                socket.create_connection(("127.0.0.1", port)).close()

            assert done(bench.run(connect)).reads == (f"tcp://127.0.0.1:{port}",)

    def test_the_logical_date_is_a_read_unless_it_is_a_parameter(self, bench: Bench) -> None:
        def day() -> str:
            return context().logical_date.isoformat()

        outcome = done(bench.run(day, logical_date="2024-05-06"))
        assert bench.value(outcome) == "2024-05-06"
        assert outcome.reads == ("context().logical_date",)

    def test_strict_stops_at_the_line_that_reads(self, bench: Bench, stack: Stack) -> None:
        place = stack.project.root / "hidden.txt"
        place.write_text("x")

        def read() -> str:
            return place.read_text()

        outcome = broken(bench.run(read, strict=True))
        assert "reads 'hidden.txt', which its key does not know" in outcome.error.message
        assert "return place.read_text()" in outcome.error.traceback
        assert not outcome.retryable

    def test_an_input_that_changes_underneath_is_told(self, bench: Bench, stack: Stack) -> None:
        place = stack.project.root / "rows.csv"
        place.write_text("1")
        steady = stack.project.root / "steady.csv"
        steady.write_text("1")

        def append(paths: list[Path]) -> int:
            with paths[0].open("a") as file:
                return file.write("2")

        assert done(bench.run(append, arguments={"paths": [place, steady]})).changed == (
            str(place),
        )


class TestPrints:
    def test_the_terminal_shows_what_the_log_keeps(
        self, bench: Bench, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def speak() -> None:
            sys.stdout.write("one\n")
            sys.stderr.write("two\n")
            sys.stdout.buffer.write(b"\xff three\n")

        bench.run(speak)
        shown = capsys.readouterr()
        log = bench.stack.project.home / "logs" / "r1" / "speak.log"
        assert log.read_bytes() == b"one\ntwo\n\xff three\n"
        assert shown.out == "one\n\ufffd three\n"
        assert shown.err == "two\n"

    def test_without_capture_nothing_is_kept(
        self, bench: Bench, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def speak() -> None:
            sys.stdout.write("one\n")

        bench.run(speak, capture=False)
        assert capsys.readouterr().out == "one\n"
        assert bench.log("speak") == ""

    def test_the_streams_are_given_back(self, bench: Bench) -> None:
        before = sys.stdout, sys.stderr
        kept: list[Any] = []
        bench.run(lambda: kept.append(sys.stdout), node="keep")
        assert (sys.stdout, sys.stderr) == before
        assert kept[0] is not before[0]

    def test_who_kept_the_stream_still_reaches_the_terminal(
        self, bench: Bench, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept: list[Any] = []
        bench.run(lambda: kept.append(sys.stdout), node="keep")
        kept[0].write("later\n")
        kept[0].flush()
        assert capsys.readouterr().out == "later\n"

    def test_redirected_output_stays_redirected(self, bench: Bench) -> None:
        from contextlib import redirect_stdout

        def quiet() -> str:
            with redirect_stdout(io.StringIO()) as text:
                sys.stdout.write("inside")
            return text.getvalue()

        assert bench.value(bench.run(quiet)) == "inside"
        assert bench.log("quiet") == ""

    def test_a_second_attempt_goes_on_in_the_same_log(self, bench: Bench) -> None:
        def speak() -> None:
            sys.stdout.write("hello\n")

        bench.run(speak)
        bench.run(speak, attempt=2)
        assert bench.log("speak") == "hello\n--- attempt 2 ---\nhello\n"

    def test_a_secret_is_cut_out(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SUITE_TOKEN", "hush-hush-7")

        def show(token: str) -> None:
            sys.stdout.write(f"<{token[:4]}")
            sys.stdout.flush()
            sys.stdout.write(f"{token[4:]}> hus")
            context().log_param("token", {"is": token})

        work = bench.work(show)
        call = replace(work.call, arguments={"token": Reveal("env", "SUITE_TOKEN")})
        bench.executor.submit(type(work)(work.id, call, show, work.target))
        outcome = done(bench.outcome(work.id))
        assert bench.log("show") == "<***> hus"
        assert outcome.logged.params == {"token": {"is": "***"}}

    def test_a_secret_that_is_not_there_is_refused(self, bench: Bench) -> None:
        work = bench.work(add)
        call = replace(work.call, arguments={"a": Reveal("env", "SUITE_MISSING")})
        bench.executor.submit(type(work)(work.id, call, add, work.target))
        outcome = broken(bench.outcome(work.id))
        assert (outcome.kind, outcome.retryable) == ("refused", False)
        assert "SUITE_MISSING" in outcome.error.message

    def test_names_of_steps_are_safe_names_of_files(self) -> None:
        assert file_name("sub/fit-2", "3.0") == "sub.fit-2[3.0]"
        assert file_name("a.b") == "a%2Eb"
        assert file_name("größe") == "gr%C3%B6%C3%9Fe"
        assert len(file_name("x" * 500, "1")) < 255


class TestLogging:
    def test_records_have_time_and_level(self, tmp_path: Path) -> None:
        told = _script(
            tmp_path,
            """
            import logging
            def speak():
                logging.getLogger("rows").info("%d rows", 3)
                logging.getLogger("rows").warning("few rows")
            bench.run(speak)
            print(bench.log("speak"), end="")
            print(logging.root.level, logging.root.handlers)
            """,
        )
        assert [line[24:] for line in told[:2]] == [
            " INFO rows: 3 rows",
            " WARNING rows: few rows",
        ]
        assert told[0][:2] == "20"
        assert told[0][23] == "Z"
        assert told[2] == f"{logging.WARNING} []"

    def test_logging_imported_late_is_caught_too(self, tmp_path: Path) -> None:
        told = _script(
            tmp_path,
            """
            import sys
            for name in [n for n in sys.modules if n.partition(".")[0] == "logging"]:
                del sys.modules[name]
            def speak():
                import logging
                logging.getLogger("late").info("here")
            bench.run(speak)
            print(bench.log("speak"), end="")
            """,
        )
        assert told[0].endswith("INFO late: here")

    def test_configuring_logging_inside_a_step_works_as_ever(self, tmp_path: Path) -> None:
        told = _script(
            tmp_path,
            """
            import logging
            def speak():
                logging.basicConfig(level=logging.DEBUG, format="own %(message)s")
                logging.debug("here")
            bench.run(speak)
            print(bench.log("speak"), end="")
            print(logging.root.level)
            """,
        )
        assert told == ["own here", str(logging.DEBUG)]

    def test_a_handler_that_was_there_before_is_not_in_the_way(self, tmp_path: Path) -> None:
        told = _script(
            tmp_path,
            """
            import logging
            logging.basicConfig(level=logging.INFO, format="own %(message)s")
            def speak():
                logging.info("here")
            bench.run(speak)
            print(bench.log("speak"), end="")
            """,
        )
        assert len(told) == 1
        assert told[0].endswith("INFO root: here")


class TestContext:
    def test_outside_a_run_it_is_a_stand_in(self) -> None:
        me = context()
        me.log_metric("auc", 0.5)
        me.log_param("depth", 3)
        me.log_artifact("table", [1])
        me.progress(1, 2)
        assert list(me.progress([1, 2])) == [1, 2]
        assert (me.run_id, me.step, me.attempt, me.idempotency_key) == ("", "", 1, "")
        assert me.checkpoint.load("none") == "none"
        assert me.scratch.is_dir()
        assert me.logical_date.year > 2000

    def test_a_seeded_plain_call_reads_its_seed(self) -> None:
        seeds.begin(9)
        try:
            assert context().seed == 9
        finally:
            seeds.end()
        assert context().seed == 0

    def test_inside_it_knows_its_call(self, bench: Bench) -> None:
        def tell() -> list[Any]:
            me = context()
            return [me.run_id, me.step, me.index, me.attempt, me.idempotency_key]

        outcome = bench.run(tell, node="sub/tell", index="3", attempt=2, key="k1")
        assert bench.value(outcome) == ["r1", "sub/tell", "3", 2, "k1"]

    def test_progress_counts_what_it_is_put_around(self, bench: Bench) -> None:
        def loop() -> int:
            return sum(context().progress([1, 2, 3], message="rows"))

        bench.run(loop)
        last: Any = bench.told[-1]
        assert (last.done, last.total, last.message) == (3.0, 3.0, "rows")

    def test_a_metric_that_is_no_number_says_so(self, bench: Bench) -> None:
        def wrong() -> None:
            context().log_metric("auc", "high")  # type: ignore[arg-type]  # the mistake

        outcome = broken(bench.run(wrong))
        assert "the metric 'auc' is no number: 'high'" in outcome.error.message

    def test_numpy_values_are_plain_ones_in_the_record(self, bench: Bench) -> None:
        def log() -> None:
            context().log_metric("auc", np.float32(0.5))
            context().log_param("depth", np.int64(3))
            context().log_param("where", Path("a/b"))

        logged = done(bench.run(log)).logged
        assert logged.metrics[0].value == 0.5
        assert logged.params == {"depth": 3, "where": "a/b"}

    def test_what_is_logged_has_a_name(self, bench: Bench) -> None:
        def step() -> None:
            context().log_metric(" ", 1)

        assert broken(bench.run(step)).error.message.startswith("a logged metric has no name")

    def test_what_was_logged_before_a_failure_is_kept(self, bench: Bench) -> None:
        def fail() -> None:
            context().log_metric("auc", 1)
            raise ValueError("late")

        assert broken(bench.run(fail)).logged.metrics[0].name == "auc"


class TestFailures:
    def test_the_traceback_is_the_users_own(self, bench: Bench) -> None:
        def deep() -> None:
            raise KeyError("row")

        def outer() -> None:
            try:
                deep()
            except KeyError as error:
                raise RuntimeError("no rows") from error

        outcome = broken(bench.run(outer))
        assert "penstock/run" not in outcome.error.traceback
        assert "KeyError: 'row'" in outcome.error.traceback
        assert outcome.exception is not None
        frame = outcome.exception.__traceback__
        assert frame is not None
        assert frame.tb_frame.f_code.co_name == "outer"

    def test_only_the_exceptions_that_were_named_are_worth_another_attempt(
        self, bench: Bench
    ) -> None:
        def fail() -> None:
            raise ConnectionResetError

        worth = {
            on: broken(bench.run(fail, retry=Retry(1, on=on))).retryable
            for on in ((), ("builtins.OSError",), ("builtins.ValueError",))
        }
        assert list(worth.values()) == [True, True, False]

    def test_what_cannot_be_stored_names_the_step(self, bench: Bench) -> None:
        def rows() -> Any:
            return threading.Lock()

        outcome = broken(bench.run(rows))
        assert outcome.error.type == "SerializationError"
        assert "what 'rows' returns cannot be stored" in outcome.error.message
        assert not outcome.retryable

    def test_an_exception_without_a_message_of_its_own(self, bench: Bench) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        def fail() -> None:
            raise Mute

        assert "cannot be read" in broken(bench.run(fail)).error.message

    def test_a_step_into_a_value_that_is_not_there(self, bench: Bench, stack: Stack) -> None:
        stored, _ = stack.artifacts.encode({"auc": 1.0})
        item = Load(stored, (Access("item", "auc"),))
        missing = Load(stored, (Access("item", "f1"),))
        assert bench.value(bench.run(add, arguments={"a": item})) == 2.0
        outcome = broken(bench.run(add, arguments={"a": missing}))
        assert "has no '['f1']'" in outcome.error.message

    def test_of_a_collection_the_lost_item_is_named(self, bench: Bench, stack: Stack) -> None:
        arrays = [np.arange(n) for n in (2000, 3000)]
        pairs = [stack.artifacts.encode(array)[0] for array in arrays]
        from penstock.core.records import made

        collection = stack.artifacts.collection([made(one) for one in pairs])
        for file in pairs[1].files:
            stack.artifacts.store.remove(file.digest)
        known = {one.id: one for one in pairs}
        stack.artifacts._lookup = known.__getitem__
        outcome = broken(bench.run(len, arguments={"obj": Load(collection)}))
        assert outcome.lost == (pairs[1].id,)


class TestUsage:
    def test_memory_beside_other_code_is_a_sample(self, bench: Bench) -> None:
        def take() -> int:
            return len(bytearray(300 * 2**20))

        outcome = done(bench.run(take))
        assert not outcome.usage.exact
        assert outcome.usage.memory > 300 * 2**20

    def test_processor_time_of_children_counts(self, bench: Bench) -> None:
        def burn() -> None:
            code = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
            subprocess.run([sys.executable, "-c", code], check=True)

        assert done(bench.run(burn)).usage.cpu > 0.2

    def test_a_step_whose_own_process_forks_is_left_alone(self, bench: Bench) -> None:
        def fork() -> int:
            sys.stdout.write("before\n")
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                os._exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        outcome = done(bench.run(fork))
        assert (bench.value(outcome), outcome.drew, bench.log("fork")) == (7, True, "before\n")


def _script(folder: Path, body: str) -> list[str]:
    """What a fresh interpreter prints, in which a bench stands ready."""
    setting = f"""
from pathlib import Path
from penstock.core.project import Project
from penstock.executors.inline import InlineExecutor
from penstock.stack import open_stack
import sys
from penstock.testing.bench import Bench
home = Path({str(folder)!r})
stack = open_stack(Project(home, "script", home / ".penstock"))
executor = InlineExecutor(stack.tools())
bench = Bench(executor, stack)
executor.start(print)
"""
    done = subprocess.run(
        [sys.executable, "-c", setting + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
