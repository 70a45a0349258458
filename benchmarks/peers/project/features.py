"""What a step calls: the benchmark edits this file, and looks who notices."""

FACTOR = 2


def scale(number: int) -> int:
    return number * FACTOR
