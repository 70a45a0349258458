"""A pipeline, written and read again, is the same pipeline: same text, same keys, all reused."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.spec.pipelines import PIPELINES, RUNNABLE

from penstock import Run
from penstock.compiled import Compiled
from penstock.compiling import compile, fingerprint
from penstock.core.options import options
from penstock.core.twins import numbered
from penstock.define.trace import Environment, trace
from penstock.run.flatten import flatten
from penstock.spec.printer import print_graph
from penstock.spec.reader import read_spec
from penstock.spec.record import pack, unpack
from penstock.spec.schema import schema
from penstock.spec.text import value_text
from penstock.spec.tree import Mapping, Scalar, Sequence, Tree, read_tree
from penstock.testing import in_memory

DATE = "2026-03-01"
ALL = pytest.mark.parametrize("name", PIPELINES)


def written(name: str, environment: Environment) -> str:
    return print_graph(compile(PIPELINES[name], {}, environment, DATE))


def as_json(tree: Tree) -> Any:
    """The tree as an editor sees it."""
    match tree:
        case Scalar(value):
            return value
        case Sequence(items):
            return [as_json(item) for item in items]
        case Mapping(items):
            return {str(key.value): as_json(item) for key, item in items}


@ALL
def test_what_is_read_is_printed_as_it_was(name: str, environment: Environment) -> None:
    text = written(name, environment)
    assert without_remarks(print_graph(read_spec(text, "p.yaml").graph)) == without_remarks(text)


def without_remarks(text: str) -> list[str]:
    """Docs, types and defaults come from the code, which is not looked at."""
    lines = (re.sub(r"  +# [^'\"]*$", "", line) for line in text.splitlines())
    return [line for line in lines if not line.lstrip().startswith("# ") and line]


@ALL
def test_the_schema_accepts_it(name: str, environment: Environment) -> None:
    text = written(name, environment)
    Draft202012Validator(schema()).validate(as_json(read_tree(text, "p.yaml")))


@ALL
def test_it_has_the_keys_of_the_pipeline(name: str, environment: Environment) -> None:
    compiled = Compiled(read_spec(written(name, environment), "p.yaml"))
    ours = flatten(compiled.define({}, environment, DATE))
    theirs = flatten(trace(PIPELINES[name], (), {}, environment, logical_date=DATE))
    assert fingerprint(ours) == fingerprint(theirs)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("containers", "Split(train=load, test=[])", "Split(test=[], train=load)"),
        ("named_tuples", "Pair(first=maybe, second=tests.spec.pipelines:Colour.RED)", "Pair(first=maybe)"),
    ],
)  # fmt: skip
def test_a_named_tuple_is_one_however_its_fields_are_written(
    name: str, before: str, after: str, environment: Environment
) -> None:
    text = written(name, environment)
    assert text.count(before) == 1
    compiled = Compiled(read_spec(text.replace(before, after), "p.yaml"))
    ours = flatten(compiled.define({}, environment, DATE))
    theirs = flatten(trace(PIPELINES[name], (), {}, environment, logical_date=DATE))
    assert fingerprint(ours) == fingerprint(theirs)


@pytest.mark.parametrize("name", RUNNABLE)
def test_a_run_of_it_reuses_all_that_the_pipeline_ran(
    name: str, request: pytest.FixtureRequest
) -> None:
    # Steps that can be stopped run in a process of their own.
    timed = name in ("settings", "decorators")
    session = request.getfixturevalue("filed" if timed else "session")
    flow = PIPELINES[name].options(logical_date=DATE, on_error="return")
    before = flow.run()
    compiled = Compiled(read_spec(written(name, session.environment()), "p.yaml"))
    definition = compiled.define({}, session.environment(), DATE)
    after = session.run(definition, options(logical_date=DATE)).run
    assert after.status == before.status == "done"
    steps = session.stack.metadata.runs.steps
    never = {step.node for step in steps(before.id) if "fresh" in step.ref or step.status != "done"}
    ran = [step.name for step in steps(after.id) if step.status == "done" and step.total is None]
    assert [name for name in ran if name.partition("[")[0] not in never] == []
    assert shown(Run(after).result()) == shown(before.result())


def shown(value: Any) -> str:
    # Sets have no order, and `nan` is no equal of itself.
    return value_text(value)


# A method's own name does not lead to its instance, nor that of a partial to what it fixes.
@pytest.mark.parametrize("name", [name for name in RUNNABLE if name != "other_callables"])
def test_the_yaml_of_a_run_is_the_pipeline_with_the_values_of_the_run(
    name: str, request: pytest.FixtureRequest
) -> None:
    timed = name in ("settings", "decorators")
    session = request.getfixturevalue("filed" if timed else "session")
    run = PIPELINES[name].options(logical_date=DATE).run()
    compiled = Compiled(read_spec(run.yaml, "run.yaml"))
    ours = flatten(compiled.define({}, session.environment(), DATE))
    theirs = flatten(trace(PIPELINES[name], (), {}, session.environment(), logical_date=DATE))
    assert fingerprint(ours) == fingerprint(theirs)


@ALL
def test_a_run_keeps_it_with_all_its_values(name: str, environment: Environment) -> None:
    graph = compile(PIPELINES[name], {}, environment, DATE)
    assert print_graph(unpack(pack(graph))) == print_graph(graph)
    json.loads(pack(graph))


@ALL
def test_twins_are_counted_as_a_trace_counts_them(name: str, environment: Environment) -> None:
    graph = trace(PIPELINES[name], (), {}, environment, logical_date=DATE).graph
    assert numbered(graph) is not graph
    assert pack(numbered(graph)) == pack(graph)


@pytest.mark.parametrize(
    "name",
    # Long values, many settings and the steps of a nested pipeline take their room.
    [
        name
        for name in PIPELINES
        if name not in ("long_list", "settings", "twins_in_nested")
        and not name.startswith(("value_", "nested"))
    ],
)
def test_a_step_takes_at_most_12_lines(name: str, environment: Environment) -> None:
    text = written(name, environment).partition("\nsteps:\n")[2].partition("\nreturns")[0]
    assert max(len(one.splitlines()) for one in text.split("\n\n")) <= 12


def test_parameters_stay_open_but_for_those_that_python_looks_at(environment: Environment) -> None:
    found = {
        name: {param.name: param.structural for param in graph.params}
        for name in PIPELINES
        if (graph := compile(PIPELINES[name], {}, environment, DATE)).params
        and any(param.structural for param in graph.params)
    }
    assert found == {
        "structural": {"layers": True, "depth": False, "fast": True},
        "asked_whether_none": {"limit": True, "other": False},
        "asked_for_its_class": {"depth": True, "rate": False},
        "asked_which_member": {"colour": True, "other": False},
        "matched": {"kind": True, "depth": False},
        "names_from_a_parameter": {"kind": True, "depth": False},
        "caught": {"depth": False, "kind": True},
    }


def test_a_run_returns_mappings_with_the_keys_that_the_pipeline_gave_them(
    environment: Environment,
) -> None:
    with in_memory():
        assert PIPELINES["keyed"].run().result() == PIPELINES["keyed"]()
