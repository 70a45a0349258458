from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.cli.project import Project
from tests.views.terminal import Terminal

FLOW = '''
import sys
import time
from pathlib import Path

from penstock import Retry, context, each, pipeline, step

HERE = Path(__file__).parent


def wait_for(name: str) -> None:
    """Until the test has made a file of this name."""
    deadline = time.monotonic() + 60
    while not (HERE / name).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(name)
        time.sleep(0.01)


@step
def load(n: int = 4) -> list[int]:
    print("loading", n, "rows")
    return list(range(n))


@step
def clean(rows: list[int]) -> list[int]:
    return rows


@step
def encode(rows: list[int]) -> list[int]:
    context().progress(3, 4, "columns")
    wait_for("encode")
    return rows


@pipeline
def prepare(rows: list[int]) -> list[int]:
    return encode(clean(rows))


@step
def fit(rows: list[int], depth: int) -> float:
    wait_for("fit" if depth > 1 else "encode")
    return depth / 10


@step
def best(scores: list[float]) -> float:
    return max(scores)


@step
def deploy(score: float) -> str:
    return "deployed"


@pipeline
def training() -> float:
    ready = prepare(load())
    score = best(fit.map(ready, depth=each([1, 2, 3])))
    deploy.when(score > 0.5)(score)
    return score


@step(retries=Retry(2, delay=0.5, backoff=1.0))
def flaky() -> int:
    if context().attempt < 3:
        raise OSError("the network is\\nway \\x1b[2Joff")
    wait_for("flaky")
    return 1


@step
def broken(n: int) -> int:
    raise ValueError("no such thing")


@pipeline
def failing() -> int:
    return broken(flaky())


@step
def chatty() -> int:
    sys.stderr.write("half a line")
    sys.stderr.flush()
    wait_for("half")
    sys.stderr.write("\\r 50%\\r100%\\n")
    print("up \\x1b[3Aand \\x1b[31mred\\x1b[0m")
    wait_for("chatty")
    return 1


@pipeline
def talking() -> int:
    return chatty()


@step
def calling() -> int:
    import os

    print("first", flush=True)
    os.system("echo from a child; echo anew > /dev/stdout")
    os.write(2, b"from below\\n")
    wait_for("calling")
    return 1


@pipeline
def called() -> int:
    return calling()


@step
def crashing() -> int:
    import ctypes

    return ctypes.string_at(0)


@pipeline
def crash() -> int:
    return crashing()


@step
def asking() -> str:
    name = input("name? ")
    wait_for("asking")
    return name


@pipeline
def interview() -> str:
    return asking()


@step
def tiny(n: int) -> int:
    if n == 399:
        wait_for("tiny")
    return n


@pipeline
def many(n: int = 500) -> list[int]:
    return [tiny(i) for i in range(n)]


if __name__ == "__main__":
    training.run()
'''


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "seen")
    made.write("penstock.toml", "")
    made.write("flow.py", FLOW)
    return made


Opens = Callable[..., Terminal]


@pytest.fixture
def opens(project: Project) -> Iterator[Opens]:
    """A command on a terminal of its own, ended with the test."""
    with ExitStack() as stack:

        def terminal(
            *command: str, columns: int = 80, lines: int = 24, **variables: str
        ) -> Terminal:
            environment = project.environment(**{"NO_COLOR": "", "CI": "", **variables})
            made = Terminal(command, project.root, environment, columns=columns, lines=lines)
            return stack.enter_context(made)

        yield terminal
