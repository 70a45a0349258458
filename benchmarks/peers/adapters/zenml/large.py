"""ZenML on its default stack, with its own materializers."""

from typing import Any

import large_work as work
import numpy as np
import pandas as pd
from zenml import pipeline, step
from zenml.client import Client


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
def arrays(mebibytes: int) -> None:
    negate(scale(shift(make(mebibytes))))


@pipeline
def frames(rows: int) -> None:
    regate(reprice(make_frame(rows)))


@pipeline
def flipping(mebibytes: int, salt: str) -> None:
    digest(shift(make(mebibytes)), salt)


def last(run: Any, step: str) -> Any:
    return run.steps[step].output.load()


def array(mebibytes: int) -> float:
    return float(last(arrays(mebibytes), "negate")[-1])


def frame(rows: int) -> int:
    return len(last(frames(rows), "regate"))


def bits(mebibytes: int, salt: str) -> str:
    return last(flipping(mebibytes, salt), "digest")


def bits_load(mebibytes: int) -> str:
    run = Client().list_pipeline_runs(pipeline="flipping", size=1)[0]
    return work.digest(last(run, "make"))
