"""Prefect: a flow run for each setting."""

from pathlib import Path

import numpy as np
import pandas as pd
import sweep_work as work
from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE
from sklearn.ensemble import RandomForestClassifier

POLICY = INPUTS + TASK_SOURCE


@task(persist_result=True, cache_policy=POLICY)
def load(table: Path) -> pd.DataFrame:
    return work.load(table)


@task(persist_result=True, cache_policy=POLICY)
def split(rows: pd.DataFrame, seed: int) -> work.Tables:
    return work.split(rows, seed)


@task(persist_result=True, cache_policy=POLICY)
def encode(train: pd.DataFrame, test: pd.DataFrame) -> work.Matrices:
    return work.encode(train, test)


@task(persist_result=True, cache_policy=POLICY)
def fit(matrix: np.ndarray, train: pd.DataFrame, depth: int, leaf: int) -> RandomForestClassifier:
    return work.fit(matrix, train, depth, leaf)


@task(persist_result=True, cache_policy=POLICY)
def score(model: RandomForestClassifier, matrix: np.ndarray, test: pd.DataFrame) -> float:
    return work.score(model, matrix, test)


@flow
def training(table: Path, seed: int, depth: int, leaf: int) -> float:
    train, test = split(load(table), seed)
    train_matrix, test_matrix = encode(train, test)
    return score(fit(train_matrix, train, depth, leaf), test_matrix, test)


def sweep(count: int, kind: str) -> list[float]:
    return [training(*setting) for setting in work.settings(count, kind)]
