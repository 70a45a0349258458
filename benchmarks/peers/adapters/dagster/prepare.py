"""An instance in the project: https://docs.dagster.io/deployment/oss/dagster-yaml."""

import os
from pathlib import Path
from typing import Any


def prepare(work: str, *given: Any) -> None:
    home = Path(os.environ["DAGSTER_HOME"])
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
