"""ZenML: a run for each setting."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import sweep_work as work
from sklearn.ensemble import RandomForestClassifier
from zenml import log_metadata, pipeline, step


@step
def load(table: str) -> pd.DataFrame:
    return work.load(Path(table))


@step
def split(
    rows: pd.DataFrame, seed: int
) -> tuple[Annotated[pd.DataFrame, "train"], Annotated[pd.DataFrame, "test"]]:
    left, right = work.split(rows, seed)
    return left, right


@step
def encode(
    train: pd.DataFrame, test: pd.DataFrame
) -> tuple[Annotated[np.ndarray, "train_matrix"], Annotated[np.ndarray, "test_matrix"]]:
    left, right = work.encode(train, test)
    return left, right


@step
def fit(matrix: np.ndarray, train: pd.DataFrame, depth: int, leaf: int) -> RandomForestClassifier:
    return work.fit(matrix, train, depth, leaf)


@step
def score(model: RandomForestClassifier, matrix: np.ndarray, test: pd.DataFrame) -> float:
    result = work.score(model, matrix, test)
    log_metadata({"auc": result})
    return result


@pipeline
def training(table: str, seed: int, depth: int, leaf: int) -> None:
    train, test = split(load(table), seed)
    train_matrix, test_matrix = encode(train, test)
    score(fit(train_matrix, train, depth, leaf), test_matrix, test)


def sweep(count: int, kind: str) -> list[float]:
    scores = []
    for table, seed, depth, leaf in work.settings(count, kind):
        run = training(str(table), seed, depth, leaf)
        scores.append(run.steps["score"].output.load())
    return scores
