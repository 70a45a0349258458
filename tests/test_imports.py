"""What `import penstock` costs, and what it must not pull in."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

BUDGET = 0.060
"""Seconds above bare Python."""

IMPORT = "from penstock import context, each, pipeline, step"
"""What every pipeline's file says: names are imported on first use, so the bare import tells little."""

HEAVY = (
    "pandas", "numpy", "pyarrow", "sklearn", "scipy", "joblib", "torch", "polars", "xgboost", "lightgbm",
    "rich", "yaml", "click", "cloudpickle", "pygments",
    "asyncio", "concurrent.futures", "multiprocessing", "importlib.metadata", "logging", "sqlite3",
    "unittest", "email", "http", "urllib.request", "ssl", "socket",
    "subprocess", "tempfile", "hashlib",
)  # fmt: skip

MOST_PACKAGES = 15
MOST_BYTES = 25_000_000


def environment() -> dict[str, str]:
    """Ours, but for what would keep Python from using the bytecode it has."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONPROFILEIMPORTTIME")
    return {name: value for name, value in os.environ.items() if name not in unwanted}


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def seconds_to_import() -> float:
    # Of the processor: others may have it meanwhile, and an import waits for nothing else. What the
    # interpreter's own start costs is not ours.
    clock = "import time; start = time.process_time()"
    return float(python(f"{clock}; {IMPORT}; print(time.process_time() - start)"))


def test_importing_penstock_takes_at_most_60_ms() -> None:
    seconds_to_import()  # writes the bytecode
    # A busy machine only ever adds: one that is in time shows what it takes.
    times = (seconds_to_import() for _ in range(40))
    assert any(seconds <= BUDGET for seconds in times)


def test_importing_penstock_loads_nothing_heavy() -> None:
    loaded = set(python(f"{IMPORT}; import sys; print(*sys.modules)").split())
    bare = set(python("import sys; print(*sys.modules)").split())
    assert sorted((loaded - bare) & set(HEAVY)) == []


def test_importing_penstock_touches_no_file_of_the_user_and_no_network(tmp_path: Path) -> None:
    code = f"""
import os, sys
os.chdir({str(tmp_path)!r})
seen = []
def note(event, args):
    if event == "open" and isinstance(args[0], str):
        writes = not isinstance(args[2], int) or args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if (writes and "__pycache__" not in args[0]) or args[0].startswith({str(tmp_path)!r}):
            seen.append(args[0])
    elif event.startswith(("socket.", "subprocess.", "os.system")):
        seen.append(event)
sys.addaudithook(note)
{IMPORT}
print(seen)
"""
    assert python(code).strip() == "[]"
    assert list(tmp_path.iterdir()) == []


def core_distributions() -> list[importlib.metadata.Distribution]:
    """penstock and everything that its install without extras brings, as installed here."""
    from packaging.requirements import Requirement

    found: dict[str, importlib.metadata.Distribution] = {}
    wanted = ["penstock"]
    while wanted:
        name = wanted.pop()
        distribution = importlib.metadata.distribution(name)
        key = distribution.metadata["Name"].lower()
        if key in found:
            continue
        found[key] = distribution
        needs = [Requirement(line) for line in distribution.requires or ()]
        wanted += [n.name for n in needs if n.marker is None or n.marker.evaluate({"extra": ""})]
    return list(found.values())


def test_the_core_install_has_at_most_15_packages() -> None:
    names = sorted(d.metadata["Name"] for d in core_distributions())
    assert len(names) <= MOST_PACKAGES, names


def test_the_core_install_is_at_most_25_mb() -> None:
    """With the bytecode that an installer compiles; our own is as large as its source, about."""
    files = [Path(str(d.locate_file(file))) for d in core_distributions() for file in d.files or ()]
    package = Path(__file__).parents[1] / "src" / "penstock"
    files += [file for file in package.rglob("*") if file.suffix in (".py", ".sql")]
    total = sum(file.stat().st_size for file in set(files) if file.is_file())
    total += sum(file.stat().st_size for file in package.rglob("*.py"))
    assert total <= MOST_BYTES, f"{total / 1e6:.1f} MB"


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(__file__).parents[1] / "src" / "penstock" / "py.typed").is_file()
