"""Expressions: what is written is read, and what no one should write is refused."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.core.graph import (
    Access,
    Build,
    Expr,
    FirstOf,
    Input,
    Literal,
    OutputRef,
    ParamRef,
    SecretRef,
    SourceRef,
)
from penstock.errors import UsageError
from penstock.spec.parser import parse
from penstock.spec.text import phrase, value_text
from penstock.spec.values import opened

STEPS = ("load", "split", "fit-2", "a", "b", "not", "3rd", "größe")
PARAMS = ("depth", "hyper", "parts.train", "score['x']")


def read(text: str) -> Input:
    return parse(text, STEPS, PARAMS)


def value(text: str) -> Any:
    source = read(text)
    assert isinstance(source, Literal)
    return opened(source.value)


A, B = OutputRef("a"), OutputRef("b")
MEANT: dict[str, Input] = {
    "a": A,
    "fit-2": OutputRef("fit-2"),
    "größe": OutputRef("größe"),
    "`not`": OutputRef("not"),
    "`3rd`.x": OutputRef("3rd", "", (Access("attribute", "x"),)),
    'a.x["y"][0]': OutputRef("a", "", (Access("attribute", "x"), Access("item", "y"), Access("item", 0))),
    "a[-1]": OutputRef("a", "", (Access("item", -1),)),
    "$depth": ParamRef("depth"),
    "$parts.train": ParamRef("parts.train"),
    "$`score['x']`": ParamRef("score['x']"),
    "$hyper.lr": Expr("getattr", (ParamRef("hyper"), Literal("lr", ""))),
    "a - b": Expr("sub", (A, B)),
    "a -b": Expr("sub", (A, B)),
    "a + b * 2": Expr("add", (A, Expr("mul", (B, Literal(2, ""))))),
    "(a + b) * -2": Expr("mul", (Expr("add", (A, B)), Literal(-2, ""))),
    "-a ** 2": Expr("neg", (Expr("pow", (A, Literal(2, ""))),)),
    "a ** b ** 2": Expr("pow", (A, Expr("pow", (B, Literal(2, ""))))),
    "a > 1 and not b": Expr("and_", (Expr("gt", (A, Literal(1, ""))), Expr("not_", (B,)))),
    "a & b | ~a": Expr("or_", (Expr("and_", (A, B)), Expr("invert", (A,)))),
    "either(a, b.x)": FirstOf((A, OutputRef("b", "", (Access("attribute", "x"),)))),
    "either(a, b).x": FirstOf((OutputRef("a", "", (Access("attribute", "x"),)), OutputRef("b", "", (Access("attribute", "x"),)))),
    'secret("env:T")': SecretRef("env", "T"),
    'ref("run:ab/fit")': SourceRef("run:ab/fit"),
    "logical_date(str)": Expr("logical_date", (Literal("str", ""),)),
    "[a, 1]": Build("list", (A, Literal(1, ""))),
    "(a,)": Build("tuple", (A,)),
    "{'x': a, 2: (b, [a])}": Build("dict", (A, Build("tuple", (B, Build("list", (A,))))), ("x", 2)),
    "m.n:Split(train=a, test=1)": Build("namedtuple", (A, Literal(1, "")), ("train", "test"), "m.n:Split"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "meant"), MEANT.items(), ids=MEANT)
def test_an_expression_means(text: str, meant: Input) -> None:
    assert read(text) == meant
    assert read(phrase(meant, PARAMS)) == meant


WRONG = {
    "": "the expression ends where a value was expected",
    "a b": "'b' stands where the end was expected",
    "a..x": "'..' names no attribute",
    "fit-3": "no step 'fit-3'",
    "depth": "no step 'depth'\n  The parameter of this name is $depth.",
    "$detph": "no parameter 'detph'\n  Did you mean 'depth'?",
    "a < b < 3": "comparisons cannot be chained",
    "open('x')": "'open' cannot be called here",
    "__import__('os')": "'__import__' cannot be called here",
    "a[b]": "only a name or a number goes into",
    "a[True]": "only a name or a number goes into",
    "lambda: 1": "no step 'lambda'",
    "a if b else 1": "'if' stands where the end was expected",
    "[x for x in a]": "no step 'x'",
    "'abc": "is no part of an expression",
    "a; b": "'; b' is no part of an expression",
    "Path(a)": "an argument of Path(…) is no plain value",
    "Path()()": "'(' stands where the end was expected",
    'date("soon")': "date(…) cannot be made: Invalid isoformat string",
    'datetime("2026-03-01", zone="Moon/Base")': "datetime(…) cannot be made",
    'secret("plain")': "'plain' is no secret",
    "namedtuple(_a=a)": "namedtuple(…) cannot be made: Field names cannot start with an underscore",
    'ref("a", "b")': "ref(…) takes one text in quotes",
    "{[1]}": "{…} cannot be made: unhashable",
    "{a}": "an element of a set is no plain value",
    "{1: 2, 3}": "'}' stands where ':' was expected",
    "{'lr': 0.1, 'depth'}": "'}' stands where ':' was expected",
    "{1, 2: 3}": "':' stands where '}' was expected",
    "{'a': 1, 'a': 2}": "a key stands twice in {…}",
    "{[1]: a}": "{…} cannot be made: unhashable",
    "timedelta(days=1, days=2)": "'days' stands twice",
    "m:f(depth=1, depth=a)": "'depth' stands twice",
    "logical_date(": "the end stands where ')' was expected",
    "logical_date('str')": "''str'' stands where ')' was expected",
    "1e": "is no part of an expression",
    "1_000": "is no part of an expression",
    "m:f(1)": "an argument without its name",
    "(" * 101 + "a" + ")" * 101: "more than 100 levels",
    "-" * 5000 + "a": "more than 100 levels",
    "a + " * 5000 + "a": "more than 100 operators",
    "(" * 40 + "a" + " + 1" * 90 + (")" + " + 1" * 90) * 40: "more than 100 levels",
    "a" + "[0]" * 101: "more than 100 steps into a value",
    "$depth" + "[0]" * 3000: "more than 100 steps into a value",
    "$depth" + ".a" * 100_000: "more than 100 steps into a value",
    "$depth" + ".a" * 90 + "[0]" * 90: "more than 100 levels",
    "(a": "the end stands where ')' was expected",
    "$": "is no part of an expression",
}


@pytest.mark.parametrize(("text", "told"), WRONG.items(), ids=[text[:30] for text in WRONG])
def test_what_is_no_expression_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert told in str(caught.value)


def test_as_many_steps_into_a_value_as_may_be() -> None:
    assert read("a" + "[0]" * 100) == OutputRef("a", "", (Access("item", 0),) * 100)
    assert read("$depth" + ".a" * 99 + "[0]") != read("$depth" + ".a" * 99 + "[1]")


def test_values_that_text_cannot_hold_are_keys_beside_each_other() -> None:
    source = read('{opaque("Thing", ""): 1, opaque("Thing", ""): 2}')
    assert isinstance(source, Literal)
    assert [*source.value.values()] == [1, 2]


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


Odd = enum.Enum("Odd", {"two words": 2, "one": (1, 1)})


@pytest.mark.parametrize("one", [*Rights, Rights.READ | Rights.WRITE, Rights(0), *Odd])
def test_members_of_an_enum_are_their_names_or_what_has_none_its_value(one: enum.Enum) -> None:
    assert value(value_text(one)) is one


def test_a_value_that_an_enum_has_not_is_told() -> None:
    with pytest.raises(UsageError, match=r"Odd': 3 is not a valid Odd\n  It has: value\."):
        value(value_text(Odd.one).replace("one", "(value=3)").replace(".(", "("))


atoms = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.binary(max_size=9),
    st.floats(), st.complex_numbers(), st.dates(), st.datetimes(), st.times(), st.timedeltas(),
    st.decimals(allow_nan=False), st.fractions(), st.uuids(),
)  # fmt: skip
values = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(atoms, inner, max_size=4),
        st.frozensets(atoms, max_size=4),
        st.sets(atoms, max_size=4),
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(values)
def test_any_plain_value_comes_back_as_it_is(one: Any) -> None:
    again = value(value_text(one))
    assert type(again) is type(one)
    # `nan` is no equal of itself, and sets of what is have no order.
    assert value_text(again) == value_text(one)


names = st.sampled_from(STEPS).map(OutputRef)
leaves = st.one_of(
    names,
    st.sampled_from(PARAMS).map(ParamRef),
    st.builds(
        OutputRef, st.sampled_from(STEPS), st.just(""),
        st.lists(st.one_of(
            st.sampled_from(["x", "train", "größe"]).map(lambda name: Access("attribute", name)),
            st.one_of(st.text(max_size=5), st.integers()).map(lambda name: Access("item", name)),
        ), max_size=3).map(tuple),
    ),
    st.text(min_size=1).map(lambda name: SecretRef("env", name)),
    st.text().map(SourceRef),
)  # fmt: skip
literals = st.one_of(st.integers(), st.text(), st.floats(allow_nan=False)).map(
    lambda v: Literal(v, "")
)
operands = st.recursive(
    st.one_of(leaves, literals),
    lambda inner: st.one_of(
        st.builds(
            lambda op, first, second: Expr(op, (first, second)),
            st.sampled_from(["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "eq", "ne",
                             "lt", "le", "gt", "ge", "and_", "or_"]),
            inner, inner,
        ),
        st.builds(lambda op, one: Expr(op, (one,)), st.sampled_from(["not_", "invert"]), inner),
        st.lists(leaves, min_size=1, max_size=3).map(lambda items: FirstOf(tuple(items))),
        st.lists(leaves, min_size=1, max_size=3).map(lambda items: Build("list", tuple(items))),
        st.lists(leaves, min_size=1, max_size=3).map(lambda items: Build("tuple", tuple(items))),
    ),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(operands)
def test_any_input_comes_back_as_it_is(source: Input) -> None:
    assert read(phrase(source, PARAMS)) == source
