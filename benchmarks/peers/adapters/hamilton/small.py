"""Hamilton with its cache: https://hamilton.apache.org/concepts/caching/.

Nodes are functions of a module; a chain and a fan-out of a given size are made by `@resolve` and
`@parameterize`, and by `Parallelizable` and `Collect`:
https://hamilton.apache.org/reference/decorators/resolve/,
https://hamilton.apache.org/concepts/parallel-task/.
"""

from types import ModuleType
from typing import Any

import chain_nodes
import edit_nodes
import fan_nodes
import score_nodes
import wait_nodes
from hamilton import driver, settings
from hamilton.execution import executors


def execute(module: ModuleType, node: str, **inputs: Any) -> Any:
    built = driver.Builder().with_modules(module).with_cache().build()
    return built.execute([node], inputs=inputs)[node]


def chain(count: int) -> int:
    built = (
        driver.Builder()
        .with_modules(chain_nodes)
        .with_config({settings.ENABLE_POWER_USER_MODE: True, "count": count})
        .with_cache()
        .build()
    )
    last = f"added_{count}"
    return built.execute([last], inputs={"added_0": 0})[last]


def fan(count: int) -> int:
    built = (
        driver.Builder()
        .with_modules(fan_nodes)
        .enable_dynamic_execution(allow_experimental_mode=True)
        .with_remote_executor(executors.SynchronousLocalTaskExecutor())
        .with_cache()
        .build()
    )
    return built.execute(["total"], inputs={"count": count})["total"]


def edit() -> int:
    return execute(edit_nodes, "scaled", number=21)


def long() -> int:
    return execute(wait_nodes, "wait")


def many(number: int) -> None:
    execute(score_nodes, "measured", number=number)


def store() -> Any:
    return driver.Builder().with_modules(score_nodes).with_cache().build().cache


def runs(count: int) -> list[tuple[str, float]]:
    """Each run with its nodes; Hamilton's cache keeps neither a status nor metrics."""
    metadata, results = store().metadata_store, store().result_store
    found = []
    for run in metadata.get_run_ids()[:count]:
        for node in metadata.get_run(run):
            if node["node_name"] == "measured":
                found.append(("", results.get(node["data_version"])))
    return found


def load(count: int) -> int:
    cache = store()
    oldest = cache.metadata_store.get_run_ids()[0]
    nodes = {node["node_name"]: node for node in cache.metadata_store.get_run(oldest)}
    return cache.result_store.get(nodes["measured"]["data_version"])
