"""A map over N items that an earlier step lists: fan.py VARIANT N WORKERS."""

import sys

VARIANT, COUNT, WORKERS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def main() -> None:
    if VARIANT == "penstock":
        from penstock import each, pipeline, step

        @step
        def numbers(count: int) -> list[int]:
            return list(range(count))

        @step
        def double(number: int) -> int:
            return number * 2

        @step
        def total(doubles: list[int]) -> int:
            return sum(doubles)

        @pipeline
        def fan(count: int) -> int:
            return total(double.map(each(numbers(count))))

        result = fan.options(workers=WORKERS).run(COUNT).result()
    elif VARIANT == "pickle":
        from by_hand import keep

        result = sum(keep(f"double-{n}", lambda n=n: n * 2) for n in range(COUNT))
    else:
        result = sum(n * 2 for n in range(COUNT))
    assert result == COUNT * (COUNT - 1)


if __name__ == "__main__":
    main()
