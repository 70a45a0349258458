import json
from pathlib import Path
from typing import Any


def prepare(work: str, *given: Any) -> None:
    """Which pipeline, and how long: in Kedro a part of the project, not of a run."""
    sizes: dict[str, Any] = {"work": work, "pipeline": work}
    if work in ("array", "frame", "bits"):
        sizes["pipeline"] = "large"
    if work in ("chain", "fan", "sweep"):
        sizes["count"] = given[0]
    if work == "sweep":
        sizes["kind"] = given[1]
    Path("sizes.json").write_text(json.dumps(sizes))
