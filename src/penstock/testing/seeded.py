"""Plain calls that draw what a run draws: `with seeded(7): training(path)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from penstock.api import seam
from penstock.core.graph import Graph, GraphNode, StepNode
from penstock.core.naming import module_name
from penstock.core.seed import call_seed
from penstock.define.callee import Callee
from penstock.define.markers import Each
from penstock.define.pipeline import Composed
from penstock.define.settings import Settings
from penstock.define.site import Site, active
from penstock.define.step import Step
from penstock.define.trace import Environment, trace
from penstock.perform import seeds


@contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """In this block each step that is called plainly draws as in a run of this seed.

    That holds for `random`, NumPy and torch; afterwards their states are as before.
    """
    with seeds.Preserved():
        token = active.set(_Rehearsal(seed, seam.session(reading=True).environment(), None, ""))
        try:
            yield
        finally:
            active.reset(token)


class _Rehearsal:
    """Calls steps plainly, each with the seed that its node would have."""

    def __init__(
        self,
        seed: int,
        environment: Environment,
        nodes: Mapping[str, StepNode] | None,
        prefix: str,
    ) -> None:
        self._seed = seed
        self._environment = environment
        self._nodes = nodes
        """Of the pipeline that is rehearsed, by full id; None outside of one."""
        self._prefix = prefix
        self._names: set[str] = set()

    def step(self, site: Site, settings: Settings) -> Any:
        id = self._id(site.use.name or site.name)
        node = (self._nodes or {}).get(self._prefix + id)
        used: Step[Any, Any] = Step(site.callee, site.name, settings, site.use)
        call = used.attempt if site.collect else used.plainly
        if not site.mapped:
            return self._drawing(site.callee, node, (), lambda: call(site.args, site.kwargs))
        results = []
        every: dict[Any, Any] = {**dict(enumerate(site.args)), **site.kwargs}
        fanned = [name for name, value in every.items() if isinstance(value, Each)]
        crossed = [name for name in fanned if every[name].crossed]
        # In the order in which a map tells the seed of its items.
        order = [*reversed(crossed), *(name for name in fanned if name not in crossed)]
        for args, kwargs in used.spread(site.args, site.kwargs):
            values: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
            items = tuple(self._environment.digest_value(values[name]) for name in order)
            results.append(self._drawing(site.callee, node, items, partial(call, args, kwargs)))
        return results

    def graph(self, site: Site) -> Any:
        id = self._id(site.use.name or site.name)
        used: Composed[Any, Any] = Composed(site.callee, site.name, site.use)
        call = used.attempt if site.collect else used.plainly
        calls = used.spread(site.args, site.kwargs) if site.mapped else [(site.args, site.kwargs)]
        results = []
        for args, kwargs in calls:
            nodes, prefix = self._nodes, f"{self._prefix}{id}/"
            if nodes is None:
                # Outside of a pipeline: this one is traced, to learn which of its calls are equal.
                definition = trace(used, args, kwargs, self._environment)
                nodes, prefix = dict(_steps(definition.graph, "")), ""
            token = active.set(_Rehearsal(self._seed, self._environment, nodes, prefix))
            try:
                results.append(call(args, kwargs))
            finally:
                active.reset(token)
        return results if site.mapped else results[0]

    def _drawing(
        self, callee: Callee, node: StepNode | None, items: tuple[str, ...], call: Any
    ) -> Any:
        root = self._environment.root
        ref = node.ref if node else f"{module_name(callee.module, root)}:{callee.qualname}"
        occurrence = node.occurrence if node else 0
        token = active.set(None)
        seeds.begin(call_seed(self._seed, ref, items, occurrence))
        try:
            return call()
        finally:
            seeds.end()
            active.reset(token)

    def _id(self, name: str) -> str:
        id, count = name, 2
        while id in self._names:
            id, count = f"{name}-{count}", count + 1
        self._names.add(id)
        return id


def _steps(graph: Graph, prefix: str) -> Iterator[tuple[str, StepNode]]:
    for node in graph.nodes:
        if isinstance(node, GraphNode):
            yield from _steps(node.graph, f"{prefix}{node.id}/")
        else:
            yield prefix + node.id, node
