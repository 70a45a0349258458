"""A run in a session, as `kedro run` makes it: https://docs.kedro.org/en/stable/deploy/package_a_project/."""

from pathlib import Path
from typing import Any

from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project


def run(**parameters: Any) -> Any:
    """What is there is not made again: `kedro run --only-missing-outputs`."""
    bootstrap_project(Path.cwd())
    with KedroSession.create(runtime_params=parameters) as session:
        session.run(only_missing_outputs=True)
        return session.load_context().catalog
