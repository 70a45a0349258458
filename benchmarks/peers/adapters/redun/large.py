"""redun with its values in files."""

from typing import Any

import large_work as work
import numpy as np
import pandas as pd
from redun import task
from redun.backends.db import CallNode
from redun.cli import setup_scheduler

redun_namespace = "bench"


@task()
def make(mebibytes: int) -> np.ndarray:
    return work.make(mebibytes)


@task()
def shift(values: np.ndarray) -> np.ndarray:
    return work.shift(values)


@task()
def scale(values: np.ndarray) -> np.ndarray:
    return work.scale(values)


@task()
def negate(values: np.ndarray) -> np.ndarray:
    return work.negate(values)


@task()
def digest(values: np.ndarray, salt: str) -> str:
    return work.digest(values, salt)


@task()
def make_frame(rows: int) -> pd.DataFrame:
    return work.make_frame(rows)


@task()
def reprice(rows: pd.DataFrame) -> pd.DataFrame:
    return work.reprice(rows)


@task()
def regate(rows: pd.DataFrame) -> pd.DataFrame:
    return work.regate(rows)


def run(expression: Any) -> Any:
    return setup_scheduler().run(expression)


def array(mebibytes: int) -> float:
    return float(run(negate(scale(shift(make(mebibytes)))))[-1])


def frame(rows: int) -> int:
    return len(run(regate(reprice(make_frame(rows)))))


def bits(mebibytes: int, salt: str) -> str:
    return run(digest(shift(make(mebibytes)), salt))


def bits_load(mebibytes: int) -> str:
    session = setup_scheduler().backend.session
    made = session.query(CallNode).filter_by(task_name="bench.make").one()
    return work.digest(made.value.value_parsed)
