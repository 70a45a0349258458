"""Settings of steps from outside the code, put into a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from penstock.config.settings import configure
from penstock.core.graph import (
    CachePolicy,
    Definition,
    Function,
    Graph,
    GraphNode,
    Literal,
    Retry,
    StepNode,
)
from penstock.errors import UsageError


def digest(value: object) -> str:
    return f"digest of {value!r}"


def fit(rows: int, depth: int = 6) -> int:
    return rows * depth


FUNCTION = Function(fit, lambda: None, lambda: None, {"rows": int, "depth": int})  # type: ignore[arg-type, return-value]  # not asked here
NODE = StepNode(
    id="fit",
    ref="flow:fit",
    code="c",
    role="trainer",
    inputs={"rows": Literal(1, "d"), "depth": Literal(6, "d6")},
    defaulted=("depth",),
    retry=Retry(1, delay=5.0),
    source_line="flow.py:9",
)
INNER = Graph(name="sub", nodes=(NODE,), outputs=Literal(None, ""))
DEFINITION = Definition(
    Graph(
        name="p",
        nodes=(NODE, GraphNode(id="sub", graph=INNER)),
        outputs=Literal(None, ""),
    ),
    {"fit": FUNCTION, "sub/fit": FUNCTION},
)


def nodes(settings: Mapping[str, Any]) -> tuple[StepNode, StepNode]:
    """The step `fit` and the nested `sub/fit`."""
    outer, nested = configure(DEFINITION, settings, digest).graph.nodes
    assert isinstance(outer, StepNode)
    assert isinstance(nested, GraphNode)
    inner = nested.graph.nodes[0]
    assert isinstance(inner, StepNode)
    return outer, inner


def test_options_of_one_step_are_set_and_the_others_stay() -> None:
    outer, inner = nodes(
        {
            "fit.retries": "3",
            "fit.timeout": "10m",
            "fit.cache": "no",
            "fit.resources": {"cpu": 4},
            "fit.executor": "processes",
        }
    )
    assert outer.retry == Retry(3, delay=5.0)
    assert outer.timeout == 600
    assert outer.cache == CachePolicy(enabled=False)
    assert outer.resources == {"cpu": 4}
    assert outer.executor == "processes"
    assert inner == NODE


def test_a_nested_step_is_set_by_its_full_name() -> None:
    outer, inner = nodes({"sub/fit.retries": 2})
    assert (outer, inner.retry.times) == (NODE, 2)


def test_a_step_goes_before_its_role() -> None:
    outer, inner = nodes({"@trainer.timeout": "1h", "fit.timeout": 5})
    assert (outer.timeout, inner.timeout) == (5, 3600)


def test_an_argument_left_to_its_default_is_set_by_its_annotation() -> None:
    outer, _ = nodes({"fit.depth": "8"})
    assert outer.inputs["depth"] == Literal(8, "digest of 8")


@pytest.mark.parametrize(
    ("name", "value", "message", "hint"),
    [
        ("fit.rows", 3, "'fit.rows' is bound in code (flow.py:9)", "parameter of the pipeline"),
        ("fit.dpeth", 3, "'fit' has no setting or argument 'dpeth'", "'depth'"),
        ("fti.depth", 3, "no step 'fti', which 'fti.depth' sets", "'fit'"),
        ("fit", 3, "'fit' names no setting of the step", "fit.retries"),
        ("fit.depth", "x", "'fit.depth': expected a whole number, got 'x'", ""),
        ("fit.retries", "often", "'fit.retries': expected a whole number", ""),
    ],
)
def test_what_cannot_be_set_is_refused(name: str, value: object, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        configure(DEFINITION, {name: value}, digest)
    assert message in caught.value.message
    assert hint in caught.value.hint
