"""The pipeline of a YAML file, with the modules that it names imported."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from penstock.cli.loading import Target, importing, reach
from penstock.compiled import Compiled, read
from penstock.core.naming import resolve
from penstock.core.project import Project
from penstock.errors import DefinitionError


def load_spec(target: Target, project: Project) -> Compiled:
    """Read the spec and import what it names. Raises ConfigError, LoadFailed."""
    assert target.file is not None
    compiled = read(target.file)
    reach(project, Path.cwd())
    for module in compiled.modules:
        # A script finds what stands beside it.
        for root in (project.root / "src", project.root):
            beside = str(root.joinpath(*module.split(".")[:-1]))
            if Path(beside).is_dir() and beside not in sys.path:
                sys.path.append(beside)
    for module in compiled.modules:
        # One that is not there is told of later, with the line that names it.
        with importing(module), suppress(DefinitionError):
            resolve(module)
    return compiled
