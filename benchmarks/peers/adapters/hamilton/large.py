"""Hamilton with its cache; tables as Parquet, arrays as its cache keeps them (pickles).

https://hamilton.apache.org/reference/decorators/cache/
"""

from typing import Any

import large_nodes
import large_work as work
from hamilton import driver


def build() -> driver.Driver:
    return driver.Builder().with_modules(large_nodes).with_cache().build()


def execute(node: str, **inputs: Any) -> Any:
    return build().execute([node], inputs=inputs)[node]


def array(mebibytes: int) -> float:
    return float(execute("negated", mebibytes=mebibytes)[-1])


def frame(rows: int) -> int:
    return len(execute("regated", row_count=rows))


def bits(mebibytes: int, salt: str) -> str:
    return execute("digest", mebibytes=mebibytes, salt=salt)


def bits_load(mebibytes: int) -> str:
    cache = build().cache
    metadata, results = cache.metadata_store, cache.result_store
    nodes = {node["node_name"]: node for node in metadata.get_run(metadata.last_run_id)}
    return work.digest(results.get(nodes["made"]["data_version"]))
