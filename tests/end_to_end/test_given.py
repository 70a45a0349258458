"""First-party objects, functions and classes given to steps: what they do counts, as what they are."""

from __future__ import annotations

from tests.end_to_end.place import Place

MODELS = """
from dataclasses import dataclass
from functools import partial

@dataclass
class Model:
    slope: int
    def predict(self, x):
        return x * self.slope

@dataclass
class Holder:
    inner: object

def scale(x, by=2):
    return x * by

def unrelated(x):
    return x
"""
FLOW = """
from functools import partial
from penstock import each, pipeline, step
import models

@step
def use(model) -> int:
    return model.predict(10)

@step
def use_list(many: list) -> int:
    return sum(model.predict(10) for model in many)

@step
def use_held(holder) -> int:
    return holder.inner.predict(10)

@step
def make(kind) -> int:
    return kind(3).predict(10)

@step
def apply(function) -> int:
    return function(10)

@step
def apply_all(functions: dict) -> int:
    return sum(function(10) for function in functions.values())

@step
def ignore(n: int = 1) -> int:
    return n

@step
def pick(n: int):
    return models.scale if n else models.unrelated

@pipeline
def every() -> list:
    return [
        use(models.Model(2)),
        use_list([models.Model(2), models.Model(3)]),
        use_held(models.Holder(models.Model(2))),
        use.named("use_each").map(each([models.Model(1), models.Model(2)])),
        make(models.Model),
        apply(models.scale),
        apply.named("apply_partial")(partial(models.scale, by=5)),
        apply.named("apply_lambda")(lambda x: models.scale(x, 7)),
        apply_all({"one": models.scale}),
        apply.named("apply_each").map(each([models.scale, models.unrelated])),
        apply.named("apply_made")(pick(1)),
        ignore(),
    ]
"""
# The second item is the same call as `use`.
OF_MODEL = {"use", "use_list", "use_held", "use_each", "use_each[0]", "make"}
# The first of `apply_each` and `apply_made` are the same calls as `apply`.
OF_SCALE = {"apply", "apply_partial", "apply_lambda", "apply_all", "pick"}


def test_what_is_given_counts_with_its_code(place: Place) -> None:
    place.write(flow=FLOW, models=MODELS)
    first = place.run("flow:every")
    assert first.result == [20, 50, 20, [10, 20], 30, 20, 50, 70, 20, [20, 10], 20, 1]
    assert place.run("flow:every").executed == set()
    place.write(models=MODELS.replace("return x * self.slope", "return x - self.slope"))
    model = place.run("flow:every")
    assert model.result[:5] == [8, 15, 8, [9, 8], 7]
    assert model.executed == OF_MODEL
    place.write(models=MODELS.replace("return x * by", "return x - by"))
    scale = place.run("flow:every")
    assert scale.result[5:] == [8, 5, 3, 8, [8, 10], 8, 1]
    assert scale.executed == OF_SCALE
    place.write(models=MODELS)
    assert place.run("flow:every").executed == set()


KINDS = """
from enum import Enum
import pandas as pd
from sklearn.base import BaseEstimator

class Kind(Enum):
    TREE = 1
    def factor(self):
        return 2

class Mean(BaseEstimator):
    def fit(self, x):
        self.mean_ = sum(x) / len(x)
        return self
    def predict(self, x):
        return self.mean_ * x

class Table(pd.DataFrame):
    @property
    def _constructor(self):
        return Table
    def size_of(self):
        return len(self)
"""
STEPS = """
from penstock import pipeline, step
import kinds, models

RATE = 3

@step
def fit():
    return kinds.Mean().fit([1, 2, 3])

@step
def predict(model) -> float:
    return model.predict(10)

@step
def shout(kind) -> int:
    return kind.factor()

@step
def of_name():
    by = 4
    return lambda x: models.scale(x, by) * RATE

@step
def call(function) -> int:
    return function(10)

@step
def measure(table) -> int:
    return table.size_of()

@pipeline
def tables() -> int:
    return measure(kinds.Table({"a": [1, 2]}))

@pipeline
def every() -> list:
    return [
        predict(fit()),
        predict.named("given")(kinds.Mean().fit([3, 3])),
        shout(kinds.Kind.TREE),
        call(of_name()),
        call.named("method")(models.Model(2).predict),
    ]
"""


def test_what_an_earlier_step_made_counts_with_the_code_that_it_reaches(place: Place) -> None:
    place.write(flow=STEPS, models=MODELS, kinds=KINDS)
    assert place.run("flow:every").result == [20, 30, 2, 120, 20]
    assert place.run("flow:every").executed == set()
    place.write(
        kinds=KINDS.replace("self.mean_ * x", "self.mean_ - x").replace("return 2", "return 5")
    )
    kinds = place.run("flow:every")
    assert kinds.result[:3] == [-8, -7, 5]
    # `fit` names the class itself, by way of its module.
    assert kinds.executed == {"fit", "predict", "given", "shout"}
    place.write(models=MODELS.replace("return x * by", "return x - by"))
    scale = place.run("flow:every")
    assert (scale.executed, scale.result[3]) == ({"of_name", "call"}, 18)
    place.write(flow=STEPS.replace("RATE = 3", "RATE = 5"))
    rate = place.run("flow:every")
    assert (rate.executed, rate.result[3]) == ({"of_name", "call"}, 30)
    place.write(flow=STEPS, models=MODELS.replace("return x * self.slope", "return x - self.slope"))
    method = place.run("flow:every", workers=2)
    assert method.result == [-8, -7, 5, 120, 8]
    assert "method" in method.executed


def test_a_subclass_of_what_a_library_stores_counts_with_its_code(place: Place) -> None:
    place.write(flow=STEPS, models=MODELS, kinds=KINDS)
    assert place.run("flow:tables").result == 2
    place.write(kinds=KINDS.replace("return len(self)", "return len(self) * 10"))
    edited = place.run("flow:tables")
    assert (edited.executed, edited.result) == ({"measure"}, 20)


NAMELESS = """
from dataclasses import make_dataclass
from penstock import pipeline, step

def helper():
    return 7

def local(x):
    class Model:
        rate = 1
        def __init__(self, slope):
            self.slope = slope
        @property
        def double(self):
            return 2 * self.slope
        def predict(self, y):
            return self.double * y + self.rate + helper()
    return Model(x)

def predict(self, y):
    return self.slope * y

Made = make_dataclass("Made", ["slope"], namespace={"predict": predict})

@step
def make(x: int):
    return local(x)

@step
def make_many(x: int):
    return {"models": [Made(x)]}

@step
def use(model) -> int:
    return model.predict(10)

@step
def use_many(models) -> int:
    return models["models"][0].predict(10)

@pipeline
def every() -> list:
    return [use(make(2)), use.named("given")(local(3)), use_many(make_many(2))]
"""


def test_a_class_that_no_name_leads_to_counts_with_its_code(place: Place) -> None:
    place.write(flow=NAMELESS)
    assert place.run("flow:every").result == [48, 68, 20]
    assert place.run("flow:every").executed == set()
    assert place.run("flow:every", workers=2).executed == set()
    of_local = {"make", "use", "given"}
    for old, new, result, executed in (
        ("* y + self", "* y - self", [46, 66, 20], of_local),
        ("return 2 *", "return 3 *", [68, 98, 20], of_local),
        ("rate = 1", "rate = 5", [52, 72, 20], of_local),
        ("return 7", "return 9", [50, 70, 20], of_local),
        ("self.slope * y", "self.slope - y", [48, 68, -8], {"make_many", "use_many"}),
    ):
        place.write(flow=NAMELESS.replace(old, new))
        edited = place.run("flow:every")
        assert (edited.result, edited.executed) == (result, executed)
