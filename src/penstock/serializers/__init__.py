"""Serializers: one file a library. None is imported before a value of its kind is at hand."""

from __future__ import annotations

from penstock.core.ports import Serializer
from penstock.core.registered import register
from penstock.serializers.arrow import Arrow
from penstock.serializers.boosted import Boosted
from penstock.serializers.charts import Charts
from penstock.serializers.figures import Figures
from penstock.serializers.images import Images
from penstock.serializers.lightgbm import LightGBM
from penstock.serializers.modules import Modules
from penstock.serializers.numpy import Numpy
from penstock.serializers.pandas import Pandas
from penstock.serializers.path import Paths
from penstock.serializers.pickle import Pickle
from penstock.serializers.plain import Plain
from penstock.serializers.polars import Polars
from penstock.serializers.scipy import Scipy
from penstock.serializers.secret import Secrets
from penstock.serializers.sklearn import Sklearn
from penstock.serializers.torch import Torch
from penstock.serializers.xgboost import XGBoost

__all__ = ["default_serializers", "register"]


def default_serializers() -> tuple[Serializer, ...]:
    """Those that ship, in the order in which they are asked; the pickle takes what is left."""
    return (
        Torch(),  # first: a dict of tensors is one file
        Plain(),
        Secrets(),
        Numpy(),
        Pandas(),
        Polars(),
        Arrow(),
        Scipy(),
        XGBoost(),
        LightGBM(),
        Boosted(),  # before scikit-learn, whose estimators these are too
        Sklearn(),
        Images(),
        Figures(),
        Charts(),
        Modules(),
        Paths(),
        Pickle(),
    )
