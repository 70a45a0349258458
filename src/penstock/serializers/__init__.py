"""Serializers: one file a library. None is imported before a value of its kind is at hand."""

from __future__ import annotations

from penstock.artifacts.deferred import Deferred
from penstock.core.registered import register

__all__ = ["default_serializers", "register"]


def default_serializers() -> tuple[Deferred, ...]:
    """Those that ship, in the order in which they are asked; the pickle takes what is left."""
    return (
        _of("torch", "torch:Torch", "torch"),  # first: a dict of tensors is one file
        _of("json", "plain:Plain"),
        _of("secret", "secret:Secrets", "pydantic"),
        _of("numpy", "numpy:Numpy", "numpy"),
        _of("pandas", "pandas:Pandas", "pandas"),
        _of("polars", "polars:Polars", "polars"),
        _of("arrow", "arrow:Arrow", "pyarrow"),
        _of("scipy", "scipy:Scipy", "scipy"),
        _of("xgboost", "xgboost:XGBoost", "xgboost"),
        _of("lightgbm", "lightgbm:LightGBM", "lightgbm"),
        # Before scikit-learn, whose estimators these are too.
        _of("boosted", "boosted:Boosted", "xgboost", "lightgbm"),
        _of("sklearn", "sklearn:Sklearn", "sklearn"),
        _of("pillow", "images:Images", "PIL"),
        _of("matplotlib", "figures:Figures", "matplotlib"),
        _of("plotly", "charts:Charts", "plotly"),
        _of("torch-module", "modules:Modules", "torch"),
        _of("path", "path:Paths"),
        _of("pickle", "pickle:Pickle"),
    )


def _of(name: str, where: str, *libraries: str) -> Deferred:
    return Deferred(name, f"penstock.serializers.{where}", libraries)
