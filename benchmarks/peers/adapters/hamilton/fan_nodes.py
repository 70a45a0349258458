"""A map over the numbers that a node lists."""

from hamilton.htypes import Collect, Parallelizable


def number(count: int) -> Parallelizable[int]:
    yield from range(count)


def double(number: int) -> int:
    return number * 2


def total(double: Collect[int]) -> int:
    return sum(double)
