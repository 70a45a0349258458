"""Penstock, with its defaults: everything is in `.penstock/` beside the project."""

from small_work import executed, wait_for_go

import features
import penstock
from penstock import context, each, pipeline, step


@step
def add(number: int) -> int:
    return number + 1


@pipeline
def adding(count: int) -> int:
    number = 0
    for _ in range(count):
        number = add(number)
    return number


@step
def double(number: int) -> int:
    return number * 2


@step
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pipeline
def fanning(count: int) -> int:
    return total(double.map(each(range(count))))


@step
def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)


@pipeline
def editing() -> int:
    return scaled(21)


@step
def before() -> int:
    executed("before")
    return 41


@step
def wait(number: int) -> int:
    wait_for_go()
    return number + 1


@pipeline
def waiting() -> int:
    return wait(before())


@step
def measured(number: int) -> int:
    context().log_metric("score", number)
    return number


@pipeline
def scoring(number: int) -> int:
    return measured(add(number))


def chain(count: int) -> int:
    return adding.run(count).result()


def fan(count: int) -> int:
    return fanning.run(count).result()


def edit() -> int:
    return editing.run().result()


def long() -> int:
    return waiting.run().result()


def status() -> str:
    return penstock.find_run().status


def many(number: int) -> None:
    scoring.run(number)


def runs(count: int) -> list[tuple[str, float]]:
    return [(run.status, run.metrics["measured.score"]) for run in scoring.runs(limit=count)]


def load(count: int) -> int:
    return scoring.runs(limit=count)[-1].result()
