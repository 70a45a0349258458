import large_work as work
import numpy as np
import pandas as pd
from hamilton.function_modifiers import cache


def made(mebibytes: int) -> np.ndarray:
    return work.make(mebibytes)


def shifted(made: np.ndarray) -> np.ndarray:
    return work.shift(made)


def scaled(shifted: np.ndarray) -> np.ndarray:
    return work.scale(shifted)


def negated(scaled: np.ndarray) -> np.ndarray:
    return work.negate(scaled)


def digest(shifted: np.ndarray, salt: str) -> str:
    return work.digest(shifted, salt)


@cache(format="parquet")
def rows(row_count: int) -> pd.DataFrame:
    return work.make_frame(row_count)


@cache(format="parquet")
def repriced(rows: pd.DataFrame) -> pd.DataFrame:
    return work.reprice(rows)


@cache(format="parquet")
def regated(repriced: pd.DataFrame) -> pd.DataFrame:
    return work.regate(repriced)
