"""Penstock, with its defaults."""

import large_work as work
import numpy as np
import pandas as pd

import penstock
from penstock import pipeline, step


@step
def make(mebibytes: int) -> np.ndarray:
    return work.make(mebibytes)


@step
def shift(values: np.ndarray) -> np.ndarray:
    return work.shift(values)


@step
def scale(values: np.ndarray) -> np.ndarray:
    return work.scale(values)


@step
def negate(values: np.ndarray) -> np.ndarray:
    return work.negate(values)


@step
def digest(values: np.ndarray, salt: str) -> str:
    return work.digest(values, salt)


@step
def make_frame(rows: int) -> pd.DataFrame:
    return work.make_frame(rows)


@step
def reprice(rows: pd.DataFrame) -> pd.DataFrame:
    return work.reprice(rows)


@step
def regate(rows: pd.DataFrame) -> pd.DataFrame:
    return work.regate(rows)


@pipeline
def arrays(mebibytes: int) -> np.ndarray:
    return negate(scale(shift(make(mebibytes))))


@pipeline
def frames(rows: int) -> pd.DataFrame:
    return regate(reprice(make_frame(rows)))


@pipeline
def flipping(mebibytes: int, salt: str) -> str:
    return digest(shift(make(mebibytes)), salt)


def array(mebibytes: int) -> float:
    return float(arrays.run(mebibytes).result()[-1])


def frame(rows: int) -> int:
    return len(frames.run(rows).result())


def bits(mebibytes: int, salt: str) -> str:
    return flipping.run(mebibytes, salt).result()


def bits_load(mebibytes: int) -> str:
    return work.digest(penstock.find_run()["make"].output.load())
