"""Dagster: a partition for each setting, a run for each partition.

https://docs.dagster.io/guides/build/partitions-and-backfills/partitioning-assets
"""

import sys
from pathlib import Path

import dagster as dg
import pandas as pd
import sweep_work as work
from sklearn.ensemble import RandomForestClassifier

COUNT, KIND = int(sys.argv[2]), sys.argv[3]
SETTINGS = {str(n): setting for n, setting in enumerate(work.settings(COUNT, KIND))}
runs = dg.StaticPartitionsDefinition(list(SETTINGS))
data = runs if KIND == "apart" else None


def setting_of(context: dg.AssetExecutionContext) -> work.Setting:
    return SETTINGS[context.partition_key if context.has_partition_key else "0"]


@dg.asset(partitions_def=data)
def rows(context: dg.AssetExecutionContext) -> pd.DataFrame:
    return work.load(Path(setting_of(context).table))


@dg.asset(partitions_def=data)
def parts(context: dg.AssetExecutionContext, rows: pd.DataFrame) -> work.Tables:
    return work.split(rows, setting_of(context).seed)


@dg.asset(partitions_def=data)
def matrices(parts: work.Tables) -> work.Matrices:
    return work.encode(*parts)


@dg.asset(partitions_def=runs)
def model(
    context: dg.AssetExecutionContext, matrices: work.Matrices, parts: work.Tables
) -> RandomForestClassifier:
    setting = setting_of(context)
    return work.fit(matrices[0], parts[0], setting.depth, setting.leaf)


@dg.asset(partitions_def=runs)
def auc(
    context: dg.AssetExecutionContext,
    model: RandomForestClassifier,
    matrices: work.Matrices,
    parts: work.Tables,
) -> float:
    result = work.score(model, matrices[1], parts[1])
    context.add_output_metadata({"auc": result})
    return result


def sweep(count: int, kind: str) -> list[float]:
    instance = dg.DagsterInstance.get()
    shared, apart = [rows, parts, matrices], [model, auc]
    if kind == "apart":
        shared, apart = [], [*shared, *apart]
    else:
        dg.materialize(shared, instance=instance)
    scores = []
    for key in SETTINGS:
        result = dg.materialize(
            [*shared, *apart], selection=apart, partition_key=key, instance=instance
        )
        scores.append(result.output_for_node("auc"))
    return scores
