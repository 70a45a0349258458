"""A pipeline for a notebook: what it takes, and its graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from penstock.core.graph import Graph, Param
from penstock.views.diagram import diagram
from penstock.views.forms.parts import (
    Html,
    beside,
    code,
    facts,
    fold,
    form,
    heading,
    html,
    pre,
    soft,
    table,
    tag,
)
from penstock.views.svg import svg
from penstock.views.words import cut


def pipeline_form(
    name: str,
    doc: str,
    where: str,
    params: Sequence[Param],
    graph: Graph | None,
    *,
    given: Mapping[str, str] | None = None,
    problem: str = "",
) -> str:
    """`given` are the parameters that are bound. Without a graph, `problem` says why there is none."""
    return form(
        heading(name, soft("pipeline"), soft(where)),
        summary(doc),
        beside(
            svg(diagram(graph), f"the graph of {name}") if graph is not None else Html(""),
            _params(params, given or {}),
        ),
        tag("p", soft(problem)) if problem else Html(""),
    )


def summary(doc: str) -> Html:
    """The first paragraph of a docstring."""
    first = " ".join(doc.strip().partition("\n\n")[0].split())
    return tag("p", first) if first else Html("")


def _params(params: Sequence[Param], given: Mapping[str, str]) -> Html:
    rows = []
    for one in params:
        value = given.get(one.name, soft("required") if one.required else shown(one.default))
        rows.append((code(one.name), soft(one.type), value))
    return table(("parameter", "", ""), rows) if rows else Html("")


def shown(value: object) -> Html:
    """A default, as code has it."""
    return code(cut(repr(value), 80))


def step_form(
    name: str, doc: str, where: str, signature: str, settings: Mapping[str, object], source: str
) -> str:
    """A step as it is defined."""
    return form(
        heading(name, soft("step"), soft(where)),
        tag("p", code(f"{name}{signature}")),
        summary(doc),
        facts({key: html(value) for key, value in settings.items()}),
        fold("source", pre(source)),
    )
