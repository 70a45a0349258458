"""The language of filters: what a text means, and what is said of one that means nothing."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from penstock.core.conditions import (
    All,
    Condition,
    Field,
    Measure,
    Names,
    Not,
    Order,
    Parameter,
    Some,
    Term,
)
from penstock.core.where import order, shown, subject, where
from penstock.errors import UsageError

NOW = datetime(2026, 11, 21, 12, 0)
NAMES = Names(("depth", "hyper", "hyper.lr", "seed"), ("evaluate", "fit"), ("auc", "loss"))
DEPTH, AUC = Parameter("depth"), Measure("evaluate", "auc")
DEEP = Term(DEPTH, ">", "6", 6.0)
TRIED = Term(Field("tag"), "=", "try")


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1e6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("depth>6", DEEP),
        ("depth > 6", DEEP),
        ("6 < depth", DEEP),
        ("evaluate.auc>0.7", Term(AUC, ">", "0.7", 0.7)),
        ("evaluate[3].auc>0.7", Term(Measure("evaluate", "auc", "3"), ">", "0.7", 0.7)),
        ("hyper.lr<=1e-3", Term(Parameter("hyper.lr"), "<=", "1e-3", 0.001)),
        ("tag=try", TRIED),
        ("tags == try", TRIED),
        ('tag="try"', TRIED),
        ("tag!=try", Not(TRIED)),
        ("tag <> try", Not(TRIED)),
        ("depth='a b\\'c'", Term(DEPTH, "=", "a b'c")),
        ("depth=True", Term(DEPTH, "=", "true")),
        ("depth=none", Term(DEPTH, "none")),
        ("depth='none'", Term(DEPTH, "=", "none")),
        ("evaluate.auc=nan", Term(AUC, "nan")),
        ("depth>6 and tag=try", All((DEEP, TRIED))),
        ("depth>6 AND tag=try", All((DEEP, TRIED))),
        ("depth>6 && tag=try", All((DEEP, TRIED))),
        ("depth>6 or tag=try and tag=try", Some((DEEP, All((TRIED, TRIED))))),
        ("(depth>6 or tag=try) and tag=try", All((Some((DEEP, TRIED)), TRIED))),
        ("not depth>6 and tag=try", All((Not(DEEP), TRIED))),
        ("not (depth>6 and tag=try)", Not(All((DEEP, TRIED)))),
        ("4<depth<=8", All((Term(DEPTH, ">", "4", 4.0), Term(DEPTH, "<=", "8", 8.0)))),
        ("depth in (4, 8)", Some((Term(DEPTH, "=", "4", 4.0), Term(DEPTH, "=", "8", 8.0)))),
        ("depth in (4,)", Some((Term(DEPTH, "=", "4", 4.0),))),
        ("depth not in [4]", Not(Some((Term(DEPTH, "=", "4", 4.0),)))),
        ("kept and not dirty", All((Term(Field("kept"), "=", "true"), Not(Term(Field("dirty"), "=", "true"))))),
        ("param.seed=3", Term(Parameter("seed"), "=", "3", 3.0)),
        ("run.seed=3", Term(Field("seed"), "=", "3")),
        ("status=done", Term(Field("status"), "=", "done")),
        ("metric.fit.loss<1", Term(Measure("fit", "loss"), "<", "1", 1.0)),
        ("commit=ab12", Term(Field("commit"), "begins", "ab12")),
        ("note~'good run'", Term(Field("note"), "contains", "good run")),
        ("took>1m30s", Term(Field("took"), ">", number=90e6)),
        ("took>90", Term(Field("took"), ">", number=90e6)),
        ("age<2h", Term(Field("created"), ">", number=at("2026-11-21T10:00"))),
        ("age<2w", Term(Field("created"), ">", number=at("2026-11-07T12:00"))),
        ("took>5min", Term(Field("took"), ">", number=300e6)),
        ("created>2026-11-01", Term(Field("created"), ">=", number=at("2026-11-02"))),
        ("created>=2026-11-01", Term(Field("created"), ">=", number=at("2026-11-01"))),
        ("created<=yesterday", Term(Field("created"), "<", number=at("2026-11-21"))),
        ("created=today", All((
            Term(Field("created"), ">=", number=at("2026-11-21")),
            Term(Field("created"), "<", number=at("2026-11-22")),
        ))),
        ("created<=2026-W01", Term(Field("created"), "<", number=at("2026-01-05"))),
        ("created<=2026-11-01T14", Term(Field("created"), "<", number=at("2026-11-01T15:00"))),
        ("created<=2026-11-01T14:30", Term(Field("created"), "<", number=at("2026-11-01T14:31"))),
        ("created<=2026-11-01T14:30Z", Term(Field("created"), "<", number=at("2026-11-01T14:31Z"))),
        ("created<=20261101T1430-0130",
         Term(Field("created"), "<", number=at("2026-11-01T14:31-01:30"))),
        ("created<=2026-11-01T14:30:05+01:00",
         Term(Field("created"), "<", number=at("2026-11-01T14:30:06+01:00"))),
        ("created>2026-11-01T14:30:05.5Z",
         Term(Field("created"), ">=", number=at("2026-11-01T14:30:05.500001Z"))),
        ("ended<2026-11-01T14:30", Term(Field("ended"), "<", number=at("2026-11-01T14:30"))),
    ],
)  # fmt: skip
def test_a_text_means(text: str, expected: Condition) -> None:
    assert where(text, NAMES, NOW) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deph>6", "no run has a field or parameter 'deph'\n  deph>6\n  ^^^^\n  Did you mean 'depth'?"),
        ("depth>6 and evalute.auc>1",
         "no run has a metric or parameter 'evalute.auc'\n  depth>6 and evalute.auc>1\n"
         "              ^^^^^^^^^^^\n  Did you mean 'evaluate.auc'?"),
        ("param.deph>6", "no run has a parameter 'deph'\n  param.deph>6\n  ^^^^^^^^^^\n"
         "  Did you mean 'param.depth'?"),
        ("param.status=done", "no run has a parameter 'status'\n  param.status=done\n"
         "  ^^^^^^^^^^^^\n  Parameters: depth, hyper, hyper.lr, seed."),
        ("metric.fit.los>1", "no run has a metric 'fit.los'\n  metric.fit.los>1\n"
         "  ^^^^^^^^^^^^^^\n  Did you mean 'fit.loss'?"),
        ("auc>1", "no run has a field or parameter 'auc'\n  auc>1\n  ^^^\n"
         "  A metric has its step before it: STEP.auc"),
        ("depth>", "a value is missing here\n  depth>\n        ^\n"
         "  A word, a number, or \"quoted text\"."),
        ("depth", "'depth' is compared with nothing\n  depth\n  ^^^^^\n"
         "  Compare it with =, !=, <, <=, >, >=, ~ (contains), or in (…)."),
        ("(depth>6", "this parenthesis is not closed\n  (depth>6\n  ^"),
        ("depth>6 tag=try", "'tag' comes unexpectedly\n  depth>6 tag=try\n          ^^^\n"
         "  Join comparisons with 'and' or 'or'; quote a text that has spaces."),
        ("depth='a", "the quote ' is not closed\n  depth='a\n        ^"),
        ("status=dne", "'dne' is not a status\n  status=dne\n         ^^^\n  Did you mean 'done'?"),
        ("took>soon", "'soon' is not a duration\n  took>soon\n       ^^^^\n"
         "  For example 90s, 10m, 1h30m, 2d."),
        ("age<inf", "'inf' is not a duration\n  age<inf\n      ^^^\n"
         "  For example 90s, 10m, 1h30m, 2d."),
        ("age<1e400", "'1e400' is not a duration\n  age<1e400\n      ^^^^^\n"
         "  For example 90s, 10m, 1h30m, 2d."),
        ("created>soon", "'soon' is not a date\n  created>soon\n          ^^^^\n"
         "  For example 2026-11-01, 2026-11-01T14:30, today; or age<2h."),
        ("evaluate.auc>high", "a metric is a number, not 'high'\n  evaluate.auc>high\n"
         "               ^^^^\n  Compare it with =, <, <=, > or >=."),
        ("user>ann", "'user' is a text\n  user>ann\n       ^^^\n"
         "  Compare it with = or ~ (contains)."),
        ("depth in 4", "after 'in' comes a list\n  depth in 4\n           ^\n"
         "  For example depth in (4, 6, 8)"),
        ("6", "'6' is a value, not a name\n  6\n  ^\n  A name comes first: depth>6"),
        ("depth>6 and", "the filter ends too early\n  depth>6 and\n             ^\n"
         "  Here a name is expected: depth>6"),
        ("", "the filter is empty\n  For example: depth>6 and tag=try"),
        ("failed>many", "'failed' is a number\n  failed>many\n         ^^^^\n  For example failed>0"),
    ],
)  # fmt: skip
def test_a_text_that_means_nothing_is_shown_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        where(text, NAMES, NOW)
    assert str(refused.value) == said


def test_a_name_that_is_two_things_asks_which() -> None:
    with pytest.raises(UsageError, match="is a metric and a parameter"):
        where("fit.auc>1", Names(("fit.auc",), ("fit",), ("auc",)))
    with pytest.raises(UsageError, match=r"Write param.seed or run.seed\."):
        where("seed=3", NAMES)
    assert order("duration", Names(("duration",), ("fit",))) == Order(Parameter("duration"))
    assert where("status=done", Names(("status",), ("fit",))) == where("status=done")


def test_a_name_that_begins_as_a_prefix_is_asked_for_as_it_is() -> None:
    names = Names(("lr", "param", "param.lr", "metric.kind"), ("params", "fit"), ("auc", "kind"))
    assert subject("param.lr", names) == Parameter("param.lr")
    assert subject("param.param.lr", names) == Parameter("param.lr")
    assert subject("parameter.lr", names) == Parameter("lr")
    assert subject("metric.kind", names) == Parameter("metric.kind")
    assert subject("params.auc", names) == Measure("params", "auc")


def test_what_is_shown_of_a_name_means_the_same_when_it_is_read() -> None:
    names = Names(("depth", "seed", "name", "tags", "run"), ("fit",), ("auc",))
    asked = ["depth", "param.seed", "run.seed", "param.name", "run.name", "tags", "tag", "fit.auc"]
    found = [subject(one, names) for one in asked]
    assert [*map(shown, found)] == [
        "depth", "param.seed", "seed", "param.name", "name", "param.tags", "tag", "fit.auc",
    ]  # fmt: skip
    assert subject("param.tags", names) == subject("tags", names)


def test_orders_and_columns_are_read_by_the_same_names() -> None:
    assert order("-evaluate.auc", NAMES) == Order(AUC, descending=True)
    assert order(" depth", NAMES) == Order(DEPTH)
    assert order("age", NAMES) == Order(Field("created"), descending=True)
    assert shown(subject("evaluate[3].auc", NAMES)) == "evaluate[3].auc"
    with pytest.raises(UsageError, match="Did you mean 'depth'"):
        order("-deph", NAMES)
    with pytest.raises(UsageError, match="several tags"):
        order("tag", NAMES)


def test_a_name_of_several_words_is_told_as_it_is_written() -> None:
    names = Names(parameters=("max depth",), steps=("fit",), metrics=("loss %",))
    loss = Measure("fit", "loss %")
    assert where("`fit.loss %`>2", names) == Term(loss, ">", "2", 2.0)
    assert order("-`fit.loss %`", names) == order("-fit.loss %", names) == Order(loss, True)
    assert subject("`max depth`", names) == subject("max depth", names) == Parameter("max depth")
    for text, near in (("fit.loss %>2", "`fit.loss %`"), ("max_depth>2", "`max depth`")):
        with pytest.raises(UsageError, match=f"Did you mean '{near}'"):
            where(text, names)


def test_a_filter_that_is_too_much_is_refused() -> None:
    with pytest.raises(UsageError, match="nested too deeply"):
        where("(" * 5000 + "depth>6" + ")" * 5000)
    with pytest.raises(UsageError, match="nested too deeply"):
        where("not " * 5000 + "depth>6")
    with pytest.raises(UsageError, match="500 comparisons"):
        where(" or ".join(["depth>6"] * 501))


@given(some.text("depthx.16 ()[]<>=!~'\"`,\\&|andornotitag\n\x00é", max_size=30))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(UsageError):
        where(text, NAMES, NOW)
