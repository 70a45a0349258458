"""What must be signed is refused before any step runs where nothing can sign it."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.base import BaseEstimator

from penstock import pipeline, step
from penstock.errors import Untrusted
from penstock.testing import in_memory

ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


class Own(BaseEstimator):
    """An estimator of the project's own."""


@step(cache=False)
def before() -> int:
    ran.append("before")
    return 1


@step(options={"serializer": "pickle"})
def model(number: int) -> Any:
    return {"number": number}


@pipeline
def training() -> Any:
    return model(before())


def test_a_declared_pickle_is_refused_at_once_without_a_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with in_memory() as session:
        monkeypatch.setattr(session.stack.artifacts, "_key", lambda: None)
        with pytest.raises(Untrusted, match="the output of 'model' is kept as a pickle"):
            training.run()
    assert ran == []


@step
def estimator(number: int) -> Own:
    return Own()


@pipeline
def fitting() -> Own:
    return estimator(before())


def test_a_declared_estimator_of_the_project_is_refused_at_once_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with in_memory() as session:
        monkeypatch.setattr(session.stack.artifacts, "_key", lambda: None)
        with pytest.raises(Untrusted, match="the output of 'estimator' is kept as a pickle"):
            fitting.run()
    assert ran == []


def test_with_a_key_it_runs() -> None:
    with in_memory():
        assert training.run().result() == {"number": 1}
    assert ran == ["before"]
