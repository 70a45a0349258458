"""Plain Python: nothing is kept."""

from small_work import executed, wait_for_go

import features


def chain(count: int) -> int:
    number = 0
    for _ in range(count):
        number = number + 1
    return number


def fan(count: int) -> int:
    return sum([number * 2 for number in range(count)])


def edit() -> int:
    executed("scaled")  # a comment
    return features.scale(21)


def long() -> int:
    executed("before")
    wait_for_go()
    return 42
