"""A chain of N steps that add one: chain.py VARIANT N."""

import sys

VARIANT, COUNT = sys.argv[1], int(sys.argv[2])

if VARIANT == "penstock":
    from penstock import pipeline, step

    @step
    def add(number: int) -> int:
        return number + 1

    @pipeline
    def chain(count: int) -> int:
        number = 0
        for _ in range(count):
            number = add(number)
        return number

    run = chain.run(COUNT)
    assert run.result() == COUNT
elif VARIANT == "pickle":
    from by_hand import keep

    number = 0
    for position in range(COUNT):
        number = keep(f"add-{position}", lambda before=number: before + 1)
    assert number == COUNT
else:
    number = 0
    for _ in range(COUNT):
        number = number + 1
    assert number == COUNT
