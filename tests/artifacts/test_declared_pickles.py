"""Which types are known to be kept as a pickle before there is a value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMRegressor
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from xgboost import Booster, XGBClassifier

from penstock.artifacts.pickled import is_pickled


class Own(BaseEstimator):
    """An estimator of the project's own."""


class Boosted(XGBClassifier):
    """One that xgboost's format would not bring back as what it is."""


class Net(nn.Module):
    """A module of the project's own."""


@pytest.mark.parametrize(
    "kind", [LogisticRegression, Own, Boosted, nn.Module, nn.Linear, Net, Figure, Axes]
)
def test_estimators_modules_and_figures_are_known_to_be_pickled(kind: type) -> None:
    assert is_pickled(kind)


@pytest.mark.parametrize(
    "kind",
    [XGBClassifier, LGBMRegressor, Booster, Tensor, pd.DataFrame, np.ndarray, int, Any, "quoted", None, list[Net]],
)  # fmt: skip
def test_others_are_left_to_the_value(kind: object) -> None:
    assert not is_pickled(kind)
