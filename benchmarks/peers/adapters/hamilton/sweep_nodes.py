from pathlib import Path

import numpy as np
import pandas as pd
import sweep_work as work
from hamilton.function_modifiers import extract_fields
from sklearn.ensemble import RandomForestClassifier


def rows(table: Path) -> pd.DataFrame:
    return work.load(table)


@extract_fields({"train": pd.DataFrame, "test": pd.DataFrame})
def parts(rows: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    return dict(zip(("train", "test"), work.split(rows, seed), strict=True))


@extract_fields({"train_matrix": np.ndarray, "test_matrix": np.ndarray})
def matrices(train: pd.DataFrame, test: pd.DataFrame) -> dict[str, np.ndarray]:
    return dict(zip(("train_matrix", "test_matrix"), work.encode(train, test), strict=True))


def model(
    train_matrix: np.ndarray, train: pd.DataFrame, depth: int, leaf: int
) -> RandomForestClassifier:
    return work.fit(train_matrix, train, depth, leaf)


def auc(model: RandomForestClassifier, test_matrix: np.ndarray, test: pd.DataFrame) -> float:
    return work.score(model, test_matrix, test)
