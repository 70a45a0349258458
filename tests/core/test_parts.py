"""What changed between two keys."""

from __future__ import annotations

import pytest

from penstock.core.graph import Closure, ClosureNode
from penstock.core.parts import (
    CodeChange,
    InputChange,
    NameChange,
    OptionChange,
    PackageChange,
    ParameterChange,
    explain,
    is_wire,
    reason,
)
from penstock.core.records import Parts


def closure(digest: str, helper: str, *, body: str = "1") -> Closure:
    return Closure(
        digest,
        (
            ClosureNode("flow.py", "fit", "function", f"fit{body}"),
            ClosureNode("src/app/features.py", "encode", "function", helper),
        ),
        sources={"flow.py:fit": f"fit {body}", "src/app/features.py:encode": f"encode {helper}"},
    )


CLOSURES = {
    "a": closure("a", "1"),
    "b": closure("b", "2"),
    "c": closure("c", "1", body="2"),
    "bare": Closure("bare", (ClosureNode("flow.py", "fit", "function", "fit1"),)),
    "xy": Closure("xy", (), (("flow.py:fit", "x", "f"), ("flow.py:fit", "y", "g"))),
    "yx": Closure("yx", (), (("flow.py:fit", "x", "g"), ("flow.py:fit", "y", "f"))),
}


def changes(old: Parts, new: Parts) -> tuple[object, ...]:
    return explain(old, new, CLOSURES.get, ref="flow:fit")


def test_a_helper_that_changed_is_named_with_its_source() -> None:
    found = explain(Parts("a"), Parts("b"), CLOSURES.get, ref="flow:fit")
    path = "src/app/features.py"
    assert found == (CodeChange(path, "encode", "function", "encode 1", "encode 2"),)
    assert reason(found) == "changed: helper 'features.encode' (src/app/features.py)"


def test_the_steps_own_code_is_said_as_such() -> None:
    found = explain(Parts("a"), Parts("c"), CLOSURES.get, ref="flow:fit")
    assert found == (CodeChange("flow.py", "fit", "function", "fit 1", "fit 2", own=True),)
    assert reason(found) == "changed: its own code (flow.py)"


def test_a_helper_that_is_new_or_gone_is_said_as_such() -> None:
    assert reason(explain(Parts("bare"), Parts("a"), CLOSURES.get, ref="flow:fit")) == (
        "changed: helper 'features.encode' (new) (src/app/features.py)"
    )
    gone = explain(Parts("a"), Parts("bare"), CLOSURES.get, ref="flow:fit")
    assert [change.removed for change in gone if isinstance(change, CodeChange)] == [True]


def test_names_that_mean_something_else_are_a_change() -> None:
    assert changes(Parts("xy"), Parts("yx")) == (
        NameChange("flow.py:fit", "x", "f", "g"),
        NameChange("flow.py:fit", "y", "g", "f"),
    )


def test_code_whose_closure_was_not_kept_is_still_a_change() -> None:
    found = explain(Parts("unknown"), Parts("a"), CLOSURES.get, ref="pkg.flow:fit")
    assert reason(found) == "changed: its own code (pkg/flow.py)"


def test_parameters_inputs_packages_and_options_are_told_apart() -> None:
    old = Parts(
        "a",
        inputs={"depth": "d1", "rows": "r1", "gone": "g"},
        shown={"depth": "6", "rows": "clean.train", "gone": "1"},
        distributions={"numpy": "2.3"},
        options={"version": "1"},
    )
    new = Parts(
        "a",
        inputs={"depth": "d2", "rows": "r2", "more": "m"},
        shown={"depth": "8", "rows": "clean.train", "more": "None"},
        distributions={"numpy": "2.4"},
        options={"version": "2", "class flow:Model": "x"},
    )
    assert changes(old, new) == (
        ParameterChange("depth", "6", "8"),
        ParameterChange("gone", "1", ""),
        ParameterChange("more", "", "None"),
        InputChange("rows", "clean.train", "r1", "r2"),
        PackageChange("numpy", "2.3", "2.4"),
        OptionChange("class flow:Model", "", "x"),
        OptionChange("version", "1", "2"),
    )
    assert reason(explain(old, new, CLOSURES.get)) == "changed: parameter 'depth' 6 → 8 and 6 more"


def test_nothing_changed_is_no_reason() -> None:
    assert reason(explain(Parts("a"), Parts("a"), CLOSURES.get)) == ""


@pytest.mark.parametrize("text", ["load", "load.result", "sub/fit-2.train", "load.result[0].x"])
def test_the_output_of_a_step_is_a_wire(text: str) -> None:
    assert is_wire(text)


@pytest.mark.parametrize(
    "text", ["6", "'load'", "None", "True", "[1, 2]", "PosixPath('a')", "-1.5"]
)
def test_the_repr_of_a_value_is_no_wire(text: str) -> None:
    assert not is_wire(text)
