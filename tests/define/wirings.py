"""Wirings, right and wrong: a comment says what mypy, pyright and the graph's own check say of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypedDict

from penstock import (
    Cache,
    Failure,
    Retry,
    Run,
    cross,
    each,
    either,
    logical_date,
    pipeline,
    ref,
    secret,
    step,
)


class Table:
    rows: int = 0


class Model:
    weights: list[float]


class Forest(Model):
    pass


class Split(NamedTuple):
    train: Table
    test: Table


class Scores(TypedDict):
    auc: float
    name: str


@dataclass
class Settings:
    depth: int = 6
    name: str = ""


class Fits(Protocol):
    weights: list[float]


@step
def load(path: Path) -> Table:
    return Table()


@step
def split(rows: Table, ratio: float = 0.8) -> Split:
    return Split(rows, rows)


@step(retries=Retry(2, on=(ValueError,)), timeout="10m", cache=Cache(ttl="1h"))
def fit(rows: Table, depth: int = 6) -> Forest:
    return Forest()


@step
def evaluate(model: Model, rows: Table) -> dict[str, float]:
    return {"auc": 0.7}


@step
def scores(model: Fits) -> Scores:
    return {"auc": 0.7, "name": ""}


@step
def settings() -> Settings:
    return Settings()


@step
def count() -> int:
    return 3


@step
def label(text: str) -> str:
    return text


@step
def scale(factor: float) -> float:
    return factor


@step
def depths() -> list[int]:
    return [4, 6]


@step
def pair() -> tuple[int, str]:
    return 1, ""


@step
def maybe() -> int | None:
    return None


@step
def best(models: Sequence[Model]) -> Model:
    return models[0]


@step
def survivors(models: list[Forest | Failure]) -> int:
    return len(models)


@step
def join(parts: Mapping[str, Table]) -> Table:
    return parts["a"]


@step
def download(day: date = logical_date(), token: str = secret("env:TOKEN")) -> Table:  # noqa: B008
    return Table()


@step
def anything(thing: Any) -> Any:
    return thing


@step
def unchecked(thing):  # type: ignore[no-untyped-def]
    return thing


@step
def gather(*parts: Table, **named: int) -> Table:
    return parts[0]


class Trainer:
    @step
    def train(self, rows: Table) -> Model:
        return Model()


@pipeline
def training(rows: Table, depth: int = 6) -> Forest:
    return fit(rows, depth=depth)


# ---- right


@pipeline
def right_a_chain() -> dict[str, float]:
    parts = split(load(Path("a.csv")))
    return evaluate(fit(parts.train, depth=8), parts.test)


@pipeline
def right_unpacked_outputs() -> Forest:
    train, _ = split(load(Path("a.csv")))
    return fit(train)


@pipeline
def right_a_fixed_tuple() -> str:
    number, text = pair()
    scale(number)
    return label(text)


@pipeline
def right_int_passes_for_float() -> float:
    return scale(count())


@pipeline
def right_a_literal_int_passes_for_float() -> float:
    return scale(3)


@pipeline
def right_a_subclass_passes_for_its_base() -> dict[str, float]:
    rows = load(Path("a.csv"))
    return evaluate(fit(rows), rows)


@pipeline
def right_a_protocol() -> float:
    return scores(fit(load(Path("a.csv"))))["auc"]


@pipeline
def right_a_dataclass_field() -> Forest:
    return fit(load(Path("a.csv")), depth=settings().depth)


@pipeline
def right_small_arithmetic() -> float:
    return scale(scores(fit(load(Path("a.csv"))))["auc"] * 2 + 1)


@pipeline
def right_a_map_over_a_literal() -> Model:
    return best(fit.map(load(Path("a.csv")), depth=each([4, 6, 8])))


@pipeline
def right_a_map_over_an_output() -> Model:
    return best(fit.map(load(Path("a.csv")), depth=each(depths())))


@pipeline
def right_a_crossed_map() -> list[Split]:
    return split.map(each([load(Path("a.csv"))]), ratio=cross([0.5, 0.8]))


@pipeline
def right_a_map_that_collects() -> int:
    return survivors(fit.map_collect(load(Path("a.csv")), depth=each([4, 6])))


@pipeline
def right_a_guard() -> str:
    good = scores(fit(load(Path("a.csv"))))["auc"] > 0.9
    return either(label.when(good)("good"), label.unless(good)("bad"))


@pipeline
def right_named_ordered_and_set() -> Forest:
    rows = load(Path("a.csv"))
    first = fit.named("first")(rows)
    return fit.named("second").after(first).options(retries=3, timeout=90)(rows, depth=3)


@pipeline
def right_a_nested_pipeline() -> dict[str, float]:
    rows = load(Path("a.csv"))
    return evaluate(training(rows, depth=4), rows)


@pipeline
def right_a_bound_call() -> Forest:
    return fit.bind(load(Path("a.csv")), depth=3)()


@pipeline
def right_defaults_known_later() -> Forest:
    return fit(download())


@pipeline
def right_an_old_result() -> Forest:
    return fit(ref("run:ab12/load"))


@pipeline
def right_a_method_as_a_step() -> Model:
    return Trainer().train(load(Path("a.csv")))


@pipeline
def right_a_dict_of_outputs() -> Forest:
    return fit(join({"a": load(Path("a.csv")), "b": load(Path("b.csv"))}))


@pipeline
def right_rest_arguments() -> Forest:
    return fit(gather(load(Path("a.csv")), load(Path("b.csv")), width=3))


@pipeline
def right_unannotated_passes() -> str:
    return label(unchecked(count()))


@pipeline
def right_any_passes() -> str:
    return label(anything(count()))


# ---- wrong


@pipeline
def wrong_int_for_str() -> str:
    return label(count())  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_literal_for_str() -> str:
    return label(3)  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_str_for_path() -> Table:
    return load("a.csv")  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_whole_split_for_one_part() -> Forest:
    return fit(split(load(Path("a.csv"))))  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_part_for_a_number() -> Forest:
    parts = split(load(Path("a.csv")))
    return fit(parts.train, depth=parts.test)  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_field_name() -> Forest:
    parts = split(load(Path("a.csv")))
    return fit(parts.trian)  # mypy=attr-defined pyright=reportAttributeAccessIssue graph=PromiseError


@pipeline
def wrong_missing_argument() -> dict[str, float]:
    return evaluate(fit(load(Path("a.csv"))))  # mypy=call-arg pyright=reportCallIssue graph=DefinitionError


@pipeline
def wrong_unknown_argument() -> Forest:
    return fit(load(Path("a.csv")), dept=3)  # mypy=call-arg pyright=reportCallIssue graph=DefinitionError


@pipeline
def wrong_too_many_arguments() -> Forest:
    return fit(load(Path("a.csv")), 3, 4)  # mypy=call-arg pyright=reportCallIssue graph=DefinitionError


@pipeline
def wrong_order_of_arguments() -> dict[str, float]:
    rows = load(Path("a.csv"))
    return evaluate(rows, fit(rows))  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_element_of_a_tuple() -> str:
    number, _ = pair()
    return label(number)  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_number_of_elements() -> str:
    _, text, _ = pair()  # mypy=misc pyright=reportAssignmentType graph=ValueError
    return label(text)


@pipeline
def wrong_elements_of_a_map() -> list[str]:
    return label.map(each([1, 2]))  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_elements_of_an_output() -> list[str]:
    return label.map(each(depths()))  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_map_over_a_number() -> list[Forest]:
    return fit.map(load(Path("a.csv")), depth=each(count()))  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_use_of_a_map() -> dict[str, float]:
    rows = load(Path("a.csv"))
    return evaluate(fit.map(rows, depth=each([4])), rows)  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_use_of_a_map_that_collects() -> Model:
    found = fit.map_collect(load(Path("a.csv")), depth=each([4]))
    return best(found)  # mypy=arg-type pyright=reportArgumentType graph=none


@pipeline
def wrong_none_where_a_number_goes() -> float:
    return scale(None)  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_perhaps_none() -> float:
    return scale(maybe())  # mypy=arg-type pyright=reportArgumentType graph=none


@pipeline
def wrong_condition() -> str:
    return label.when(count())("a")  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_value_of_a_dict() -> Table:
    return join({"a": count()})  # mypy=dict-item pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_argument_of_a_nested_pipeline() -> Forest:
    return training(count())  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_result_of_a_nested_pipeline() -> str:
    return label(training(load(Path("a.csv"))))  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_argument_of_a_bound_call() -> Forest:
    return fit.bind(count())()  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_argument_of_a_method() -> Model:
    return Trainer().train(count())  # mypy=arg-type pyright=reportArgumentType graph=TypeMismatch


@pipeline
def wrong_result() -> str:
    return count()  # mypy=return-value pyright=reportReturnType graph=TypeMismatch


@pipeline
def wrong_option_of_a_step() -> Forest:
    return fit.options(retires=3)(load(Path("a.csv")))  # mypy=call-arg pyright=reportCallIssue graph=TypeError


@pipeline
def wrong_method_of_a_value() -> str:
    return label(label("a").upper())  # mypy=none pyright=none graph=PromiseError


# ---- what stands outside of a pipeline: only type checkers look at it


def right_runs() -> Forest:
    run: Run[Forest] = training.options(seed=3, tags=["try"], workers=2).run(Table(), depth=8)
    swept: list[Run[Forest]] = training.sweep(Table(), depth=each([4, 6]))
    bound: Forest = training.bind(Table())()
    training.runs()[0].compare(run)
    return [bound, run.result(), swept[0].result()][len(training.plan(Table()))]


def right_plain_calls(deeper: Callable[[int], int], some: Iterable[int]) -> list[Forest]:
    table: Table = split(Table()).train
    return [partial(fit, table)(), *(fit(table, depth=deeper(depth)) for depth in some)]


def wrong_run() -> Forest:
    return training.run(Table(), depht=8).result()  # mypy=call-arg pyright=reportCallIssue


def wrong_run_argument() -> Forest:
    return training.run(3).result()  # mypy=arg-type pyright=reportArgumentType


def wrong_run_option() -> Forest:
    return training.options(sed=3).run(Table()).result()  # mypy=call-arg pyright=reportCallIssue


def wrong_type_of_a_run_option() -> Forest:
    return training.options(seed="3").run(Table()).result()  # mypy=arg-type pyright=reportArgumentType


def wrong_result_of_a_run() -> str:
    return training.run(Table()).result()  # mypy=return-value pyright=reportReturnType


decorated = step(retrys=2)  # mypy=call-overload pyright=reportCallIssue
