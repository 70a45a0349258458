"""Graphs as drawings: where boxes stand, and how many there are."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from tests.views.played import nested, node

from penstock.core.graph import Expr, Graph, Literal, Node, OutputRef, StepNode
from penstock.views.diagram import MOST, Mark, diagram
from penstock.views.forms.parts import form
from penstock.views.layout import Layout, Placed, layout
from penstock.views.svg import svg


def uses(id: str, *sources: str, kind: str = "") -> StepNode:
    inputs = {f"x{n}": OutputRef(name) for n, name in enumerate(sources)}
    return StepNode(id=id, ref=f"flow:{kind or id}", code="", inputs=inputs)


def graph(*nodes: Node, returns: str = "") -> Graph:
    outputs = OutputRef(returns) if returns else Literal(None, "")
    return Graph(name="flow", nodes=nodes, outputs=outputs)


def labels(found: Layout) -> list[list[str]]:
    """From top to bottom, from left to right."""
    layers: dict[float, list[Placed]] = {}
    for one in found.boxes:
        layers.setdefault(one.y, []).append(one)
    return [
        [one.box.label for one in sorted(layers[y], key=lambda one: one.x)] for y in sorted(layers)
    ]


def overlap(one: Placed, other: Placed) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def test_steps_stand_below_what_they_need_and_their_result_last() -> None:
    drawn = diagram(graph(uses("a"), uses("b"), uses("c", "a", "b"), uses("d", "c"), returns="d"))
    assert labels(layout(drawn)) == [["a", "b"], ["c"], ["d"], ["result"]]


def test_a_nested_pipeline_has_its_steps_inside() -> None:
    drawn = diagram(graph(uses("a"), nested("sub", uses("x"), uses("y", "x"))))
    found = layout(drawn)
    sub = next(one for one in found.boxes if one.box.id == "sub")
    assert sub.inner is not None
    assert labels(sub.inner) == [["x"], ["y"]]
    assert sub.width > sub.inner.width
    assert sub.height > sub.inner.height


@pytest.mark.parametrize("seed", range(20))
def test_no_two_boxes_overlap_and_every_arrow_goes_down(seed: int) -> None:
    chance = random.Random(seed)
    nodes = [uses("s0")]
    for n in range(1, 40):
        before = [one.id for one in nodes]
        nodes.append(uses(f"s{n}", *chance.sample(before, min(len(before), chance.randint(0, 3)))))
    found = layout(diagram(graph(*nodes)))
    boxes = found.boxes
    assert len(boxes) == 40
    assert not [
        (a.box.id, b.box.id) for n, a in enumerate(boxes) for b in boxes[:n] if overlap(a, b)
    ]
    assert len(found.lines) == sum(len(node.inputs) for node in nodes)
    for line in found.lines:
        assert all(upper[1] <= lower[1] for upper, lower in pairwise(line.points))
    assert all(one.x >= 0 and one.x + one.width <= found.width + 0.1 for one in boxes)


def test_many_steps_that_are_alike_are_one_box() -> None:
    fits = [uses(f"fit-{n}", "load", kind="fit") for n in range(2, 102)]
    scores = [uses(f"score-{n}", f"fit-{n}", kind="score") for n in range(2, 102)]
    best = uses("best", *(one.id for one in scores))
    marks = {one.id: Mark("done" if n else "failed") for n, one in enumerate(fits)}
    drawn = diagram(graph(uses("load"), *fits, *scores, best), marks)
    assert labels(layout(drawn)) == [["load"], ["fit × 100"], ["score × 100"], ["best"]]
    box = drawn.boxes[1]
    assert (box.status, box.note) == ("failed", "1 failed, 99 done")


@pytest.mark.parametrize("shape", ["chain", "loop", "wide", "all different"])
def test_a_graph_of_1000_steps_is_still_a_picture(shape: str) -> None:
    match shape:
        case "chain":
            nodes = [uses(f"s{n}", *([f"s{n - 1}"] if n else []), kind="s") for n in range(1000)]
        case "loop":
            nodes = [
                uses(f"s{n}", *([f"s{n - 1}"] if n else []), kind=f"k{n % 3}") for n in range(1000)
            ]
        case "wide":
            nodes = [uses(f"s{n}", kind="s") for n in range(999)]
            nodes.append(uses("last", *(one.id for one in nodes)))
        case _:
            nodes = [uses(f"s{n}", *([f"s{n // 2}"] if n else [])) for n in range(1000)]
    drawn = diagram(graph(*nodes))
    assert drawn.size <= MOST + 1
    assert len(svg(drawn, "it")) < 100_000
    if shape == "all different":
        assert drawn.boxes[-1].label == "… and 920 more"


def test_guards_are_dashed_and_named_maps_are_stacked_and_order_is_dotted() -> None:
    guard = Expr("gt", (OutputRef("score"), Literal(0.5, "")))
    deploy = StepNode(
        id="deploy", ref="flow:deploy", code="", when=guard, inputs={"x": OutputRef("score")}
    )
    told = StepNode(id="tell", ref="flow:tell", code="", after=("deploy",))
    text = svg(diagram(graph(uses("score"), node("fit", mapped=True), deploy, told)), "it")
    assert text.count('class="edge dashed"') == 1
    assert text.count('class="edge order"') == 1
    assert text.count('class="box plain dashed"') == 1
    assert "when score &gt; 0.5" in text
    assert "for each x" in text


def test_names_are_only_names_in_a_drawing() -> None:
    bad = "</title></svg><script>alert(1)</script>"
    text = form(svg(diagram(graph(uses(bad)), {bad: Mark("done", bad, bad)}), bad))
    assert "<script" not in text
    assert text.count("</svg>") == 1
