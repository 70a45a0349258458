"""Graphs that nobody would write: printed and read, they are what they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from penstock.core.graph import (
    Access,
    CachePolicy,
    Each,
    Expr,
    FirstOf,
    Graph,
    GraphNode,
    Input,
    Literal,
    Node,
    Output,
    OutputRef,
    Param,
    ParamRef,
    Retry,
    SecretRef,
    StepNode,
)
from penstock.spec.difference import difference
from penstock.spec.parser import built
from penstock.spec.printer import print_graph
from penstock.spec.reader import Spec, read_spec
from penstock.spec.record import pack
from penstock.spec.schema import schema
from penstock.spec.tree import Mapping, Scalar, Sequence, Tree, read_tree

Draw = Any
CALM: Any = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
IDS = st.one_of(
    st.sampled_from(["load", "fit", "fit-2", "größe", "not", "a_b", "yes", "1", "-x"]),
    st.text(
        st.characters(exclude_categories=("C", "Z"), exclude_characters="/[].`"), min_size=1, max_size=6
    ),
)  # fmt: skip
WORDS = st.text("abcxyz", min_size=1, max_size=4)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip
ACCESS = st.one_of(
    WORDS.map(lambda name: Access("attribute", name)),
    st.one_of(st.text(max_size=4), st.integers()).map(lambda name: Access("item", name)),
)


@st.composite
def inputs(draw: Draw, steps: tuple[str, ...], params: tuple[str, ...]) -> Input:
    kinds = ["literal", "secret", "list", "dict"]
    kinds += ["output", "either", "compared"] if steps else []
    kinds += ["param"] if params else []
    match draw(st.sampled_from(kinds)):
        case "output":
            path = tuple(draw(st.lists(ACCESS, max_size=2)))
            return OutputRef(draw(st.sampled_from(steps)), "", path)
        case "either":
            return FirstOf((OutputRef(draw(st.sampled_from(steps))), Literal(draw(PLAIN), "")))
        case "compared":
            first = OutputRef(draw(st.sampled_from(steps)))
            return Expr(
                draw(st.sampled_from(["gt", "eq", "sub"])), (first, Literal(draw(PLAIN), ""))
            )
        case "param":
            return ParamRef(draw(st.sampled_from(params)))
        case "secret":
            return SecretRef("env", draw(WORDS))
        case "list":
            items = draw(st.lists(inputs(steps, params), max_size=3))
            return built("list", items)
        case "dict":
            found = draw(st.dictionaries(st.text(max_size=4), inputs(steps, params), max_size=3))
            return built("dict", list(found.values()), tuple(found))
    return Literal(draw(PLAIN), "")


def conditions(steps: tuple[str, ...]) -> st.SearchStrategy[Input | None]:
    plain: list[Input | None] = [None, Literal(True, ""), Literal(False, "")]
    outputs = [OutputRef(step) for step in steps]
    compared = [Expr("gt", (output, Literal(0.9, ""))) for output in outputs]
    return st.sampled_from([*plain, *outputs, *compared])


@st.composite
def nodes(draw: Draw, id: str, steps: tuple[str, ...], params: tuple[str, ...], deep: int) -> Node:
    given = draw(st.dictionaries(IDS, inputs(steps, params), max_size=3))
    fanned = draw(st.dictionaries(IDS, st.lists(PLAIN, max_size=3), max_size=2))
    fanned = {name: Literal(values, "") for name, values in fanned.items() if name not in given}
    names = tuple(fanned)
    cut = draw(st.integers(0, len(names)))
    each = Each(names[:cut], names[cut:], draw(st.booleans())) if names else None
    common: dict[str, Any] = {
        "id": id,
        "inputs": {**given, **fanned},
        "each": each,
        "when": draw(conditions(steps)),
        "after": tuple(draw(st.lists(st.sampled_from(steps), max_size=2, unique=True))) if steps else (),
    }  # fmt: skip
    if deep and draw(st.booleans()):
        return GraphNode(graph=draw(graphs(tuple(common["inputs"]), deep - 1)), **common)
    return StepNode(
        ref=f"{draw(WORDS)}:{draw(WORDS)}",
        code="",
        retry=draw(st.one_of(st.just(Retry()), st.builds(Retry, st.integers(1, 9), st.floats(0.5, 9), st.just(2.0), st.lists(WORDS, max_size=2).map(tuple)))),
        timeout=draw(st.one_of(st.none(), st.floats(0.001, 1e7), st.integers(1, 10**6).map(float))),
        cache=draw(st.one_of(
            st.just(CachePolicy()), st.builds(CachePolicy, st.booleans()),
            st.builds(CachePolicy, st.none(), st.floats(1, 1e6), st.lists(WORDS, max_size=2).map(tuple), st.text(max_size=5), st.sampled_from(["", "code"]), st.booleans(), st.booleans()),
        )),
        resources=draw(st.dictionaries(st.text(max_size=4), PLAIN, max_size=2)),
        env=draw(PLAIN),
        executor=draw(st.sampled_from(["", "processes"])),
        outputs=draw(st.sampled_from([(Output("result"),), (Output("", "", "json"),), (Output("a", "", "json"), Output("b", "", "x"))])),
        **common,
    )  # fmt: skip


@st.composite
def graphs(draw: Draw, params: tuple[str, ...] | None = None, deep: int = 2) -> Graph:
    steps = tuple(draw(st.lists(IDS, max_size=4, unique=True)))
    top: dict[str, Any] = {}
    if params is None:
        free = draw(st.dictionaries(IDS, st.one_of(st.none(), inputs((), ())), max_size=3))
        fixed = {
            k: v
            for k, v in draw(st.dictionaries(IDS, inputs((), ()), max_size=2)).items()
            if k not in free
        }
        top["params"] = (
            *(Param(name=name, required=value is None) for name, value in free.items()),
            *(Param(name=name, structural=True) for name in fixed),
        )
        top["arguments"] = {k: v for k, v in {**free, **fixed}.items() if v is not None}
        params = tuple(free)
    return Graph(
        name=draw(st.text(min_size=1, max_size=8)),
        ref=draw(st.sampled_from(["", "a.b:c"])),
        nodes=tuple(draw(nodes(id, steps, params, deep)) for id in steps),
        outputs=draw(inputs(steps, params)),
        **top,
    )


def as_json(tree: Tree) -> Any:
    match tree:
        case Scalar(value):
            return value
        case Sequence(items):
            return [as_json(item) for item in items]
        case Mapping(items):
            return {str(key.value): as_json(item) for key, item in items}


VALIDATOR = Draft202012Validator(schema())


@settings(max_examples=60, **CALM)
@given(graphs())
def test_what_is_printed_is_read_as_it_was(graph: Graph) -> None:
    text = print_graph(graph)
    read = read_spec(text, "p.yaml").graph
    assert pack(read) == pack(graph)
    assert print_graph(read) == text
    assert difference(read, graph) == []


@settings(max_examples=12, **CALM)
@given(graphs())
def test_the_schema_accepts_whatever_is_printed(graph: Graph) -> None:
    VALIDATOR.validate(as_json(read_tree(print_graph(graph), "p.yaml")))


OTHER = Literal("what no graph holds", "")
OPPOSITE = {"added": "removed", "removed": "added", "changed": "changed"}
Edit = tuple[Graph, tuple[str, ...], str]


def edits(graph: Graph, path: tuple[str, ...] = ()) -> Iterator[Edit]:
    """Each way to change one thing, and how the difference is to name it."""
    yield replace(graph, outputs=OTHER), (*path, "returns"), "changed"
    for at, node in enumerate(graph.nodes):
        here = (*path, "steps", node.id)
        before, after = graph.nodes[:at], graph.nodes[at + 1 :]
        yield replace(graph, nodes=(*before, *after)), here, "removed"
        for changed, where, kind in edits_of(node):
            yield replace(graph, nodes=(*before, changed, *after)), (*here, *where), kind


def edits_of(node: Node) -> Iterator[tuple[Node, tuple[str, ...], str]]:
    each = node.each or Each()
    for name in node.inputs:
        part = "each" if name in each.zipped else "cross" if name in each.crossed else "inputs"
        yield replace(node, inputs={**node.inputs, name: OTHER}), (part, name), "changed"
    yield (
        replace(node, inputs={**node.inputs, "a new one": OTHER}),
        ("inputs", "a new one"),
        "added",
    )
    match node:
        case StepNode():
            yield replace(node, ref="other:one"), ("step",), "changed"
            kind = "changed" if node.retry.times else "added"
            yield replace(node, retry=Retry(77)), ("settings", "retries"), kind
        case GraphNode(graph=inner):
            for changed, path, kind in edits(inner):
                yield replace(node, graph=changed), path, kind


@settings(max_examples=25, **CALM)
@given(graphs())
def test_what_was_changed_is_what_differs(graph: Graph) -> None:
    renamed = replace(graph, name=f"{graph.name}x"), ("pipeline",), "changed"
    for other, path, kind in (renamed, *edits(graph)):
        there = [(one.path, one.kind) for one in difference(graph, other)]
        back = [(one.path, one.kind) for one in difference(other, graph)]
        assert (there, back) == ([(path, kind)], [(path, OPPOSITE[kind])])


def test_no_place_is_lost() -> None:
    spec: Spec = read_spec(
        "penstock: 1\nsteps:\n  a:\n    step: a:b\n    inputs:\n      x: 1\n", "p.yaml"
    )
    assert str(spec.place("steps", "a", "inputs", "x")) == "p.yaml:6"
    assert str(spec.place("steps", "a", "inputs", "y")) == "p.yaml:5"
