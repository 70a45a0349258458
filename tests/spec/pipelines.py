"""Pipelines of every shape: what the tests of specs are run on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, Flag
from fractions import Fraction
from functools import partial
from pathlib import Path, PurePosixPath
from random import random
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from penstock import Cache, Retry, cross, each, either, logical_date, pipeline, secret, step


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Access(Flag):
    READ = 1
    WRITE = 2


class Split(NamedTuple):
    train: list[int]
    test: list[int]


class Pair(NamedTuple):
    first: int
    second: Colour = Colour.RED


@dataclass(frozen=True)
class Hyper:
    lr: float = 0.1
    layers: tuple[int, ...] = (8, 8)
    where: Path = Path("a")
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Positive:
    value: int

    def __post_init__(self) -> None:
        if self.value <= 0:
            raise ValueError(f"{self.value} is not positive")


@step
def load(n: int = 5) -> list[int]:
    """Numbers from zero: the data of all that follows here."""
    return list(range(n))


@step
def split(rows: list[int], ratio: float = 0.8) -> Split:
    """Two parts. The first is `ratio` of the whole.

    A second paragraph, which no spec shows.
    """
    at = int(len(rows) * ratio)
    return Split(rows[:at], rows[at:])


@step
def fit(rows: list[int], depth: int = 6) -> float:
    return sum(rows) * depth


@step
def score(model: float) -> dict[str, float]:
    return {"auc": model / 100, "a b": 1.0}


@step
def double(x: float) -> float:
    return 2 * x


@step
def total(values: list[float]) -> float:
    return sum(values)


@step
def show(thing: Any) -> str:
    return repr(thing)


@step
def pair() -> tuple[int, str]:
    return 1, "one"


@step
def gather(*parts: Any, **named: Any) -> str:
    return repr((parts, sorted(named.items())))


@step
def draw(x: int = 0) -> float:
    return random() + x


@step
def day_of(day: dt.date = logical_date()) -> str:  # noqa: B008
    return str(day)


@step
def moment_of(moment: dt.datetime) -> str:
    return str(moment)


@step
def tell(token: str = secret("env:PENSTOCK_TEST_TOKEN")) -> int:
    return len(token)


@step
def maybe(value: int, limit: int | None = None) -> int:
    return value if limit is None else min(value, limit)


@step
def boom(x: int) -> int:
    if x == 2:
        raise ValueError("two")
    return x


@step
def count_failures(found: list[Any]) -> int:
    return len(found)


@step
def hyper(options: Hyper) -> float:
    return options.lr


@step
def paint(colour: Colour) -> str:
    return colour.value


@step(retries=2, timeout="10m", cache=Cache(ttl="12h"))
def careful(x: int) -> int:
    return x


def mark(x: int) -> str:
    return str(x)


@step(cache=Cache(also=[mark], key=mark))
def marked(x: int) -> int:
    return x


@step(cache=False)
def fresh(x: int) -> int:
    return x


def power(x: int, by: int) -> int:
    return x**by


squared = step(name="squared")(partial(power, by=2))


class Trainer:
    def __init__(self, bias: int) -> None:
        self.bias = bias

    @step
    def train(self, rows: list[int]) -> int:
        return sum(rows) + self.bias


trainer = Trainer(3)


# ---- wiring


@pipeline
def chain(depth: int = 6, ratio: float = 0.5) -> float:
    """From rows to a number.

    More words.
    """
    parts = split(load(10), ratio=ratio)
    return fit(parts.train, depth=depth)


@pipeline
def unpacked() -> tuple[float, list[int]]:
    train, test = split(load())
    return fit(train), test


@pipeline
def by_index() -> str:
    parts = split(load())
    number, text = pair()
    return gather(parts[0], number, text)


@pipeline
def parts_of_values() -> float:
    return double(score(fit(load()))["a b"])


@pipeline
def containers() -> str:
    rows = load()
    return show({"a": [rows, 1], "b": (rows, {"c": rows}), 3: Split(rows, [])})


@pipeline
def named_tuples(depth: int = 3) -> str:
    return gather(Pair(depth, Colour.GREEN), Pair(maybe(depth)))


@pipeline
def whole_outputs() -> str:
    return show(split(load()))


@pipeline
def rest_and_keywords() -> str:
    return gather(load(1), 2, width=3, other=load(2))


@pipeline
def same_twice() -> float:
    return total([double(1.0), double(1.0), double(2.0)])


@pipeline
def named_and_after() -> float:
    rows = load.named("the-rows")()
    first = fit.named("first")(rows)
    second = fit.named("größe").after(first, "the-rows")(rows, depth=3)
    return total([first, second])


@pipeline
def after_what_comes_later() -> float:
    first = double.after("second")(1.0)
    second = double.named("second")(2.0)
    return total([first, second])


@pipeline
def odd_names() -> float:
    a = double.named("not")(1.0)
    b = double.named("3rd")(2.0)
    c = double.named("a-1")(3.0)
    d = double.named("it's")(4.0)
    e = double.named("$x")(5.0)
    return total([a, b, c, d, e])


@pipeline
def returns_structure(depth: int = 2) -> dict[str, Any]:
    rows = load()
    return {"model": fit(rows), "depth": depth, "both": (rows, [rows])}


@pipeline
def returns_named_tuple() -> Split:
    parts = split(load())
    return Split(parts.test, parts.train)


@pipeline
def returns_nothing() -> None:
    load()


@pipeline
def returns_a_parameter(depth: int = 3) -> int:
    load()
    return depth


@pipeline
def no_steps() -> int:
    return 3


# ---- maps


@pipeline
def mapped(depths: list[int] = [4, 6, 8]) -> float:  # noqa: B006
    return total(fit.map(load(), depth=each(depths)))


@pipeline
def mapped_literal() -> float:
    return total(fit.map(load(), depth=each((1, 2, 3))))


@pipeline
def mapped_over_outputs() -> float:
    return total(double.map(each(load(4))))


@pipeline
def zipped_and_crossed() -> list[str]:
    return gather.map(a=each([1, 2]), b=each(["x", "y"]), c=cross([True, False]), d=cross([0.5]))


@pipeline
def collected() -> int:
    return count_failures(boom.map_collect(each([1, 2, 3])))


@pipeline
def mapped_over_steps(depth: int = 2) -> float:
    rows = load()
    return total(double.map(each([fit(rows), fit(rows, depth=depth), 3.0])))


@pipeline
def long_list() -> float:
    return total(double.map(each([n / 7 for n in range(60)])))


# ---- guards and expressions


@pipeline
def guarded(limit: float = 0.5, deploy: bool = True) -> float:
    good = score(fit(load()))["auc"] > limit
    return either(double.when(good & deploy)(1.0), double.unless(good)(2.0))


@pipeline
def arithmetic(depth: int = 3, base: float = 1.5) -> float:
    x = double(1.0)
    y = (x + depth) * 2 - base / 4
    z = -(y**2) // 3 % 7
    return total([y, z, double(depth * 2 + 1), double(base - -1)])


@pipeline
def conditions(depth: int = 3) -> int:
    x = double(2.0)
    a = fresh.when((x > 1) | (x == 0))(1)
    b = fresh.when(~(x <= 3) & (depth != 4))(2)
    c = fresh.unless(x < 0).when(x >= 1)(3)
    d = fresh.when(depth > 2)(4)
    return count_failures([a, b, c, d])


@pipeline
def either_of_parts() -> list[int]:
    good = double(1.0) > 1
    both = either(split.when(good)(load()), split.unless(good)(load(3)))
    return both.train


# ---- nested pipelines


@pipeline
def inner(rows: list[int], depth: int = 6) -> float:
    """What is done with rows."""
    return double(fit(rows, depth=depth * 2))


@pipeline
def parts_inside(parts: Split, options: Hyper) -> tuple[float, float]:
    return fit(parts.train), hyper(options) + 1


@pipeline
def passing(x: int, y: Any) -> tuple[int, Any, Any]:
    return x, y, load()


@pipeline
def nested(depth: int = 4) -> float:
    rows = load()
    return total([inner(rows), inner(rows, depth=depth), inner(load(3), depth=1)])


@pipeline
def nested_deeper(depth: int = 4) -> float:
    @pipeline
    def between(rows: list[int], depth: int) -> float:
        return inner(rows, depth + 1)

    return between(load(), depth)


@pipeline
def nested_parts(options: Hyper = Hyper(0.5)) -> str:
    return gather(parts_inside(split(load()), options))


@pipeline
def nested_passing(depth: int = 4) -> str:
    x, y, rows = passing(depth, double(1.0))
    return gather(x, y, rows)


@pipeline
def nested_map(factor: int = 2) -> float:
    return total(inner.map(load(), depth=each([1, 2, factor])))


@pipeline
def nested_in_containers(depth: int = 4) -> str:
    @pipeline
    def takes(things: list[Any]) -> str:
        return gather(things, things[0])

    return takes([load(), depth, {"a": depth}])


@pipeline
def nested_guarded(deploy: bool = True) -> Any:
    good = double(1.0) > 1
    return inner.when(good & deploy).after(load.named("warm")(1))(load())


@pipeline
def twins_in_nested() -> float:
    @pipeline
    def drawing(x: int) -> float:
        return draw(x)

    return total([draw(1), drawing(1), draw(1), drawing(2)])


# ---- chance


@pipeline
def twins(a: int = 1, b: int = 1) -> float:
    return total([draw(a), draw(b), double(draw(a)), double(draw(a))])


@pipeline
def twins_turned_round() -> float:
    first = draw.after("later")(1)
    second = draw.named("later")(1)
    return total([double(first), second])


# ---- parameters


@pipeline
def structural(layers: int = 2, depth: int = 6, fast: bool = False) -> float:
    rows = load()
    models = [fit(rows, depth=depth) for _ in range(layers)]
    return total(models if fast else [*models, double(1.0)])


@pipeline
def asked_whether_none(limit: int | None = None, other: int | None = 3) -> int:
    found = maybe(3, other)
    return maybe(found, limit) if limit is not None else found


@pipeline
def asked_for_its_class(depth: int = 3, rate: float = 1.0) -> float:
    extra = 1.0 if isinstance(depth, int) else 2.0
    return total([double(extra), double(rate)])


@pipeline
def asked_which_member(colour: Colour = Colour.RED, other: Colour = Colour.GREEN) -> str:
    return show(1) if colour is Colour.RED else paint(other)


@pipeline
def matched(kind: str = "linear", depth: int = 2) -> float:
    match kind:
        case "linear":
            return double(1.0)
        case _:
            return fit(load(), depth=depth)


@pipeline
def names_from_a_parameter(kind: str = "a", depth: int = 2) -> float:
    return fit.named(f"fit-{kind}")(load(), depth=depth)


@pipeline
def caught(depth: int = 2, kind: str = "x") -> float:
    try:
        wide = len(kind) > 3
    except TypeError:
        wide = True
    return fit(load(), depth=depth) if wide else double(1.0)


@pipeline
def of_classes(
    options: Hyper = Hyper(0.25, (4,), Path("b"), {"x": Decimal("1.10")}),
    colour: Colour = Colour.GREEN,
) -> str:
    return gather(hyper(options), options.lr, paint(colour), paint(Colour.RED))


@pipeline
def dated(day: dt.date = logical_date()) -> str:  # noqa: B008
    return gather(day_of(), day_of(day), moment_of(logical_date()), [day, 1])  # type: ignore[arg-type]


@pipeline
def secrets(token: str = secret("env:PENSTOCK_TEST_TOKEN")) -> int:
    return count_failures([tell(), tell(token), tell(secret("env:PENSTOCK_TEST_OTHER"))])


@pipeline
def no_annotations(depth=3, names=("a", "b")):  # type: ignore[no-untyped-def]
    return gather(depth, names, depth + 1)


@pipeline
def empty_values(rows: list[int] = [], table: dict[str, int] = {}) -> str:  # noqa: B006
    return gather(rows, table, (), set(), "", b"")


# ---- settings


@pipeline
def settings() -> str:
    a = careful(1)
    b = careful.options(retries=0, timeout=None, cache=None)(1)
    c = careful.options(retries=Retry(3, 0.5, on=(ValueError, OSError)), timeout=1.5)(2)
    d = fresh.options(cache=True)(1)
    e = double.options(
        resources={"memory": "1GB", "cpu": 2},
        options={"serializer": "json"},
    )(1.0)
    f = double.options(cache=Cache(version=3, ignore=["x"], environment=True))(2.0)
    g = split.options(options={"serializer": {"train": "json"}})(load())
    return gather(a, b, c, d, e, f, g.train)


@pipeline
def environments() -> str:
    return gather(double.options(env={"lock": ["a==1"]})(1.0))


@pipeline
def decorators() -> str:
    return gather(marked(1), marked.options(retries=1)(2), fresh(3), careful(4))


@pipeline
def other_callables() -> str:
    return gather(squared(3), trainer.train(load()), trainer.train(load(2)))


@pipeline
def keyed() -> dict[Any, Any]:
    rows = load()
    table = {(6, 0.1): rows, Colour.RED: rows, b"x": rows, None: rows, 3: rows, "plain": rows}
    return {**table, "shown": gather(table)}


# ---- values

VALUES: dict[str, Any] = {
    "none": None,
    "bools": [True, False],
    "ints": [0, -1, 10**30, -(10**400)],
    "floats": [1.0, 1e-3, 1e22, -0.0, float("inf"), float("-inf"), 1 / 3, 5e-324],
    "nan": float("nan"),
    "complex": [1 + 2j, complex("-0-infj"), 1j],
    "words": ["", "1", "1.0", "true", "null", "~", "no", "yes", "on", "12:30:00", "2026-03-01", "0x1F"],
    "marks": ["= x", "=", "==", "- a", "a: b", "a #b", "#", "&a", "*a", "!x", "|", ">", "%", "@", "`", "{}", "[", "'", '"', "\\", "a,b", "<<", "?", ": "],
    "spaces": [" a", "a ", "\ta", "a\n", "\n", "a\n\nb\n", "  x\n y", "a\r\nb", "\x00", "\x7f", "\u2028", "\ufeff", "\x85"],
    "text": "SELECT *\nFROM t\n  WHERE x = '1'\n",
    "unicode": ["größe", "日本", "😀", "\ud800", "e\u0301"],
    "bytes": [b"", b"\x00\xff'\"", bytearray(b"ab")],
    "dates": [
        dt.date(2026, 3, 1),
        dt.datetime(2026, 3, 1, 6, 30, 0, 5),
        dt.datetime(2026, 3, 1, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        dt.datetime(2026, 3, 1, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=30))),
        dt.time(6, 30),
        dt.timedelta(days=-1, microseconds=7),
        dt.timedelta(),
    ],
    "numbers": [Decimal("1.10"), Decimal("NaN"), Fraction(1, 3), UUID(int=5)],
    "paths": [Path("nowhere/a b.csv"), PurePosixPath("/x")],
    "lists": [[], [[]], [[1, [2, [3]]]], {}, [{}], [{"a": {"b": [1]}}]],
    "tuples": [(), (1,), (1, (2, "a")), ([1],)],
    "sets": [set(), {1, 2}, frozenset(), frozenset({"a", "b"}), {(1, 2)}],
    "keys": {1: "a", "1": "b", None: 0, 2.5: 1, (1, 2): 3, "= x": 4, "a b": 5, "": 6, "no": 7},
    "keys_of_code": [{Colour.RED: 1, (1, Colour.RED): 2}, {int: 1}, {Pair(1, Colour.RED): 3}],
    "ranges": [range(3), range(1, 9, 2)],
    "named": [Colour.RED, Split([1], []), Hyper(), int, mark, Access.READ],
    "long": ["word " * 30, "x" * 200, {"key": "y" * 90, "other": ["z" * 60] * 3}],
}  # fmt: skip


def of_value(name: str) -> Any:
    @pipeline(name=f"value_{name}")
    def flow(value: Any = VALUES[name]) -> str:
        return gather(show(VALUES[name]), show(value), {"again": VALUES[name]})

    return flow


PIPELINES: dict[str, Any] = {
    **{
        name: one
        for name, one in list(globals().items())
        if type(one).__name__ == "Pipeline" and name not in ("inner", "parts_inside", "passing")
    },
    **{f"value_{name}": of_value(name) for name in VALUES},
}
"""By name; each can be built without arguments."""

RUNNABLE = [name for name in PIPELINES if name != "environments"]
"""Those that a local stack runs: it gives no step an environment of its own."""
