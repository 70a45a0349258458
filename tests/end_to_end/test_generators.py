"""Steps that yield: stored as they go, read as they are asked for, mapped over by each()."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.end_to_end.place import Place

FLOW = """
from collections.abc import Iterable, Iterator
import random
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from penstock import context, each, pipeline, step


class Halves(NamedTuple):
    even: Iterator[int]
    odd: list[int]


@step
def numbers(n: int, stop: int = -1) -> Iterator[int]:
    for number in range(n):
        if number == stop:
            raise ValueError(f"no {number}")
        yield number


@step
def draws(n: int) -> Iterator[float]:
    for _ in range(n):
        yield random.random()


@step
def lines() -> Iterator[str]:
    print("begun")
    yield "first"
    context().log_metric("read", 1)
    yield Path("beside.txt").read_text()


@step
def halves(n: int) -> Halves:
    return Halves((k for k in range(n) if k % 2 == 0), [k for k in range(n) if k % 2])


@step
def plus(number: int, by: int = 1) -> int:
    return number + by


@step
def add(values: Iterable[int]) -> int:
    return sum(values)


@step
def listed(values: Iterator[Any]) -> list[Any]:
    return [next(values), *values]


@step
def made(n: int) -> Iterator[Path]:
    for number in range(n):
        file = context().scratch / f"{number}.txt"
        file.write_text(str(number))
        yield file


@step
def texts(files: Iterable[Path]) -> list[str]:
    return [file.read_text() for file in files]


@step
def text(file: Path) -> str:
    return file.read_text()


@step
def arrays(n: int) -> Iterator[np.ndarray]:
    for number in range(n):
        yield np.full(125_000, float(number))


@step
def peak(values: Iterable[np.ndarray]) -> float:
    return sum(value[0] for value in values)


@step
def height() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20
    # Linux begins `ru_maxrss` with what the process had that started this one.
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) // 1024


@pipeline
def adding(n: int = 5, stop: int = -1) -> int:
    return add(numbers(n, stop))


@pipeline
def mapping(n: int = 5, by: int = 10) -> int:
    return add(plus.map(each(numbers(n)), by=by))


@pipeline
def adding_to(values: Iterator[int]) -> int:
    return add(plus.map(each(values)))


@pipeline
def drawing(n: int = 3) -> list[Any]:
    return listed(draws(n))


@pipeline
def reading() -> list[Any]:
    return listed(lines())


@pipeline
def splitting(n: int = 5) -> tuple[int, int]:
    both = halves(n)
    return add(both.even), add(both.odd)


@pipeline
def files(n: int = 3) -> tuple[list[str], list[str]]:
    some = made(n)
    return texts(some), text.map(each(some))


@pipeline
def large(n: int) -> tuple[float, int]:
    total = peak(arrays(n))
    return total, height.after(total)()
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path).write({"penstock.toml": ""}, flow=FLOW)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_step_yields_goes_to_the_next_one_item_by_item(place: Place, workers: int) -> None:
    ran = place.run("flow:adding", workers=workers)
    assert (ran.status, ran.result) == ("done", 10)
    again = place.run("flow:adding", workers=workers)
    assert again.steps == {"numbers": "reused", "add": "reused"}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_map_runs_over_the_items_and_knows_them_again(place: Place, workers: int) -> None:
    ran = place.run("flow:mapping", workers=workers)
    assert (ran.result, len(ran.executed)) == (60, 8)
    more = place.run("flow:mapping", 6, workers=workers)
    assert more.result == 75
    assert more.executed == {"numbers", "plus", "plus[5]", "add"}


def test_a_map_runs_over_the_items_of_another_run(place: Place) -> None:
    first = place.run("flow:adding")
    code = f"import flow; from penstock import ref; print(flow.adding_to.run(ref('run:{first.id}/numbers')).result())"
    done = place.python("-c", code)
    assert done.stdout.strip() == "15", done.stderr


def test_running_is_calling(place: Place) -> None:
    code = (
        "import types, flow\n"
        "made = flow.numbers(3)\n"
        "assert type(made) is types.GeneratorType\n"
        "assert next(made) == 0\n"
        "for pipeline in (flow.adding, flow.mapping, flow.splitting):\n"
        "    assert pipeline.run().result() == pipeline()\n"
        "first = flow.adding.run()\n"
        "assert list(first['numbers'].output.load()) == [0, 1, 2, 3, 4]\n"
        "assert first['numbers'].output.load() is not first['numbers'].output.load()\n"
    )
    done = place.python("-c", code)
    assert done.returncode == 0, done.stderr


def test_a_failure_half_way_stores_nothing_and_shows_the_users_own_code(place: Place) -> None:
    ran = place.run("flow:adding", 5, 3)
    assert ran.status == "failed"
    assert ran.steps == {"numbers": "failed"}
    shown = place.penstock("show", ran.id).stdout
    assert "ValueError: no 3" in shown
    assert 'flow.py", line' in shown
    assert "streams.py" not in shown
    assert place.penstock("artifacts", ran.id, "--json").stdout.strip() == "[]"


def test_what_is_drawn_read_printed_and_logged_on_the_way_counts(place: Place) -> None:
    place.write({"beside.txt": "second"})
    one, other = place.run("flow:drawing", seed=1), place.run("flow:drawing", seed=2)
    assert one.result != other.result
    assert place.run("flow:drawing", seed=1).steps["draws"] == "reused"
    ran = place.run("flow:reading")
    assert ran.result == ["first", "second"]
    assert ran.metrics == {"lines.read": 1}
    assert "beside.txt" in place.penstock("why", ran.id, "lines").stdout
    assert "begun" in place.penstock("logs", ran.id, "lines").stdout
    strict = place.run("flow:reading", strict=True, cache=False)
    assert strict.status == "failed"


def test_files_that_are_yielded_are_kept(place: Place) -> None:
    ran = place.run("flow:files", workers=1)
    assert ran.result == [["0", "1", "2"]] * 2
    assert place.run("flow:files", 4).result == [["0", "1", "2", "3"]] * 2


def test_a_damaged_chunk_is_made_again(place: Place) -> None:
    place.run("flow:large", 3)
    chunks = [
        Path(folder) / name
        for folder, _, names in os.walk(place.root / ".penstock" / "artifacts")
        for name in names
        if (Path(folder) / name).stat().st_size > 500_000
    ]
    assert chunks
    for chunk in chunks:
        before = chunk.stat()
        chunk.chmod(0o600)
        with open(chunk, "r+b") as file:
            file.seek(700)
            file.write(b"damage")
        os.utime(chunk, ns=(before.st_atime_ns, before.st_mtime_ns))
    place.write(flow=FLOW.replace("value[0] for", "value[1] for"))
    again = place.run("flow:large", 3)
    assert (again.status, again.result[0]) == ("done", 3.0)
    assert again.notes["peak"][0].startswith("the stored output of 'arrays' was")


def test_a_thousand_arrays_of_a_megabyte_need_the_memory_of_a_few(place: Place) -> None:
    ran = place.run("flow:large", 1000)
    total, megabytes = ran.result
    assert total == sum(range(1000))
    assert megabytes < 160
