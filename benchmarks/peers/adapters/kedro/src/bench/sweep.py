"""A pipeline of pipelines: what the settings share is done once, the rest in a namespace each.

https://docs.kedro.org/en/stable/build/namespaces/
"""

from pathlib import Path

import pandas as pd
import sweep_work as work
from kedro.pipeline import Pipeline, node, pipeline

from bench.settings import SIZES


def load(table: str) -> pd.DataFrame:
    return work.load(Path(table))


def create_pipeline() -> Pipeline:
    data = pipeline(
        [
            node(load, "params:table", "rows_table", name="load"),
            node(
                work.split,
                ["rows_table", "params:seed"],
                ["train_table", "test_table"],
                name="split",
            ),
            node(
                work.encode,
                ["train_table", "test_table"],
                ["train_matrix", "test_matrix"],
                name="encode",
            ),
        ]
    )
    fit_inputs = ["train_matrix", "train_table", "params:depth", "params:leaf"]
    model = pipeline(
        [
            node(work.fit, fit_inputs, "model", name="fit"),
            node(work.score, ["model", "test_matrix", "test_table"], "auc", name="score"),
        ]
    )
    names = [f"run{n}" for n in range(SIZES["count"])]
    if SIZES["kind"] == "apart":
        return sum((pipeline(data + model, namespace=name) for name in names), pipeline([]))
    shared = {"train_matrix", "test_matrix", "train_table", "test_table"}
    runs = (pipeline(model, namespace=name, inputs=shared) for name in names)
    return sum(runs, data)
