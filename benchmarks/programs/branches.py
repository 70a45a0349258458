"""Two CPU-bound branches: branches.py VARIANT LOOPS WORKERS."""

import sys
from concurrent.futures import ProcessPoolExecutor

from penstock import pipeline, step

VARIANT, LOOPS, WORKERS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


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


if __name__ == "__main__":
    if VARIANT == "penstock":
        branches.options(workers=WORKERS).run(LOOPS)
    elif WORKERS > 1:
        with ProcessPoolExecutor(WORKERS) as pool:
            a, b = pool.map(spin, [LOOPS, LOOPS], [1, 2])
    else:
        spin(LOOPS, 1), spin(LOOPS, 2)
