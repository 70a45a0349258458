"""The JSON Schema of a spec refuses what its reader refuses: what is wrong by its shape."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator
from tests.spec.test_round_trip import as_json
from tests.spec.test_wrong_specs import FILES, HEAD, LOAD, STEPS

from penstock.spec.reader import read_spec
from penstock.spec.schema import schema
from penstock.spec.tree import read_tree

TOP = {
    "no version": {"$: required"},
    "another version": {"$.penstock: const"},
    "an unknown part": {"$: required", "$: additionalProperties"},
    "a name that cannot be": {"$.steps: pattern"},
}
INSIDE = {
    "no step": {"$.steps.a: required"},
    "an unknown part": {"$.steps.load: additionalProperties"},
    "a wrong list": {"$.steps.load.inputs: type"},
    "a condition of text": {"$.steps.load.when: anyOf"},
    "a map over a number": {"$.steps.load.each.n: anyOf"},
    "retries": {"$.steps.load.retries: anyOf"},
    "timeout": {"$.steps.load.timeout: anyOf"},
    "cache": {"$.steps.load.cache: anyOf"},
    "executor": {"$.steps.load.executor: type"},
    "a part of a nested pipeline": {"$.steps.sub: additionalProperties"},
}
WRONG = {
    **{f"{name} at the top": (FILES[name][0], told) for name, told in TOP.items()},
    **{name: (HEAD + STEPS[name][0], told) for name, told in INSIDE.items()},
    "a step that is no place": (HEAD + "  a: {step: nowhere}\n", {"$.steps.a.step: pattern"}),
    "steps that are a list": ("penstock: 1\nsteps: [a]\n", {"$.steps: type"}),
    "retries below zero": (HEAD + LOAD + "    retries: -1\n", {"$.steps.load.retries: anyOf"}),
    "a wrong serializer": (HEAD + LOAD + "    serializer: [x]\n", {"$.steps.load.serializer: anyOf"}),
    "a wrong after": (HEAD + LOAD + "    after: [1]\n", {"$.steps.load.after: anyOf"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_spec_is_refused_where_it_is_wrong(text: str, told: set[str]) -> None:
    errors = Draft202012Validator(schema()).iter_errors(as_json(read_tree(text, "p.yaml")))
    assert {f"{error.json_path}: {error.validator}" for error in errors} == told


@pytest.mark.parametrize(
    "empty",
    ["inputs", "each", "collect", "after", "timeout", "cache", "resources", "executor",
     "cache:\n      ttl", "cache:\n      ignore", "cache:\n      version"],
)  # fmt: skip
def test_what_the_reader_takes_when_it_is_left_empty_the_schema_takes(empty: str) -> None:
    text = f"{HEAD}{LOAD}    {empty}:\n"
    read_spec(text, "p.yaml")
    Draft202012Validator(schema()).validate(as_json(read_tree(text, "p.yaml")))


def test_the_command_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "schema"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == schema()
    Draft202012Validator.check_schema(schema())
