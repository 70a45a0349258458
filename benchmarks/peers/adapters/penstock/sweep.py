"""Penstock, with its defaults: each setting is a run of its own, with parameters, metrics and model."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import sweep_work as work
from sklearn.ensemble import RandomForestClassifier

from penstock import context, each, pipeline, step


class Split(NamedTuple):
    train: pd.DataFrame
    test: pd.DataFrame


class Encoded(NamedTuple):
    train: np.ndarray
    test: np.ndarray


@step
def load(table: Path) -> pd.DataFrame:
    return work.load(table)


@step
def split(rows: pd.DataFrame, seed: int) -> Split:
    return Split(*work.split(rows, seed))


@step
def encode(train: pd.DataFrame, test: pd.DataFrame) -> Encoded:
    return Encoded(*work.encode(train, test))


@step
def fit(matrix: np.ndarray, train: pd.DataFrame, depth: int, leaf: int) -> RandomForestClassifier:
    return work.fit(matrix, train, depth, leaf)


@step
def score(model: RandomForestClassifier, matrix: np.ndarray, test: pd.DataFrame) -> float:
    result = work.score(model, matrix, test)
    context().log_metric("auc", result)
    return result


@pipeline
def training(table: Path, seed: int, depth: int, leaf: int) -> float:
    parts = split(load(table), seed)
    matrices = encode(parts.train, parts.test)
    model = fit(matrices.train, parts.train, depth, leaf)
    return score(model, matrices.test, parts.test)


def sweep(count: int, kind: str) -> list[float]:
    tables, seeds, depths, leaves = map(each, zip(*work.settings(count, kind), strict=True))
    return [run.result() for run in training.sweep(tables, seeds, depths, leaves)]
