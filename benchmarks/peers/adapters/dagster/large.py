"""Dagster: assets, their values pickled by its default I/O manager, tables as Parquet by their own.

https://docs.dagster.io/guides/build/io-managers/defining-a-custom-io-manager
"""

import os
from typing import Any

import dagster as dg
import large_work as work
import numpy as np
import pandas as pd
from dagster import UPathIOManager
from upath import UPath


class Tables(dg.ConfigurableIOManagerFactory):
    folder: str

    def create_io_manager(self, context: Any) -> UPathIOManager:
        return Parquet(base_path=UPath(self.folder))


class Parquet(UPathIOManager):
    """The example of Dagster's page on I/O managers."""

    extension = ".parquet"

    def dump_to_path(self, context: dg.OutputContext, obj: pd.DataFrame, path: UPath) -> None:
        obj.to_parquet(path)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> pd.DataFrame:
        return pd.read_parquet(path)


class Size(dg.Config):
    mebibytes: int


class Rows(dg.Config):
    rows: int


class Salt(dg.Config):
    salt: str


@dg.asset
def made(config: Size) -> np.ndarray:
    return work.make(config.mebibytes)


@dg.asset
def shifted(made: np.ndarray) -> np.ndarray:
    return work.shift(made)


@dg.asset
def scaled(shifted: np.ndarray) -> np.ndarray:
    return work.scale(shifted)


@dg.asset
def negated(scaled: np.ndarray) -> np.ndarray:
    return work.negate(scaled)


@dg.asset
def digested(config: Salt, shifted: np.ndarray) -> str:
    return work.digest(shifted, config.salt)


@dg.asset(io_manager_key="tables")
def rows(config: Rows) -> pd.DataFrame:
    return work.make_frame(config.rows)


@dg.asset(io_manager_key="tables")
def repriced(rows: pd.DataFrame) -> pd.DataFrame:
    return work.reprice(rows)


@dg.asset(io_manager_key="tables")
def regated(repriced: pd.DataFrame) -> pd.DataFrame:
    return work.regate(repriced)


def materialize(
    *assets: dg.AssetsDefinition, select: list[str] | None = None, **config: dict[str, Any]
) -> Any:
    tables = Tables(folder=os.environ["DAGSTER_HOME"] + "/tables")
    return dg.materialize(
        list(assets),
        instance=dg.DagsterInstance.get(),
        resources={"tables": tables},
        run_config={"ops": {name: {"config": values} for name, values in config.items()}},
        selection=select,
    )


def array(mebibytes: int) -> float:
    result = materialize(made, shifted, scaled, negated, made={"mebibytes": mebibytes})
    return float(result.output_for_node("negated")[-1])


def frame(count: int) -> int:
    result = materialize(rows, repriced, regated, rows={"rows": count})
    return len(result.output_for_node("regated"))


def bits(mebibytes: int, salt: str) -> str:
    """What is there is read again, as the selection of one asset does."""
    instance = dg.DagsterInstance.get()
    if instance.get_latest_materialization_event(dg.AssetKey("shifted")) is None:
        materialize(made, shifted, made={"mebibytes": mebibytes})
    return materialize(
        made, shifted, digested, select=["digested"], digested={"salt": salt}
    ).output_for_node("digested")


def bits_load(mebibytes: int) -> str:
    definitions = dg.Definitions(assets=[made])
    return work.digest(definitions.load_asset_value("made", instance=dg.DagsterInstance.get()))
