"""redun: a run of the scheduler for each setting."""

import numpy as np
import pandas as pd
import sweep_work as work
from redun import File, task
from redun.cli import setup_scheduler
from sklearn.ensemble import RandomForestClassifier

redun_namespace = "bench"


@task()
def load(table: File) -> pd.DataFrame:
    return work.load(table.path)


@task(nout=2)
def split(rows: pd.DataFrame, seed: int) -> work.Tables:
    return work.split(rows, seed)


@task(nout=2)
def encode(train: pd.DataFrame, test: pd.DataFrame) -> work.Matrices:
    return work.encode(train, test)


@task()
def fit(matrix: np.ndarray, train: pd.DataFrame, depth: int, leaf: int) -> RandomForestClassifier:
    return work.fit(matrix, train, depth, leaf)


@task()
def score(model: RandomForestClassifier, matrix: np.ndarray, test: pd.DataFrame) -> float:
    return work.score(model, matrix, test)


@task()
def training(table: File, seed: int, depth: int, leaf: int) -> float:
    train, test = split(load(table), seed)
    train_matrix, test_matrix = encode(train, test)
    return score(fit(train_matrix, train, depth, leaf), test_matrix, test)


def sweep(count: int, kind: str) -> list[float]:
    scheduler = setup_scheduler()
    return [
        scheduler.run(training(File(str(table)), seed, depth, leaf))
        for table, seed, depth, leaf in work.settings(count, kind)
    ]
