"""Prefect: tasks with kept results, cached across runs by inputs and source.

https://docs.prefect.io/v3/how-to-guides/workflows/cache-workflow-steps,
https://docs.prefect.io/v3/advanced/results, https://docs.prefect.io/v3/how-to-guides/self-hosted/server-cli
"""

import asyncio
from typing import Any

from prefect import flow, task
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.sorting import FlowRunSort
from small_work import executed, wait_for_go

import features

POLICY = INPUTS + TASK_SOURCE
PAGE = 200
"""What its server gives at most at a time."""


@task(persist_result=True, cache_policy=POLICY)
def add(number: int) -> int:
    return number + 1


@task(persist_result=True, cache_policy=POLICY)
def double(number: int) -> int:
    return number * 2


@task(persist_result=True, cache_policy=POLICY)
def total(numbers: list[int]) -> int:
    return sum(numbers)


@task(persist_result=True, cache_policy=POLICY)
def scaled(number: int) -> int:
    executed("scaled")  # a comment
    return features.scale(number)


@task(persist_result=True, cache_policy=POLICY)
def before() -> int:
    executed("before")
    return 41


@task(persist_result=True, cache_policy=POLICY)
def wait(number: int) -> int:
    wait_for_go()
    return number + 1


@flow
def chain(count: int) -> int:
    number = 0
    for _ in range(count):
        number = add(number)
    return number


@flow
def fan(count: int) -> int:
    return total(double.map(list(range(count))).result())


@flow
def edit() -> int:
    return scaled(21)


@flow
def long() -> int:
    return wait(before())


@flow(persist_result=True)
def scoring(number: int) -> int:
    """Prefect has no metrics: the result of the run stands for one."""
    return add(number)


def many(number: int) -> None:
    scoring(number)


def flow_runs(name: str, count: int, sort: FlowRunSort = FlowRunSort.START_TIME_DESC) -> list[Any]:
    async def read() -> list[Any]:
        found: list[Any] = []
        async with get_client() as client:
            while len(found) < count:
                page = await client.read_flow_runs(
                    flow_filter=FlowFilter(name=FlowFilterName(any_=[name])),
                    sort=sort,
                    limit=min(PAGE, count - len(found)),
                    offset=len(found),
                )
                if not page:
                    break
                found += page
        return found

    return asyncio.run(read())


def status() -> str:
    return flow_runs("long", 1)[0].state.name


def runs(count: int) -> list[tuple[str, int]]:
    """The number in its parameters; to load 500 results would be another matter."""
    found = flow_runs("scoring", count)
    return [(run.state.name, run.parameters["number"] + 1) for run in found]


def load(count: int) -> int:
    oldest = flow_runs("scoring", 1, FlowRunSort.START_TIME_ASC)[0]
    return oldest.state.result()
