from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, in which the test stands."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "trial"\nversion = "0"\n')
    monkeypatch.chdir(tmp_path)
    for name in ("PENSTOCK_HOME", "PENSTOCK_STACK", "PENSTOCK_SEED"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path
