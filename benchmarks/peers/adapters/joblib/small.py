"""joblib.Memory: https://joblib.readthedocs.io/en/stable/memory.html."""

from joblib import Memory
from small_work import executed, wait_for_go

import features

memory = Memory("cache", verbose=0)


@memory.cache
def add(number: int) -> int:
    return number + 1


@memory.cache
def double(number: int) -> int:
    return number * 2


@memory.cache
def total(numbers: list[int]) -> int:
    return sum(numbers)


@memory.cache
def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)


@memory.cache
def before() -> int:
    executed("before")
    return 41


@memory.cache
def wait(number: int) -> int:
    wait_for_go()
    return number + 1


def chain(count: int) -> int:
    number = 0
    for _ in range(count):
        number = add(number)
    return number


def fan(count: int) -> int:
    return total([double(number) for number in range(count)])


def edit() -> int:
    return scaled(21)


def long() -> int:
    return wait(before())
