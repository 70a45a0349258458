"""A step's function is called so that it can be, however it is wrapped."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from penstock.perform.arguments import invoke

Function = Callable[..., Any]


def fit(rows: str, depth: int = 6, /, rate: float = 0.1, *, seed: int = 7) -> tuple[Any, ...]:
    return rows, depth, rate, seed


def score(rows: str, depth: int = 6) -> tuple[Any, ...]:
    return rows, depth


def of_all(function: Function) -> Function:
    @functools.wraps(function)
    def inner(*args: Any) -> Any:
        return function(*args)

    return inner


def of_a_table(function: Function) -> Function:
    @functools.wraps(function)
    def inner(table: str, *args: Any, **kwargs: Any) -> Any:
        return function(table, *args, **kwargs)

    return inner


def of_its_first(function: Function) -> Function:
    @functools.wraps(function)
    def inner(table: str, **kwargs: Any) -> Any:
        return function(table, **kwargs)

    return inner


def by_name(function: Function) -> Function:
    @functools.wraps(function)
    def inner(**kwargs: Any) -> Any:
        return function(**kwargs)

    return inner


class Model:
    @of_a_table
    def fit(self, rows: str, depth: int) -> tuple[Any, ...]:
        return rows, depth


@pytest.mark.parametrize(
    "function",
    [
        *(score, of_all(score), of_a_table(score), of_its_first(score), by_name(score)),
        *(of_a_table(of_all(score)), functools.partial(of_a_table(score)), Model().fit),
    ],
)
def test_a_wrapper_need_not_know_the_names_of_what_it_wraps(function: Function) -> None:
    assert invoke(function, {"rows": "a", "depth": 2}) == ("a", 2)


def test_parameters_of_every_kind_are_passed_as_they_must_be() -> None:
    given = {"rows": "a", "depth": 2, "rate": 0.5, "seed": 1}

    assert invoke(fit, given) == invoke(of_a_table(fit), given) == ("a", 2, 0.5, 1)
