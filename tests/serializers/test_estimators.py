"""Estimators of scikit-learn: signed pickles, equal when they learnt the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kinds import Shift
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from penstock.serializers import default_serializers
from penstock.testing.serializer import Artifacts, artifacts

RANDOM = np.random.default_rng(1)
X = RANDOM.random((120, 4))
Y = (X[:, 0] + 0.1 * RANDOM.random(120) > 0.5).astype(int)

MAKERS: dict[str, Any] = {
    "forest": lambda: RandomForestClassifier(8, random_state=3),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=4, random_state=3),
    "histogram boosting": lambda: HistGradientBoostingClassifier(max_iter=4, random_state=3),
    "tree": lambda: DecisionTreeClassifier(random_state=3),
    "isolation": lambda: IsolationForest(n_estimators=5, random_state=3),
    "logistic": lambda: LogisticRegression(),
    "descent": lambda: SGDClassifier(random_state=3),
    "vectors": lambda: SVC(random_state=3),
    "neighbours": lambda: KNeighborsClassifier(algorithm="kd_tree"),
    "network": lambda: MLPClassifier((5,), max_iter=1000, tol=1e-2, random_state=3),
    "pipeline": lambda: make_pipeline(StandardScaler(), Shift(2.0), LogisticRegression()),
    "function": lambda: make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()),
    "columns": lambda: make_pipeline(
        ColumnTransformer([("one", OneHotEncoder(handle_unknown="ignore"), [0]), ("s", StandardScaler(), [1, 2])]),
        LogisticRegression(),
    ),
}  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.mark.parametrize("name", MAKERS)
def test_two_fits_of_the_same_are_one_content(shelf: Artifacts, name: str) -> None:
    one, two = MAKERS[name]().fit(X, Y), MAKERS[name]().fit(X, Y)
    manifest, _ = shelf.encode(one)
    assert (manifest.serializer, manifest.unsafe, bool(manifest.signature)) == (
        "sklearn",
        True,
        True,
    )
    back = shelf.decode(manifest)
    assert shelf.digest(one) == shelf.digest(two) == shelf.digest(back) == manifest.content
    np.testing.assert_array_equal(back.predict(X), one.predict(X))


@pytest.mark.parametrize("name", MAKERS)
def test_other_data_or_parameters_are_another_content(shelf: Artifacts, name: str) -> None:
    fitted, unfitted = MAKERS[name]().fit(X, Y), MAKERS[name]()
    elsewhere = MAKERS[name]().fit(X[:80] * 1.5, Y[:80])
    assert len({shelf.digest(value) for value in (fitted, unfitted, elsewhere)}) == 3
    assert shelf.digest(LogisticRegression(C=2.0)) != shelf.digest(LogisticRegression())


def test_where_a_vectorizer_keeps_its_stop_words_does_not_count(shelf: Artifacts) -> None:
    def fitted(word: str) -> TfidfVectorizer:
        return TfidfVectorizer(stop_words=[word]).fit(["the cat", "the dog"])

    assert shelf.digest(fitted("the")) == shelf.digest(fitted("the"))
    assert shelf.digest(fitted("the")) != shelf.digest(fitted("cat"))


def test_what_a_pickle_says_beside_the_model_does_not_count(shelf: Artifacts) -> None:
    # Parts that are shared in one fit and equal copies in the other pickle differently.
    one = make_pipeline(StandardScaler(), StandardScaler()).fit(X)
    two = make_pipeline(StandardScaler(), StandardScaler()).fit(X)
    two.steps[1][1].n_samples_seen_ = two.steps[0][1].n_samples_seen_
    two.steps[0][1].mean_ = np.array(list(two.steps[0][1].mean_))
    two.steps[1] = ("".join(two.steps[1][0]), two.steps[1][1])
    first, second = shelf.encode(one)[0], shelf.encode(two)[0]
    assert first.content == second.content


def test_the_classes_of_a_pipeline_are_recorded(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(MAKERS["pipeline"]().fit(X, Y))
    assert manifest.classes == ("tests.serializers.kinds:Shift",)


def test_estimators_in_containers(shelf: Artifacts) -> None:
    models = [MAKERS["logistic"]().fit(X, Y), MAKERS["tree"]().fit(X, Y)]
    manifest, items = shelf.encode(models)
    assert (manifest.items, [item.serializer for item in items]) == (2, ["sklearn", "sklearn"])
    pair = (models[0], 0.5)
    manifest, _ = shelf.encode(pair)
    assert (manifest.serializer, manifest.unsafe) == ("json", True)
    back = shelf.decode(manifest)
    assert back[1] == 0.5
    np.testing.assert_array_equal(back[0].coef_, models[0].coef_)
    assert shelf.digest(pair) == manifest.content == shelf.digest(back)


def test_a_search_over_parameters_is_kept(shelf: Artifacts) -> None:
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, Y)
    manifest, _ = shelf.encode(search)
    back = shelf.decode(manifest)
    assert back.best_params_ == search.best_params_
    assert shelf.digest(back) == manifest.content == shelf.digest(search)


PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_estimators import MAKERS, X, Y
from penstock.serializers import default_serializers
from penstock.testing.serializer import artifacts
shelf = artifacts(*default_serializers(), root=Path("/nowhere"))
print([shelf.digest(make().fit(X, Y)) for name, make in MAKERS.items()])
"""


def test_a_fit_in_another_process_is_the_same_content() -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parent))
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
