"""A sweep as people do them: one table, one split, one encoding, and a forest of each depth and width."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

TABLE = Path("flights.csv")
NUMBERS = [f"number{n}" for n in range(8)]
WORDS = [f"word{n}" for n in range(4)]
Tables = tuple[pd.DataFrame, pd.DataFrame]
Matrices = tuple[np.ndarray, np.ndarray]


def write_tables(rows: int, count: int) -> None:
    """What the runs read, made once and not measured: a table, and `count` that differ by a row."""
    random = np.random.default_rng(7)
    numbers = random.normal(size=(rows, len(NUMBERS)))
    table = pd.DataFrame(numbers, columns=NUMBERS).round(6)
    for word in WORDS:
        table[word] = random.choice([f"{word}-{n}" for n in range(12)], rows)
    chance = numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + (table["word0"] < "word0-4")
    table["late"] = chance + random.normal(size=rows) > 0.5
    text = table.to_csv(index=False)
    TABLE.write_text(text)
    lines = text.splitlines(keepends=True)
    for number in range(count):
        one_of(number).write_text(text + lines[number + 1])


def one_of(number: int) -> Path:
    return Path(f"flights-{number}.csv")


class Setting(NamedTuple):
    table: Path
    seed: int
    depth: int
    leaf: int


def settings(count: int, kind: str) -> list[Setting]:
    """A run for each: of one table and split, or, where nothing is to be shared, of its own."""
    apart = kind == "apart"
    return [
        Setting(
            table=one_of(number) if apart else TABLE,
            seed=number if apart else 7,
            depth=3 + number % 10,
            leaf=1 + number // 10,
        )
        for number in range(count)
    ]


def load(table: Path) -> pd.DataFrame:
    return pd.read_csv(table)


def split(rows: pd.DataFrame, seed: int) -> Tables:
    train, test = train_test_split(rows, test_size=0.25, random_state=seed)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def encode(train: pd.DataFrame, test: pd.DataFrame) -> Matrices:
    encoder = make_column_transformer(
        (StandardScaler(), NUMBERS),
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), WORDS),
    )
    return encoder.fit_transform(train), encoder.transform(test)


def fit(matrix: np.ndarray, train: pd.DataFrame, depth: int, leaf: int) -> RandomForestClassifier:
    model = RandomForestClassifier(
        n_estimators=10, max_depth=depth, min_samples_leaf=leaf, n_jobs=1, random_state=7
    )
    return model.fit(matrix, train["late"])


def score(model: RandomForestClassifier, matrix: np.ndarray, test: pd.DataFrame) -> float:
    return float(roc_auc_score(test["late"], model.predict_proba(matrix)[:, 1]))
