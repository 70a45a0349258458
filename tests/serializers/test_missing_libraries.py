"""Without a library nothing breaks, and what needs it names the extra that brings it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.artifacts.extras import EXTRAS

PROLOGUE = """
import importlib.abc, json, sys
from pathlib import Path

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in sys.argv[2].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts
from penstock.core.records import Manifest
from penstock.errors import MissingExtra
from penstock.serializers import default_serializers
import msgspec
folder = Path(sys.argv[1])
shelf = Artifacts(LocalStore(folder / "store"), default_serializers(), root=folder, key=lambda: bytes(32), lookup={}.__getitem__)
"""
WRITE = """
import lightgbm, numpy, pandas, polars, pyarrow, scipy.sparse, torch, xgboost
X, Y = numpy.random.default_rng(1).random((30, 2)), numpy.arange(30) % 2
values = {
    "numpy": X, "pandas": pandas.DataFrame({"a": X[:, 0]}), "polars": polars.DataFrame({"a": X[:, 0]}), "arrow": pyarrow.table({"a": [1]}),
    "scipy": scipy.sparse.eye_array(3), "torch": {"w": torch.ones(3)}, "torch in a container": {"w": torch.ones(3), "n": 1}, "module of torch": torch.nn.Linear(2, 2),
    "xgboost": xgboost.train({}, xgboost.DMatrix(X, Y), 1), "xgboost's estimator": xgboost.XGBRegressor(n_estimators=1).fit(X, Y),
    "lightgbm": lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, Y), 1), "lightgbm's estimator": lightgbm.LGBMRegressor(n_estimators=1, verbose=-1).fit(X, Y),
}
manifests = {name: shelf.encode(value)[0] for name, value in values.items()}
(folder / "manifests").write_bytes(msgspec.json.encode(manifests))
"""
READ = """
told = {}
for name, manifest in msgspec.json.decode((folder / "manifests").read_bytes(), type=dict[str, Manifest]).items():
    try:
        shelf.decode(manifest)
        told[name] = "read"
    except MissingExtra as error:
        told[name] = str(error)
for value in (1, "a", [1.5, None], {"a": (1, 2)}, {"a": {1}}):
    assert shelf.decode(shelf.encode(value)[0]) == value
    assert shelf.digest(value)
print(json.dumps(told))
"""


def python(code: str, folder: Path, *absent: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROLOGUE + code, str(folder), ",".join(absent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored")
    python(WRITE, folder)
    return folder


def test_reading_names_the_extra_and_plain_values_need_none(stored: Path) -> None:
    absent = [library for libraries in EXTRAS.values() for library in libraries]
    told = json.loads(python(READ, stored, *absent))
    extras = {
        "numpy": "numpy", "pandas": "pandas", "polars": "polars", "arrow": "arrow", "scipy": "scipy", "torch": "torch",
        "torch in a container": "torch", "module of torch": "torch", "xgboost": "xgboost", "xgboost's estimator": "xgboost",
        "lightgbm": "lightgbm", "lightgbm's estimator": "lightgbm",
    }  # fmt: skip
    assert told.keys() == extras.keys()
    for name, extra in extras.items():
        assert "which is not installed" in told[name]
        assert f"pip install 'penstock[{extra}]'" in told[name], told[name]


def test_a_frame_without_arrow_is_told_what_to_install_when_it_is_saved(tmp_path: Path) -> None:
    code = """
import pandas
for use in (shelf.encode, shelf.digest):
    try:
        use(pandas.DataFrame({"a": [1]}))
    except MissingExtra as error:
        print(error)
"""
    told = python(code, tmp_path, "pyarrow")
    assert "storing a 'pandas:DataFrame' needs 'pyarrow', which is not installed" in told
    assert told.count("Install it: pip install 'penstock[pandas]'") == 2


def test_every_extra_is_one_of_the_package() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert set(EXTRAS) <= set(project["project"]["optional-dependencies"])
