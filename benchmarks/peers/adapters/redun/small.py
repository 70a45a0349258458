"""redun on its default executor and SQLite: https://insitro.github.io/redun/design.html.

`redun run` makes its scheduler as `scheduler()` does here.
"""

from functools import cache
from typing import Any

from redun import Scheduler, task
from redun.backends.db import Execution, Job
from redun.cli import setup_scheduler
from redun.functools import map_
from small_work import executed, wait_for_go

import features

redun_namespace = "bench"


@task()
def add(number: int) -> int:
    return number + 1


@task()
def adding(count: int) -> int:
    number = 0
    for _ in range(count):
        number = add(number)
    return number


@task()
def double(number: int) -> int:
    return number * 2


@task()
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task()
def fanning(count: int) -> int:
    return total(map_(double, list(range(count))))


@task()
def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)


@task()
def before() -> int:
    executed("before")
    return 41


@task()
def wait(number: int) -> int:
    wait_for_go()
    return number + 1


@task()
def waiting() -> int:
    return wait(before())


@task()
def measured(number: int) -> int:
    return number


@task()
def scoring(number: int) -> int:
    return measured(add(number))


@cache
def scheduler() -> Scheduler:
    return setup_scheduler()


def run(expression: Any) -> Any:
    return scheduler().run(expression)


def chain(count: int) -> int:
    return run(adding(count))


def fan(count: int) -> int:
    return run(fanning(count))


def edit() -> int:
    return run(scaled(21))


def long() -> int:
    return run(waiting())


def executions() -> Any:
    session = scheduler().backend.session
    return session.query(Execution).join(Execution.job).order_by(Job.start_time.desc())


def status() -> str:
    return executions().first().status


def many(number: int) -> None:
    run(scoring(number))


def runs(count: int) -> list[tuple[str, float]]:
    """redun has no metrics: the result of the run stands for one."""
    found = executions().limit(count)
    return [(one.status, one.call_node.value.value_parsed) for one in found]


def load(count: int) -> int:
    return executions().limit(count).all()[-1].call_node.value.value_parsed
