"""joblib.Memory with memory-mapped loading, as its page on large arrays advises.

https://joblib.readthedocs.io/en/stable/memory.html#using-memmapping
"""

import large_work as work
import numpy as np
import pandas as pd
from joblib import Memory

memory = Memory("cache", mmap_mode="r", verbose=0)


@memory.cache
def make(mebibytes: int) -> np.ndarray:
    return work.make(mebibytes)


@memory.cache
def shift(values: np.ndarray) -> np.ndarray:
    return work.shift(values)


@memory.cache
def scale(values: np.ndarray) -> np.ndarray:
    return work.scale(values)


@memory.cache
def negate(values: np.ndarray) -> np.ndarray:
    return work.negate(values)


@memory.cache
def digest(values: np.ndarray, salt: str) -> str:
    return work.digest(values, salt)


@memory.cache
def make_frame(rows: int) -> pd.DataFrame:
    return work.make_frame(rows)


@memory.cache
def reprice(rows: pd.DataFrame) -> pd.DataFrame:
    return work.reprice(rows)


@memory.cache
def regate(rows: pd.DataFrame) -> pd.DataFrame:
    return work.regate(rows)


def array(mebibytes: int) -> float:
    return float(negate(scale(shift(make(mebibytes))))[-1])


def frame(rows: int) -> int:
    return len(regate(reprice(make_frame(rows))))


def bits(mebibytes: int, salt: str) -> str:
    return digest(shift(make(mebibytes)), salt)


def bits_load(mebibytes: int) -> str:
    return work.digest(make(mebibytes))
