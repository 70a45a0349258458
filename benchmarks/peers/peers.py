"""Who is compared, how each is set up, and what it keeps: the columns that make the figures fair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Service:
    """What must run beside, as the peer's own documentation advises; its start is not measured."""

    command: tuple[str, ...]
    ready: str
    """The address that answers when it does."""


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    title: str
    distribution: str
    requires: tuple[str, ...]
    imports: str
    """What a file of steps begins with."""
    keeps: str
    key: str
    """What its cache key is made of, or what it has instead of a cache."""
    records: str
    set_up: str
    """How it is configured here, and why that is its recommended way on one machine."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """Works that it does not know, and why."""
    environment: Mapping[str, str] = field(default_factory=dict)
    service: Service | None = None


NO_RECORD = "keeps no record of runs"

PLAIN = Peer(
    name="plain",
    title="plain Python",
    distribution="",
    requires=(),
    imports="pass",
    keeps="nothing",
    key="none: all is done again",
    records="nothing",
    set_up="functions that call functions",
    lacks={
        "again": "keeps nothing",
        "runs": NO_RECORD,
        "status": NO_RECORD,
        "bits": "keeps nothing",
    },
)
JOBLIB = Peer(
    name="joblib",
    title="joblib.Memory",
    distribution="joblib",
    requires=("joblib",),
    imports="from joblib import Memory",
    keeps="results, by pickle with arrays as they are; memory-mapped when loaded (`mmap_mode='r'`)",
    key="the function's own source, the content of its arguments (MD5 of a pickle)",
    records="durations; no runs",
    set_up="`@memory.cache` on each function, in a folder of the project",
    lacks={"runs": NO_RECORD, "status": NO_RECORD},
)
PENSTOCK = Peer(
    name="penstock",
    title="penstock",
    distribution="penstock",
    requires=("{root}",),
    imports="from penstock import pipeline, step",
    keeps="results by content: JSON, npy, Arrow, signed pickles; verified when loaded; synced to the "
    "disk before a run is done",
    key="the bytecode of the step and all first-party code that it reaches, content of the inputs, "
    "versions of the packages it imports",
    records="runs, steps, parameters, metrics, logs, git commit, environment, lineage, source code",
    set_up="its defaults",
)
HAMILTON = Peer(
    name="hamilton",
    title="Hamilton",
    distribution="sf-hamilton",
    requires=("sf-hamilton", "packaging"),  # its pandas part needs packaging and does not say so
    imports="from hamilton import driver",
    keeps="results of all nodes: pickles, tables here as Parquet (`@cache(format=…)`)",
    key="the node's own source without comments, and the content of its inputs",
    records="of each run: its nodes, their versions of code and data",
    set_up="`driver.Builder().with_cache()`, in `.hamilton_cache` of the project",
    lacks={"status": "keeps no status of runs"},
)
REDUN = Peer(
    name="redun",
    title="redun",
    distribution="redun",
    requires=("redun",),
    imports="from redun import task",
    keeps="results of all tasks, pickled: in SQLite, from 1 KB on in files (`value_store_path`)",
    key="the task's own source, the content of its arguments (SHA-512 of a pickle)",
    records="executions, jobs, arguments, results, lineage",
    set_up="the scheduler of `redun run`: default executor (threads), `.redun/redun.db`",
)
KEDRO = Peer(
    name="kedro",
    title="Kedro",
    distribution="kedro",
    requires=("kedro", "kedro-datasets[pandas-parquetdataset,pickle-pickledataset]"),
    imports="from kedro.pipeline import node, pipeline",
    keeps="every dataset by its catalogue: pickle, tables as Parquet",
    key="none: `--only-missing-outputs` asks whether the files are there",
    records="nothing of runs",
    set_up="a project; runs in a `KedroSession` with the sequential runner, as `kedro run` does",
    lacks={"runs": NO_RECORD, "status": NO_RECORD},
    environment={"KEDRO_DISABLE_TELEMETRY": "1"},
)
METAFLOW = Peer(
    name="metaflow",
    title="Metaflow",
    distribution="metaflow",
    requires=("metaflow",),
    imports="from metaflow import FlowSpec, step",
    keeps="every attribute of every step, as compressed pickles by content (SHA-1)",
    key="none: `resume` clones the tasks of an earlier run, whatever has changed",
    records="runs, tasks, parameters, logs, artifacts, of each run",
    set_up="`python flow.py run`, a process for each task, local datastore and metadata; "
    "`resume` for the second time",
    environment={"METAFLOW_DEFAULT_DATASTORE": "local", "METAFLOW_DEFAULT_METADATA": "local"},
)
DAGSTER = Peer(
    name="dagster",
    title="Dagster",
    distribution="dagster",
    requires=("dagster",),
    imports="import dagster",
    keeps="the last value of each asset: pickles, tables here as Parquet by an I/O manager",
    key="none in `materialize`: all is done again (staleness by hand-written `code_version` is shown "
    "in its UI)",
    records="runs, events, materializations with metadata",
    set_up="assets, `materialize` on an instance in SQLite; for the fan-out a job with `DynamicOut`",
    lacks={
        "again": "`materialize` does all again",
        "load": "an asset keeps its last value only",
    },
    environment={"DAGSTER_HOME": "{root}/.dagster", "DAGSTER_DISABLE_TELEMETRY": "true"},
)
PREFECT = Peer(
    name="prefect",
    title="Prefect",
    distribution="prefect",
    requires=("prefect", "fastapi==0.139.*"),  # its server does not start with a later one
    imports="from prefect import flow, task",
    keeps="results of tasks (`persist_result`), pickled in a JSON file each",
    key="the task's own source, the content of its inputs (`INPUTS + TASK_SOURCE`)",
    records="flow runs, task runs, states, parameters, logs, in its server",
    set_up="`prefect server start` on SQLite beside, as its page on self-hosting says (not started "
    "for each run, which would cost seconds)",
    environment={
        "PREFECT_API_URL": "http://127.0.0.1:4299/api",
        "PREFECT_HOME": "{root}/.prefect",
        "PREFECT_LOCAL_STORAGE_PATH": "{root}/.prefect/storage",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    },
    service=Service(
        ("prefect", "server", "start", "--port", "4299", "--analytics-off"),
        "http://127.0.0.1:4299/api/health",
    ),
)
ZENML = Peer(
    name="zenml",
    title="ZenML",
    distribution="zenml",
    requires=("zenml[local]",),
    imports="from zenml import pipeline, step",
    keeps="outputs of all steps by its materializers: JSON, npy, Parquet, pickle",
    key="the step's own source, its inputs' ids, its parameters, its artifact store",
    records="runs, steps, parameters, artifacts with versions and metadata, code",
    set_up="`zenml init`, default stack: local orchestrator, local artifact store, SQLite; as "
    "scikit-learn is installed, each process imports it for its integration",
    environment={
        "ZENML_CONFIG_PATH": "{root}/.zenml-config",
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_VERBOSITY": "WARN",
        "ZENML_ENABLE_REPO_INIT_WARNINGS": "false",
    },
)
PEERS = {
    peer.name: peer
    for peer in (
        *(PENSTOCK, PLAIN, JOBLIB, HAMILTON, REDUN, KEDRO),
        *(METAFLOW, DAGSTER, PREFECT, ZENML),
    )
}
