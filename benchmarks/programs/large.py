"""A float64 array through four steps: large.py VARIANT MEBIBYTES; 0 MiB is ints instead of arrays."""

import os
import sys
from pathlib import Path

import numpy as np

from penstock import pipeline, step

VARIANT, MEBIBYTES = sys.argv[1], int(sys.argv[2])


@step
def make(mebibytes: int) -> np.ndarray:
    return np.arange(mebibytes * 2**17, dtype=np.float64)


@step
def shift(values: np.ndarray) -> np.ndarray:
    return values + 1.0


@step
def scale(values: np.ndarray) -> np.ndarray:
    return values * 2.0


@step
def negate(values: np.ndarray) -> np.ndarray:
    return -values


@pipeline
def arrays(mebibytes: int) -> np.ndarray:
    return negate(scale(shift(make(mebibytes))))


@step
def make_int(number: int) -> int:
    return number


@step
def shift_int(number: int) -> int:
    return number + 1


@step
def scale_int(number: int) -> int:
    return number * 2


@step
def negate_int(number: int) -> int:
    return -number


@pipeline
def ints(number: int) -> int:
    return negate_int(scale_int(shift_int(make_int(number))))


def by_hand(mebibytes: int) -> None:
    """The same loop with numpy.save and memory-mapped numpy.load."""
    folder = Path("by_hand")
    folder.mkdir(exist_ok=True)
    value = mebibytes
    # A step that is called outside a pipeline is its plain function.
    for number, function in enumerate((make, shift, scale, negate)):
        file = folder / f"{number}.npy"
        if not file.exists():
            with open(f"{file}.part", "wb") as part:
                np.save(part, function(value))
            os.replace(f"{file}.part", file)
        value = np.load(file, mmap_mode="c")


if __name__ == "__main__":
    if VARIANT == "by-hand":
        by_hand(MEBIBYTES)
    elif MEBIBYTES:
        arrays.run(MEBIBYTES)
    else:
        ints.run(3)
