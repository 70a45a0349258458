"""Work on data of weight: an array and a table through a few steps."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def make(mebibytes: int) -> np.ndarray:
    return np.arange(mebibytes * 2**17, dtype=np.float64)


def shift(values: np.ndarray) -> np.ndarray:
    return values + 1.0


def scale(values: np.ndarray) -> np.ndarray:
    return values * 2.0


def negate(values: np.ndarray) -> np.ndarray:
    return -values


def digest(values: np.ndarray, salt: str = "") -> str:
    return hashlib.blake2b(values.tobytes() + salt.encode(), digest_size=8).hexdigest()


KINDS = ["economy", "premium", "business", "first"]


def make_frame(rows: int) -> pd.DataFrame:
    """Integers, floats with gaps, times, booleans, a category, and text of 10,000 names."""
    import pandas as pd

    random = np.random.default_rng(7)
    score = random.random(rows, np.float32)
    score[::50] = np.nan
    names = np.array([f"passenger {n:05d}" for n in range(9973)], dtype=object)
    start = np.datetime64("2024-01-01", "us")
    columns: dict[str, Any] = {
        "id": np.arange(rows),
        "gate": random.integers(0, 300, rows, np.int32),
        "fare": random.random(rows),
        "score": score,
        "when": start + random.integers(0, 10**13, rows).astype("m8[us]"),
        "late": random.random(rows) < 0.2,
        "name": pd.array(names[random.integers(0, len(names), rows)], dtype="str"),
        "kind": pd.Categorical.from_codes(random.integers(0, len(KINDS), rows, np.int8), KINDS),
    }
    return pd.DataFrame(columns)


def reprice(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(fare=rows["fare"] * 1.19)


def regate(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(gate=rows["gate"] + 1, late=~rows["late"])
