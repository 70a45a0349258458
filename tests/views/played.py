"""Runs played to a view: the events that the engine would tell it."""

from __future__ import annotations

from penstock.core.digest import digest_bytes
from penstock.core.events import (
    Event,
    Progress,
    RunEnded,
    RunStarted,
    StepChanged,
    StepsPlanned,
    TextsFound,
)
from penstock.core.graph import Each, Graph, GraphNode, Literal, Node, Retry, StepNode
from penstock.core.records import RunRecord, Status, StepRecord, now
from penstock.core.tame import as_json


def node(id: str, *, mapped: bool = False, retries: int = 0) -> StepNode:
    each = Each(zipped=("x",)) if mapped else None
    return StepNode(id=id, ref=f"flow:{id}", code="", each=each, retry=Retry(retries))


def nested(id: str, *nodes: Node, mapped: bool = False) -> GraphNode:
    inner = Graph(name=id, nodes=nodes, outputs=Literal(None, ""))
    return GraphNode(id=id, graph=inner, each=Each(zipped=("x",)) if mapped else None)


def began(*nodes: Node, started: int = 0, **options: object) -> list[Event]:
    text = as_json(Graph(name="training", nodes=nodes, outputs=Literal(None, "")))
    digest = digest_bytes(text.encode())
    run = RunRecord(
        id="6abc",
        project="p",
        pipeline="training",
        graph=digest,
        started=started or now(),
        options=dict(options),
    )
    single = sum(isinstance(one, StepNode) and one.each is None for one in nodes)
    return [RunStarted(run), StepsPlanned("", single), TextsFound({digest: text})]


def step(
    name: str, status: Status, *, seconds: float = 1.0, ago: float = 0.0, **more: object
) -> StepChanged:
    """`fit`, or an item `fit[3]`; it began so many seconds `ago`, or ended after so many `seconds`."""
    id, _, index = name.removesuffix("]").partition("[")
    start = now() - int(ago * 1e6)
    ended = 0 if status == "running" else start + int(seconds * 1e6)
    record = StepRecord(
        run="6abc", node=id, index=index, status=status, started=start, ended=ended, **more  # type: ignore[arg-type]  # fields of a record
    )  # fmt: skip
    return StepChanged(record)


def planned(node: str, total: int) -> StepsPlanned:
    return StepsPlanned(node, total)


def says(name: str, done: float, total: float | None = None, message: str = "") -> Progress:
    id, _, index = name.removesuffix("]").partition("[")
    return Progress(id, index, done, total, message)


def over(status: Status = "done", *, after: float = 2.0, began: int = 0) -> RunEnded:
    return RunEnded("6abc", status, (began or now()) + int(after * 1e6))
