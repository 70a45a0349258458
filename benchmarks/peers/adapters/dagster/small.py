"""Dagster: assets, on an instance that keeps runs, events and values (pickles, by its default).

https://docs.dagster.io/guides/build/assets/defining-assets,
https://docs.dagster.io/guides/build/ops/dynamic-graphs
"""

import dagster as dg
from small_work import executed, wait_for_go

import features


def materialize(*assets: dg.AssetsDefinition, **given: object) -> dg.ExecuteInProcessResult:
    return dg.materialize(list(assets), instance=dg.DagsterInstance.get(), **given)


@dg.asset
def number0() -> int:
    return 0


def adding(n: int) -> dg.AssetsDefinition:
    """An asset factory: https://docs.dagster.io/guides/build/assets/creating-asset-factories."""

    @dg.asset(name=f"number{n + 1}", ins={"number": dg.AssetIn(f"number{n}")})
    def add(number: int) -> int:
        return number + 1

    return add


@dg.op(out=dg.DynamicOut(int))
def numbers():
    for number in range(COUNT[0]):
        yield dg.DynamicOutput(number, mapping_key=str(number))


@dg.op
def double(number: int) -> int:
    return number * 2


@dg.op
def total(doubles: list[int]) -> int:
    return sum(doubles)


@dg.job
def fanning():
    total(numbers().map(double).collect())


COUNT = [0]


@dg.asset
def scaled() -> int:
    executed("scaled")  # a comment
    return features.scale(21)


@dg.asset
def before() -> int:
    executed("before")
    return 41


@dg.asset
def waited(before: int) -> int:
    wait_for_go()
    return before + 1


class Score(dg.Config):
    number: int


@dg.asset
def added(config: Score) -> int:
    return config.number + 1


@dg.asset
def measured(context: dg.AssetExecutionContext, added: int) -> int:
    context.add_output_metadata({"score": added})
    return added


def chain(count: int) -> int:
    assets = [adding(n) for n in range(count)]
    return materialize(number0, *assets).output_for_node(f"number{count}")


def fan(count: int) -> int:
    COUNT[0] = count
    result = fanning.execute_in_process(instance=dg.DagsterInstance.get())
    return result.output_for_node("total")


def edit() -> int:
    return materialize(scaled).output_for_node("scaled")


def long() -> int:
    return materialize(before, waited).output_for_node("waited")


def status() -> str:
    return dg.DagsterInstance.get().get_run_records(limit=1)[0].dagster_run.status.value


def many(number: int) -> None:
    materialize(added, measured, run_config={"ops": {"added": {"config": {"number": number}}}})


def runs(count: int) -> list[tuple[str, float]]:
    instance = dg.DagsterInstance.get()
    made = instance.fetch_materializations(dg.AssetKey("measured"), limit=count).records
    scores = {one.run_id: one.asset_materialization.metadata["score"].value for one in made}
    found = [one.dagster_run for one in instance.get_run_records(limit=count)]
    return [(run.status.value, scores[run.run_id]) for run in found]
