"""joblib.Memory: the plain loop, each of its functions cached."""

from pathlib import Path

import numpy as np
import pandas as pd
import sweep_work as work
from joblib import Memory
from sklearn.ensemble import RandomForestClassifier

memory = Memory("cache", verbose=0)


@memory.cache
def load(table: Path) -> pd.DataFrame:
    return work.load(table)


@memory.cache
def split(rows: pd.DataFrame, seed: int) -> work.Tables:
    return work.split(rows, seed)


@memory.cache
def encode(train: pd.DataFrame, test: pd.DataFrame) -> work.Matrices:
    return work.encode(train, test)


@memory.cache
def fit(matrix: np.ndarray, train: pd.DataFrame, depth: int, leaf: int) -> RandomForestClassifier:
    return work.fit(matrix, train, depth, leaf)


@memory.cache
def score(model: RandomForestClassifier, matrix: np.ndarray, test: pd.DataFrame) -> float:
    return work.score(model, matrix, test)


def sweep(count: int, kind: str) -> list[float]:
    scores = []
    for table, seed, depth, leaf in work.settings(count, kind):
        train, test = split(load(table), seed)
        train_matrix, test_matrix = encode(train, test)
        model = fit(train_matrix, train, depth, leaf)
        scores.append(score(model, test_matrix, test))
    return scores
