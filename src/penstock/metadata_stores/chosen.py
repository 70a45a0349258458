"""Which runs a filter chooses, and in what order, told from the records themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from penstock.core.conditions import (
    Field,
    Look,
    Measure,
    Order,
    Parameter,
    Rank,
    Subject,
    Value,
    field,
    flat,
    holds,
    measured,
    rank,
)
from penstock.core.ports import RunFilter
from penstock.core.records import Metric, RunRecord, now

T = TypeVar("T")


class Chosen(NamedTuple, Generic[T]):
    """A run among others: what it sorts by, and what it is."""

    ranks: tuple[Rank, ...]
    created: int
    number: int
    run: T


def looking(run: RunRecord, metrics: Callable[[], Sequence[tuple[str, Metric]]]) -> Look:
    """What this run has of a subject; its metrics are asked for only if one is wanted."""
    known: list[Mapping[str, Value]] = []

    def look(subject: Subject) -> Sequence[Value]:
        match subject:
            case Field(name=name):
                return field(run, name, now())
            case Parameter(path=path):
                if not known:
                    known.append(flat(run.parameters))
                return (known[0][path],) if path in known[0] else ()
            case Measure():
                return measured(metrics(), subject)

    return look


def passes(run: RunRecord, filter: RunFilter, look: Look) -> bool:
    return (
        filter.project in (None, run.project)
        and filter.pipeline in (None, run.pipeline)
        and (not filter.statuses or run.status in filter.statuses)
        and (filter.tag is None or filter.tag in run.tags)
        and filter.parent in (None, run.parent)
        and (filter.before is None or run.created < filter.before)
        and (filter.where is None or holds(filter.where, look))
    )


def ranks(order: Sequence[Order], look: Look) -> tuple[Rank, ...]:
    return tuple(rank(look(one.subject)) for one in order)


def in_order(chosen: Sequence[Chosen[T]], order: Sequence[Order]) -> list[Chosen[T]]:
    """Sorted; the newest first among equals."""
    found = sorted(chosen, key=lambda one: (-one.created, -one.number))
    for at, by in reversed([*enumerate(order)]):
        _sort(found, at, descending=by.descending)
    return found


def _sort(chosen: list[Chosen[T]], at: int, *, descending: bool) -> None:
    """By one part of an order, and else as they were: what is missing comes last either way."""
    chosen.sort(key=lambda one: one.ranks[at][1:], reverse=descending)
    chosen.sort(key=lambda one: one.ranks[at][0])
