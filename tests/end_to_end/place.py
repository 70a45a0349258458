"""A project in a folder of its own, run by real processes as its user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRIVER = """
import importlib, json, sys
from penstock.errors import NotFound
sys.path.insert(0, {root!r})
target, options, arguments = json.loads(sys.stdin.read())
module, _, name = target.partition(":")
pipeline = getattr(importlib.import_module(module), name)
run = pipeline.options(**{{"on_error": "return", **options}}).run(*arguments)
steps = [*run.steps, *(item for step in run.steps for item in step.items)]
def result():
    try:
        return run.result()
    except NotFound:
        return None
def plain(value):
    return json.loads(json.dumps(value, default=repr))
print("\\n@@" + json.dumps({{
    "id": run.id,
    "status": run.status,
    "steps": {{s.name: s.status for s in steps}},
    "reasons": {{s.name: s.reason for s in steps}},
    "notes": {{s.name: list(s.notes) for s in steps}},
    "metrics": plain(dict(run.metrics)),
    "result": plain(result()) if run.status == "done" else None,
}}))
"""


@dataclass
class Ran:
    """One run, as another process saw it."""

    id: str
    status: str
    steps: dict[str, str]
    reasons: dict[str, str]
    notes: dict[str, list[str]]
    metrics: dict[str, Any]
    result: Any
    stderr: str

    @property
    def executed(self) -> set[str]:
        return {name for name, status in self.steps.items() if status == "done"}


@dataclass
class Place:
    """The project's root, and how to use it."""

    root: Path

    def write(self, files: dict[str, str] | None = None, **more: str) -> Place:
        """Files by relative path, or by keyword for `name.py`."""
        every = {**(files or {}), **{f"{name}.py": text for name, text in more.items()}}
        for name, text in every.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return self

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK")}
        return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def python(self, *words: str, input: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            input=input,
            capture_output=True,
            text=True,
            env=self.environment(**env),
            timeout=110,
            check=False,
        )

    def run(
        self, target: str, *arguments: Any, env: dict[str, str] | None = None, **options: Any
    ) -> Ran:
        """A tracked run in a fresh process; its options by keyword."""
        done = self.python(
            "-c",
            DRIVER.format(root=str(self.root)),
            input=json.dumps([target, options, arguments]),
            **(env or {}),
        )
        if "\n@@" not in done.stdout:
            raise AssertionError(f"the run told nothing:\n{done.stdout}\n{done.stderr}")
        told = json.loads(done.stdout.rpartition("\n@@")[2])
        return Ran(**told, stderr=done.stderr)

    def penstock(
        self, *words: str, input: str = "", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """The command, as a person types it."""
        return self.python("-m", "penstock", *words, input=input, **env)
