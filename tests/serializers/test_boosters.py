"""Models of xgboost and lightgbm in their own formats: equal fits are one content, none is pickled."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier

from penstock.errors import SerializationError
from penstock.serializers import default_serializers
from penstock.testing.serializer import Artifacts, artifacts

RANDOM = np.random.default_rng(1)
X = RANDOM.random((120, 3))
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(
    kind=pd.Categorical(np.where(X[:, 1] > 0.5, "x", "y"))
)
Y = (X[:, 0] + 0.1 * RANDOM.random(120) > 0.5).astype(int)
WORDS = np.where(Y, "yes", "no")
THREE = (X[:, 0] * 3).astype(int)
GROUPS = np.full(12, 10)


def boosted(depth: int = 2, **more: Any) -> xgboost.Booster:
    rows = xgboost.DMatrix(FRAME, Y, enable_categorical=True)
    return xgboost.train(
        {"max_depth": depth, "objective": "binary:logistic", "seed": 1, "nthread": 1, **more},
        rows,
        8,
        evals=[(rows, "seen")],
        early_stopping_rounds=2,
        verbose_eval=False,
    )


def light(leaves: int = 4) -> lightgbm.Booster:
    rows = lightgbm.Dataset(FRAME, Y)
    return lightgbm.train(
        {"num_leaves": leaves, "objective": "binary", "seed": 1, "verbose": -1, "num_threads": 1},
        rows,
        8,
        valid_sets=[rows.create_valid(FRAME[:60], Y[:60])],
        valid_names=["seen"],
        callbacks=[lightgbm.early_stopping(2, verbose=False)],
    )


def xgb(cls: Any, depth: int, **more: Any) -> Any:
    return cls(n_estimators=4, max_depth=depth, random_state=1, n_jobs=1, **more)


def lgb(cls: Any, depth: int, **more: Any) -> Any:
    return cls(n_estimators=4, max_depth=depth, random_state=1, n_jobs=1, verbose=-1, **more)


# Deprecated by newer versions of xgboost, and still in use.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*XGBRFClassifier:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*booster=gblinear:UserWarning"),
]

ESTIMATORS: dict[str, Any] = {
    "xgboost's classifier": lambda depth=2: xgb(XGBClassifier, depth).fit(X, Y),
    "xgboost's classifier of three": lambda depth=2: xgb(XGBClassifier, depth).fit(X, THREE),
    "xgboost's classifier of categories, stopped early": lambda depth=2: xgb(XGBClassifier, depth, early_stopping_rounds=1, enable_categorical=True).fit(FRAME, Y, eval_set=[(FRAME, Y)], verbose=False),
    "xgboost's regressor": lambda depth=2: xgb(XGBRegressor, depth).fit(FRAME[["a", "b"]], X[:, 0]),
    "xgboost's linear regressor": lambda depth=2: xgb(XGBRegressor, None, booster="gblinear", learning_rate=depth / 4, updater="coord_descent").fit(X, X[:, 0]),
    "xgboost's ranker": lambda depth=2: xgb(XGBRanker, depth).fit(X, Y, group=GROUPS),
    "xgboost's forest": lambda depth=2: xgb(XGBRFClassifier, depth).fit(X, Y),
    "lightgbm's classifier": lambda depth=2: lgb(LGBMClassifier, depth).fit(FRAME, WORDS),
    "lightgbm's classifier of three": lambda depth=2: lgb(LGBMClassifier, depth).fit(X, THREE),
    "lightgbm's regressor, stopped early": lambda depth=2: lgb(LGBMRegressor, depth).fit(FRAME, X[:, 0], eval_X=FRAME, eval_y=X[:, 0], callbacks=[lightgbm.early_stopping(1, verbose=False)]),
    "lightgbm's ranker": lambda depth=2: lgb(LGBMRanker, depth).fit(X, Y, group=GROUPS),
}  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


def test_a_booster_of_xgboost_is_its_own_format(shelf: Artifacts) -> None:
    booster = boosted()
    manifest, _ = shelf.encode(booster)
    assert (manifest.serializer, manifest.unsafe) == ("xgboost", False)
    assert [file.name for file in manifest.files] == ["model.ubj", "config.json"]
    back = shelf.decode(manifest)
    rows = xgboost.DMatrix(FRAME, enable_categorical=True)
    np.testing.assert_array_equal(back.predict(rows), booster.predict(rows))
    for name in ("best_iteration", "best_score", "feature_names", "feature_types"):
        assert getattr(back, name) == getattr(booster, name)
    assert back.save_config() == booster.save_config()
    assert shelf.digest(boosted()) == shelf.digest(back) == manifest.content
    assert shelf.digest(copy.deepcopy(booster)) == manifest.content
    assert shelf.digest(boosted(depth=3)) != manifest.content


def test_training_goes_on_where_it_was(shelf: Artifacts) -> None:
    rows = xgboost.DMatrix(X, Y)
    booster = xgboost.train({"max_depth": 2, "eta": 0.7, "nthread": 1}, rows, 2)
    back = shelf.decode(shelf.encode(booster)[0])
    for one in (booster, back):
        one.update(rows, 2)
    assert shelf.digest(booster) == shelf.digest(back)


def test_the_number_of_threads_is_not_the_model(shelf: Artifacts) -> None:
    assert shelf.digest(boosted(nthread=1)) == shelf.digest(boosted(nthread=2))


def test_a_booster_with_attributes_of_its_own_is_pickled(shelf: Artifacts) -> None:
    value = boosted()
    value.owner = "me"  # type: ignore[attr-defined]  # what people do
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
    assert shelf.decode(manifest).owner == "me"  # type: ignore[attr-defined]


def test_a_booster_that_has_learnt_nothing_is_refused(shelf: Artifacts) -> None:
    for use in (shelf.encode, shelf.digest):
        with pytest.raises(SerializationError, match="has learnt nothing"):
            use(xgboost.Booster())


def test_a_booster_of_lightgbm_is_its_own_format(shelf: Artifacts) -> None:
    booster = light()
    manifest, _ = shelf.encode(booster)
    assert (manifest.serializer, manifest.unsafe) == ("lightgbm", False)
    assert [file.name for file in manifest.files] == ["model.txt", "beside/value.json"]
    back = shelf.decode(manifest)
    np.testing.assert_array_equal(back.predict(FRAME), booster.predict(FRAME))
    for name in ("best_iteration", "best_score", "params", "pandas_categorical"):
        assert getattr(back, name) == getattr(booster, name)
    assert back.feature_name() == booster.feature_name()
    assert back.num_trees() == booster.num_trees()
    assert shelf.digest(light()) == shelf.digest(back) == manifest.content
    assert shelf.digest(light(leaves=5)) != manifest.content


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_is_kept_without_a_pickle(shelf: Artifacts, name: str) -> None:
    model = ESTIMATORS[name]()
    rows = FRAME[list(getattr(model, "feature_names_in_", []))] if model.n_features_in_ != 3 else X
    manifest, _ = shelf.encode(model)
    assert (manifest.serializer, manifest.unsafe) == ("boosted", False)
    back = shelf.decode(manifest)
    assert type(back) is type(model)
    assert vars(back).keys() == vars(model).keys()
    np.testing.assert_array_equal(back.predict(rows), model.predict(rows))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(back.predict_proba(rows), model.predict_proba(rows))
        np.testing.assert_array_equal(back.classes_, model.classes_)
    assert repr(back.get_params()) == repr(model.get_params())
    for attribute in (
        "best_iteration",
        "best_iteration_",
        "best_score_",
        "evals_result_",
        "n_features_in_",
    ):
        try:
            expected = getattr(model, attribute)
        except AttributeError:
            continue
        assert getattr(back, attribute) == expected
    assert shelf.digest(ESTIMATORS[name]()) == shelf.digest(back) == manifest.content
    assert shelf.digest(ESTIMATORS[name](3)) != manifest.content


@pytest.mark.parametrize("cls", [XGBClassifier, LGBMRegressor])
def test_an_estimator_that_is_not_fitted_is_kept_too(shelf: Artifacts, cls: Any) -> None:
    manifest, _ = shelf.encode(cls(max_depth=7))
    assert (manifest.serializer, manifest.unsafe) == ("boosted", False)
    assert repr(shelf.decode(manifest)) == repr(cls(max_depth=7))
    assert shelf.digest(cls(max_depth=7)) == manifest.content != shelf.digest(cls(max_depth=8))


def squares(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    return y_pred - y_true, np.ones_like(y_true)


def test_a_function_among_the_parameters_is_pickled_and_the_model_marked(shelf: Artifacts) -> None:
    model = xgb(XGBRegressor, 2, objective=squares).fit(X, X[:, 0])
    manifest, _ = shelf.encode(model)
    assert (manifest.serializer, manifest.unsafe, bool(manifest.signature)) == (
        "boosted",
        True,
        True,
    )
    np.testing.assert_array_equal(shelf.decode(manifest).predict(X), model.predict(X))
    assert shelf.digest(model) == manifest.content


def test_inside_a_pipeline_of_scikit_learn_it_is_part_of_the_pickle(shelf: Artifacts) -> None:
    def make() -> Any:
        return make_pipeline(StandardScaler(), xgb(XGBClassifier, 2)).fit(X, Y)

    manifest, _ = shelf.encode(make())
    assert (manifest.serializer, manifest.unsafe) == ("sklearn", True)
    back = shelf.decode(manifest)
    np.testing.assert_array_equal(back.predict(X), make().predict(X))
    assert shelf.digest(make()) == manifest.content == shelf.digest(back)


def contents() -> list[str]:
    shelf = artifacts(*default_serializers(), root=Path("/nowhere"))
    return [shelf.digest(make()) for make in (boosted, light, *ESTIMATORS.values())]


PROGRAM = """
import json, sys
sys.path.insert(0, {tests!r})
from test_boosters import contents
print(json.dumps(contents()))
"""


def test_a_fit_in_another_process_is_the_same_content() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(tests=str(Path(__file__).parent))],
        env={**os.environ, "PYTHONHASHSEED": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == contents()
