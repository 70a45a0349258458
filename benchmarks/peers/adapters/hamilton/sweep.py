"""Hamilton with its cache: one driver, executed with each setting."""

import sweep_nodes
import sweep_work as work
from hamilton import driver


def sweep(count: int, kind: str) -> list[float]:
    built = driver.Builder().with_modules(sweep_nodes).with_cache().build()
    scores = []
    for table, seed, depth, leaf in work.settings(count, kind):
        inputs = {"table": table, "seed": seed, "depth": depth, "leaf": leaf}
        scores.append(built.execute(["auc"], inputs=inputs)["auc"])
    return scores
