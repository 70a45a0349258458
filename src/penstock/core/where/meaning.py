"""What a comparison means: a value read as what its subject is, a number, a day, a status."""

from __future__ import annotations

from datetime import datetime

from penstock.core.conditions import (
    All,
    Condition,
    Field,
    Measure,
    Operator,
    Parameter,
    Subject,
    Term,
)
from penstock.core.place import nearest
from penstock.core.where.fields import FIELDS, STATUSES
from penstock.core.where.moments import duration, span
from penstock.core.where.words import Word

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_FLAGS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}


class Refused(Exception):
    """A value that the subject cannot be compared with."""

    def __init__(self, what: str, hint: str = "") -> None:
        self.what, self.hint = what, hint


def compared(subject: Subject, operator: str, value: Word, now: datetime) -> Condition:
    text = value.text
    if operator == "=" and (
        text == "" or (value.kind == "word" and text.lower() in ("none", "null"))
    ):
        return Term(subject, "none")
    if operator == "~" and not text:
        raise Refused("every text contains nothing", "Write what it is to contain.")
    quoted = value.kind == "quoted"
    match subject:
        case Field(name=name):
            return _of_field(subject, FIELDS[name], operator, text, now)
        case Measure():
            number = _number(text)
            if number is None or operator == "~":
                what = "a metric is a number" + (f", not '{text}'" if number is None else "")
                raise Refused(what, "Compare it with =, <, <=, > or >=.")
            if number != number:
                return _exactly(operator, Term(subject, "nan"))
            return Term(subject, _operator(operator), text, number)
        case Parameter():
            if not quoted and text.lower() in ("true", "false"):
                text = text.lower()
            number = None if quoted and operator != "=" else _number(text)
            # NaN is no number of a parameter: records have it as the word, as JSON has no other.
            number = None if number is None or number != number else number
            return Term(subject, _operator(operator), text, number)


def _of_field(field: Field, kind: str, operator: str, text: str, now: datetime) -> Condition:
    match kind:
        case "moment":
            return _in_time(field, operator, text, now)
        case "duration":
            return _lasting(field, operator, text, now)
        case "number":
            number = _number(text)
            if number is None or operator == "~":
                raise Refused(f"'{field.name}' is a number", f"For example {field.name}>0")
            return Term(field, _operator(operator), text, number)
        case "flag":
            if text.lower() not in _FLAGS:
                raise Refused(
                    f"'{field.name}' is true or false", f"Write {field.name} or not {field.name}."
                )
            return _exactly(operator, Term(field, "=", _FLAGS[text.lower()]))
        case "status" if operator == "=" and text not in STATUSES:
            meant = nearest(text, STATUSES)
            hint = f"Did you mean '{meant}'?" if meant else f"There are: {', '.join(STATUSES)}."
            raise Refused(f"'{text}' is not a status", hint)
        case "digest" if operator == "=":
            return Term(field, "begins", text)
        case _ if operator in ("=", "~") or field.name == "date":
            return Term(field, _operator(operator), text)
        case _:
            raise Refused(f"'{field.name}' is a text", "Compare it with = or ~ (contains).")


def _in_time(field: Field, operator: str, text: str, now: datetime) -> Condition:
    found = span(text, now)
    if found is None:
        raise Refused(
            f"'{text}' is not a date", "For example 2026-11-01, 2026-11-01T14:30, today; or age<2h."
        )
    first, after = found
    match operator:
        case "=":
            return All((_at(field, ">=", first), _at(field, "<", after)))
        case "<":
            return _at(field, "<", first)
        case "<=":
            return _at(field, "<", after)
        case ">":
            return _at(field, ">=", after)
        case ">=":
            return _at(field, ">=", first)
        case _:
            raise Refused(f"'{field.name}' is a moment", "Compare it with =, <, <=, > or >=.")


def _at(field: Field, operator: Operator, moment: float) -> Term:
    return Term(field, operator, number=moment)


def _lasting(field: Field, operator: str, text: str, now: datetime) -> Condition:
    length = duration(text)
    if length is None or operator == "~":
        raise Refused(f"'{text}' is not a duration", "For example 90s, 10m, 1h30m, 2d.")
    if field.name == "age":
        ago = now.timestamp() * 10**6 - length
        return Term(Field("created"), _operator(_TURNED[operator]), number=float(round(ago)))
    return Term(field, _operator(operator), number=length)


def _exactly(operator: str, test: Term) -> Term:
    if operator != "=":
        raise Refused(f"'{operator}' does not fit here", "Compare it with = or !=.")
    return test


def _operator(operator: str) -> Operator:
    known: dict[str, Operator] = {
        "=": "=",
        "<": "<",
        "<=": "<=",
        ">": ">",
        ">=": ">=",
        "~": "contains",
    }
    return known[operator]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
