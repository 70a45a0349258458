"""The pipelines: https://docs.kedro.org/en/stable/build/pipeline_introduction/."""

import importlib

from kedro.pipeline import Pipeline

from bench.settings import SIZES


def register_pipelines() -> dict[str, Pipeline]:
    """The one that the benchmark is about, so that no other's imports are paid for."""
    name = SIZES["pipeline"]
    return {"__default__": importlib.import_module(f"bench.{name}").create_pipeline()}
