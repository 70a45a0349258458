"""Prefect: results in its own format, a pickle in a JSON file; inputs are hashed by pickle."""

import large_work as work
import numpy as np
import pandas as pd
from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE

POLICY = INPUTS + TASK_SOURCE


@task(persist_result=True, cache_policy=POLICY)
def make(mebibytes: int) -> np.ndarray:
    return work.make(mebibytes)


@task(persist_result=True, cache_policy=POLICY)
def shift(values: np.ndarray) -> np.ndarray:
    return work.shift(values)


@task(persist_result=True, cache_policy=POLICY)
def scale(values: np.ndarray) -> np.ndarray:
    return work.scale(values)


@task(persist_result=True, cache_policy=POLICY)
def negate(values: np.ndarray) -> np.ndarray:
    return work.negate(values)


@task(persist_result=True, cache_policy=POLICY)
def digest(values: np.ndarray, salt: str) -> str:
    return work.digest(values, salt)


@task(persist_result=True, cache_policy=POLICY)
def make_frame(rows: int) -> pd.DataFrame:
    return work.make_frame(rows)


@task(persist_result=True, cache_policy=POLICY)
def reprice(rows: pd.DataFrame) -> pd.DataFrame:
    return work.reprice(rows)


@task(persist_result=True, cache_policy=POLICY)
def regate(rows: pd.DataFrame) -> pd.DataFrame:
    return work.regate(rows)


@flow
def array(mebibytes: int) -> float:
    return float(negate(scale(shift(make(mebibytes))))[-1])


@flow
def frame(rows: int) -> int:
    return len(regate(reprice(make_frame(rows))))


@flow
def bits(mebibytes: int, salt: str) -> str:
    return digest(shift(make(mebibytes)), salt)


@flow
def bits_load(mebibytes: int) -> str:
    """The result of the task as its cache gives it."""
    return work.digest(make(mebibytes))
