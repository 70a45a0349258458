"""Two CPU-bound branches: branches.py VARIANT LOOPS WORKERS."""

import sys
from concurrent.futures import ProcessPoolExecutor

from penstock import pipeline, step


def spin(loops: int, start: int) -> int:
    number = start
    for _ in range(loops):
        number = (number * 1103515245 + 12345) % 2147483648
    return number


@step
def left(loops: int) -> int:
    return spin(loops, 1)


@step
def right(loops: int) -> int:
    return spin(loops, 2)


@step
def join(a: int, b: int) -> int:
    return a ^ b


@pipeline
def branches(loops: int) -> int:
    return join(left(loops), right(loops))


def by_hand(loops: int, workers: int) -> None:
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(spin, [loops, loops], [1, 2]))
    else:
        spin(loops, 1)
        spin(loops, 2)


if __name__ == "__main__":
    variant, count, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if variant == "penstock":
        branches.options(workers=workers).run(count)
    else:
        by_hand(count, workers)
