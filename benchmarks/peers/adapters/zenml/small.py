"""ZenML on its default stack: https://docs.zenml.io/user-guides/starter-guide/create-an-ml-pipeline,
https://docs.zenml.io/user-guides/starter-guide/cache-previous-executions.
"""

from typing import Any

from small_work import executed, wait_for_go
from zenml import get_step_context, log_metadata, pipeline, step
from zenml.client import Client

import features


@step
def start() -> int:
    return 0


@step
def add(number: int) -> int:
    return number + 1


@pipeline
def adding(count: int) -> None:
    number = start()
    for _ in range(count):
        number = add(number)


@step
def double(number: int) -> int:
    return number * 2


@step
def total(count: int, prefix: str) -> int:
    """Collected as ZenML's page on fan-out does: by the names of the steps of the run.

    https://docs.zenml.io/user-guides/tutorial/fan-in-fan-out
    """
    run = Client().get_pipeline_run(get_step_context().pipeline_run.name)
    steps = [step for name, step in run.steps.items() if name.startswith(prefix)]
    assert len(steps) == count
    return sum(step.output.load() for step in steps)


@pipeline
def fanning(count: int) -> None:
    after = [f"double_{number}" for number in range(count)]
    for number, name in enumerate(after):
        double(number, id=name)
    total(count, "double_", after=after)


@step
def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)


@pipeline
def editing() -> None:
    scaled(21)


@step
def before() -> int:
    executed("before")
    return 41


@step
def wait(number: int) -> int:
    wait_for_go()
    return number + 1


@pipeline
def waiting() -> None:
    wait(before())


@step
def measured(number: int) -> int:
    log_metadata({"score": number})
    return number


@pipeline
def scoring(number: int) -> None:
    measured(add(number))


def last(run: Any, step: str) -> Any:
    return run.steps[step].output.load()


def chain(count: int) -> int:
    return last(adding(count), "add" if count == 1 else f"add_{count}")


def fan(count: int) -> int:
    return last(fanning(count), "total")


def edit() -> int:
    return last(editing(), "scaled")


def long() -> int:
    return last(waiting(), "wait")


def status() -> str:
    return Client().list_pipeline_runs(pipeline="waiting", size=1)[0].status.value


def many(number: int) -> None:
    scoring(number)


def runs(count: int) -> list[tuple[str, float]]:
    """The score is metadata of the step: it is asked for with the steps."""
    found: list[tuple[str, float]] = []
    page = 1
    while len(found) < count:
        some = Client().list_pipeline_runs(pipeline="scoring", size=100, page=page, hydrate=True)
        for run in some.items:
            found.append((run.status.value, run.steps["measured"].run_metadata["score"]))
        page += 1
    return found


def load(count: int) -> int:
    oldest = Client().list_pipeline_runs(pipeline="scoring", size=1, sort_by="asc:created")[0]
    return last(oldest, "measured")
