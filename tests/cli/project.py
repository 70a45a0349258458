"""A project in a folder, and the command line used on it by a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLOW = """
from penstock import context, each, pipeline, step
from features import encode


@step
def load(n: int) -> list[int]:
    print("loading", n)
    return list(range(n))


@step
def fit(rows: list[int], depth: int = 6, lr: float = 0.1) -> float:
    context().log_metric("auc", 0.5 + depth / 100)
    return encode(sum(rows)) * depth * lr


@pipeline
def training(n: int = 5, depth: int = 6) -> float:
    return fit(load(n), depth=depth)
"""
FEATURES = """
def encode(x):
    return x + 1
"""


@dataclass(frozen=True)
class Said:
    """What a command wrote, and how it ended."""

    out: str
    err: str
    code: int

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Project:
    root: Path

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
        return path

    def penstock(self, *words: str, cwd: Path | None = None, **variables: str) -> Said:
        process = subprocess.run(
            self.command(*words),
            cwd=cwd or self.root,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Said(process.stdout, process.stderr, process.returncode)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "penstock", *words]

    def environment(self, **variables: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
        return {**kept, "NO_COLOR": "1", **variables}

    def last(self) -> str:
        """The id of the newest run."""
        run: str = self.penstock("runs", "--json").json[0]["id"]
        return run
