"""Metrics as people read them: a long map is one line."""

from __future__ import annotations

from penstock.core.records import Metric
from penstock.views.measures import FEW, measures


def logged(count: int) -> list[tuple[str, Metric]]:
    items = [(f"fit[{n}]", Metric("auc", float(n), None, 0)) for n in range(count)]
    return [*items, ("evaluate", Metric("auc", 0.5, None, 0))]


def test_few_items_are_told_one_by_one() -> None:
    assert measures(logged(2)) == [
        ("fit[0].auc", "0"),
        ("fit[1].auc", "1"),
        ("evaluate.auc", "0.5"),
    ]
    assert len(measures(logged(FEW))) == FEW + 1


def test_of_many_items_the_mean_is_told_and_each_where_it_is_asked_for() -> None:
    assert measures(logged(1001)) == [
        ("fit.auc", "500, the mean of 1,001"),
        ("evaluate.auc", "0.5"),
    ]
    assert len(measures(logged(1001), every=True)) == 1002
