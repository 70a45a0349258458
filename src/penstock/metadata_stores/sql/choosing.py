"""A filter as SQL: conditions become pieces of a SELECT, and every value a bound parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.core.conditions import (
    All,
    Condition,
    Field,
    Measure,
    Not,
    Order,
    Parameter,
    Some,
    Subject,
    Term,
)
from penstock.core.ports import RunFilter
from penstock.metadata_stores.sql.queries import queries

NOTHING = "1 = 1"
COLUMNS = {
    "id": "r.id",
    "name": "r.name",
    "pipeline": "r.pipeline",
    "project": "r.project",
    "status": "r.status",
    "parent": "r.parent",
}
NUMBERS = {
    "created": "r.created",
    "steps": "r.total",
    **{name: f"r.{name}" for name in ("done", "reused", "failed", "skipped", "cancelled")},
}
ORIGINS = {
    "seed": "seed",
    "stack": "stack",
    "date": "day",
    "user": "person",
    "host": "host",
    "python": "python",
    "commit": "revision",
    "branch": "branch",
}


class Choosing:
    """Builds one SELECT of the numbers of ended runs, each with the keys that it sorts by."""

    def __init__(self, filter: RunFilter) -> None:
        self.values: dict[str, Any] = {"limit": filter.limit}
        self._count = 0
        keys = [self._key(one.subject, at) for at, one in enumerate(filter.order)]
        ways = [_direction(one, at) for at, one in enumerate(filter.order)]
        self.statement = (
            queries()["chosen"]
            .replace("{keys}", "".join(keys))
            .replace("{where}", " AND ".join(self._fixed(filter)) or NOTHING)
            .replace("{order}", "".join(ways))
        )

    def _fixed(self, filter: RunFilter) -> list[str]:
        """What the filter's own fields ask for, then its condition."""
        tests = [
            Term(Field(name), "=", value)
            for name in ("project", "pipeline", "tag")
            if (value := getattr(filter, name)) is not None
        ]
        found = [self._piece(test) for test in tests]
        if filter.parent is not None:
            found.append(f"r.parent = {self._bind('text', filter.parent)}")
        if filter.before is not None:
            found.append(f"r.created < {self._bind('number', filter.before)}")
        if filter.statuses:
            statuses = [f"r.status = {self._bind('text', status)}" for status in filter.statuses]
            found.append(_balanced(statuses, "OR"))
        if filter.where is not None:
            found.append(self._piece(filter.where))
        return found

    # ---- pieces

    def _bind(self, name: str, value: Any) -> str:
        """A parameter of this value, as it is written in the statement."""
        self._count += 1
        self.values[f"{name}{self._count}"] = value
        return f":{name}{self._count}"

    def _piece(self, condition: Condition) -> str:
        match condition:
            case Not(of=inner):
                return f"NOT {self._piece(inner)}"
            case All(of=several):
                # What costs least first: the rest is asked of the runs that are left.
                return _balanced([self._piece(one) for one in sorted(several, key=_cost)], "AND")
            case Some(of=several):
                return _balanced([self._piece(one) for one in sorted(several, key=_cost)], "OR")
            case Term():
                return f"({self._test(condition)})"

    def _test(self, test: Term) -> str:
        match test.subject:
            case Parameter(path=path):
                return self._some("param", test, "p.value", "p.number", {"name": path})
            case Field(name="tag"):
                return self._some("tag", test, "t.name", None, {})
            case Measure() as subject:
                given = measure(subject)
                if test.op == "none":
                    return f"NOT {self._named('metric_known', given)}"
                number = self._named("value_of_metric", given)
                if test.op == "nan":
                    return f"{self._named('metric_known', given)} AND {number} IS NULL"
                return _safely(self._compared(test, None, number))
            case Field(name=name):
                value = self._number(test.subject)
                text = None if value else self._text(name)
                if test.op == "none":
                    return f"{value or text} IS NULL"
                return _safely(self._compared(test, text, value))

    def _some(
        self, kind: str, test: Term, text: str, number: str | None, given: dict[str, Any]
    ) -> str:
        """Whether one of a run's rows of this kind passes."""
        if test.op == "none":
            return f"NOT {self._named(f'{kind}_known', given)}"
        inner = self._compared(test, text, number)
        return self._named(f"{kind}_is", given).replace("{test}", inner)

    def _named(self, piece: str, given: dict[str, Any]) -> str:
        self._count += 1
        self.values |= {f"{name}{self._count}": value for name, value in given.items()}
        return queries()[piece].replace("{at}", str(self._count))

    def _compared(self, test: Term, text: str | None, number: str | None) -> str:
        """The comparison itself, which is NULL where there is nothing to compare."""
        match test.op:
            case "nan" | "none":
                return "1 = 0"
            case "contains" if text is None or not test.text:
                return "1 = 0"
            case "contains":
                part = self._bind("text", test.text)
                return f"replace(lower({text}), lower({part}), '') <> lower({text})"
            case "begins" if text is None:
                return "1 = 0"
            case "begins":
                start = self._bind("text", test.text)
                return f"substr({text}, 1, length({start})) = {start}"
            case "=":
                ways = []
                if number is not None and test.number is not None:
                    ways.append(f"{number} = {self._bind('number', test.number)}")
                if text is not None:
                    ways.append(f"{text} = {self._bind('text', test.text)}")
                return f"({' OR '.join(ways) or '1 = 0'})"
            case ordered if test.number is not None:
                if number is None:
                    return "1 = 0"
                return f"{number} {ordered} {self._bind('number', test.number)}"
            case ordered:
                if text is None:
                    return "1 = 0"
                plain = "" if number is None else f" AND {number} IS NULL"
                return f"{text} {ordered} {self._bind('text', test.text)}{plain}"

    # ---- what a subject is, as an expression

    def _number(self, subject: Subject) -> str | None:
        match subject:
            case Parameter(path=path):
                return self._named("value_of_param", {"name": path})
            case Measure():
                return self._named("value_of_metric", measure(subject))
            case Field(name="took"):
                return queries()["value_of_took"]
            case Field(name="started"):
                return f"NULLIF({_origin('started')}, 0)"
            case Field(name="ended"):
                return "NULLIF(r.ended, 0)"
            case Field(name=name):
                return NUMBERS.get(name)

    def _text(self, name: str) -> str:
        match name:
            case "kept":
                return "CASE WHEN r.kept = 1 THEN 'true' ELSE 'false' END"
            case "dirty":
                return f"CASE WHEN {_origin('dirty')} = 1 THEN 'true' ELSE 'false' END"
            case "note":
                return f"NULLIF({queries()['text_of_note']}, '')"
            case name if name in ORIGINS:
                return f"NULLIF({_origin(ORIGINS[name])}, '')"
            case name:
                return f"NULLIF({COLUMNS[name]}, '')"

    def _key(self, subject: Subject, at: int) -> str:
        """The number and the text that a run sorts by."""
        number = self._number(subject)
        match subject:
            case Parameter(path=path):
                text = self._named("text_of_param", {"name": path})
            case Field(name=name) if number is None:
                text = self._text(name)
            case _:
                text = "NULL"
        return f", {number or 'NULL'} AS number_{at}, {text} AS text_{at}"


def _direction(order: Order, at: int) -> str:
    way = f"{'DESC' if order.descending else 'ASC'} NULLS LAST"
    return f"number_{at} {way}, text_{at} {way}, "


def measure(subject: Measure) -> dict[str, Any]:
    return {
        "name": subject.metric,
        "node": subject.step,
        "item": subject.item,
        "whole": int(not subject.item),
    }


def _origin(column: str) -> str:
    return queries()["field_of_origin"].replace("{column}", column)


def _safely(comparison: str) -> str:
    """Never NULL, which is neither true nor false and has no opposite."""
    return f"CASE WHEN {comparison} THEN 1 ELSE 0 END = 1"


def _balanced(pieces: Sequence[str], word: str) -> str:
    """Joined as a tree that is not deep: SQLite takes no more than 1,000 levels."""
    if not pieces:
        return "1 = 1" if word == "AND" else "1 = 0"
    if len(pieces) == 1:
        return pieces[0]
    half = len(pieces) // 2
    return f"({_balanced(pieces[:half], word)} {word} {_balanced(pieces[half:], word)})"


def _cost(condition: Condition) -> int:
    match condition:
        case Term(subject=Field()):
            return 0
        case Term(subject=Parameter()):
            return 1
        case Term():
            return 2
        case Not(of=inner):
            return _cost(inner)
        case All(of=several) | Some(of=several):
            return max(map(_cost, several), default=0)
