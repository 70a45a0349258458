"""The board: what is known of a run from its events, nested as its pipelines are.

Each event costs a few dictionary operations, whatever the number of steps: a run of many thousand
reused steps is not slowed down by being watched.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from penstock.core.events import (
    Event,
    Note,
    Progress,
    RunEnded,
    RunStarted,
    StepChanged,
    StepsPlanned,
    TextsFound,
)
from penstock.core.graph import Graph, GraphNode, StepNode
from penstock.core.records import FINAL, RunRecord, Status, StepRecord

RECENT = 100
"""Steps that ended last, remembered for a view that cannot show all."""
PARTIAL = ("until", "start", "only")
"""Options of a run that leave out steps of the graph."""


@dataclass(slots=True, eq=False)
class Branch:
    """A pipeline inside the pipeline: sums over its steps."""

    name: str
    depth: int
    order: int
    fanned: bool = False
    """It runs once for each item of a list, or stands inside one that does."""
    inner: dict[str, Branch | Leaf] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Calls that have ended, by status."""
    running: int = 0
    planned: int = 0
    """Calls that are known to come, of one that runs for each item."""
    left: int = 0
    """Steps that have not ended."""
    started: int = 0
    ended: int = 0

    def status(self, *, over: bool) -> Status:
        known = sum(self.counts.values())
        going = self.left > 0 if not self.fanned else not known or known < self.planned
        if self.running or (going and known and not over):
            return "running"
        if going and not over:
            return "pending"
        return _together(self.counts)


@dataclass(slots=True, eq=False)
class Leaf:
    """A step; of a map or within one, the sums over its items."""

    id: str
    order: int
    within: tuple[Branch, ...]
    """The pipelines that it stands in, outermost first."""
    record: StepRecord | None = None
    """Of the step as a whole."""
    retries: int = 0
    total: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    """Items that have ended, by status."""
    ended: dict[str, Status] = field(default_factory=dict)
    """How each of them did, by index."""
    active: dict[str, StepRecord] = field(default_factory=dict)
    """Calls that run now, by index."""
    progress: dict[str, Progress] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    """Calls that failed and will be made again, by index."""
    error: StepRecord | None = None
    """The first item that failed."""

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    def status(self, *, over: bool) -> Status:
        if self.record is not None and (self.record.total is not None or not self.counts):
            return self.record.status
        around = self.within[-1]
        over = over or (around.fanned and around.status(over=False) in FINAL)
        if self.active or (self.counts and not over):
            return "running"
        return _together(self.counts) if self.counts else "pending"


def _together(counts: Counter[str]) -> Status:
    """What many calls came to."""
    statuses: tuple[Status, ...] = ("failed", "crashed", "rejected", "cancelled", "done", "reused")
    for status in statuses:
        if counts[status]:
            return status
    return "skipped" if counts["skipped"] else "pending"


class Board:
    """A run's steps as a tree, kept up to date by `take`."""

    def __init__(self) -> None:
        self.run: RunRecord | None = None
        self.ended: RunEnded | None = None
        self.root = Branch("", -1, 0)
        self.leaves: dict[str, Leaf] = {}
        self.failed: list[Leaf] = []
        self.recent: deque[Leaf] = deque(maxlen=RECENT)
        """Executed ones that ended last, the newest at the end."""
        self.recalled: deque[Leaf] = deque(maxlen=RECENT)
        """Reused and skipped ones."""
        self.going: dict[str, Leaf] = {}
        self.size = 0
        """Lines that all of it would take."""
        self._branches: dict[str, Branch] = {"": self.root}

    @property
    def over(self) -> bool:
        return self.ended is not None

    @property
    def counts(self) -> Counter[str]:
        """Calls that have ended, by status."""
        return self.root.counts

    @property
    def running(self) -> int:
        return self.root.running

    @property
    def left(self) -> int:
        """Calls that are known to come and have not begun."""
        return max(self.root.planned - self.root.running - sum(self.root.counts.values()), 0)

    def take(self, event: Event) -> None:
        match event:
            case StepChanged(step=step):
                self._changed(step)
            case Progress(node=node, index=index):
                if (leaf := self.leaves.get(node)) is not None and index in leaf.active:
                    leaf.progress[index] = event
            case StepsPlanned(node=node, total=total):
                self.root.planned += total
                if node in self._branches and node:
                    self._branches[node].planned += total
                elif node:
                    leaf = self._leaf(node)
                    leaf.total = (leaf.total or 0) + total
                    for branch in leaf.within:
                        branch.planned += total if branch.fanned else 0
            case RunStarted(run=run):
                self.run = run
            case TextsFound(texts=texts) if self.run is not None and self.run.graph in texts:
                self._expect(texts[self.run.graph])
            case Note(node=node, wait=wait) if wait is not None:
                name, _, index = node.removesuffix("]").partition("[")
                if name in self.leaves:
                    self.leaves[name].waiting.add(index)
            case RunEnded():
                self.ended = event
            case _:
                return

    # ---- steps to come

    def _expect(self, text: str) -> None:
        """Know the steps before they begin, in their order."""
        assert self.run is not None
        graph = msgspec.json.decode(text, type=Graph)
        partial = any(self.run.options.get(name) for name in PARTIAL)
        if partial:
            # Which of them are left out is not known: they are shown as they come.
            self._known(graph, "", lazily=True)
        else:
            self._known(graph, "")

    def _known(self, graph: Graph, prefix: str, *, lazily: bool = False) -> None:
        for node in graph.nodes:
            id = prefix + node.id
            match node:
                case GraphNode(graph=inner, each=each):
                    self._branch(id).fanned |= each is not None
                    self._known(inner, id + "/", lazily=lazily)
                case StepNode(retry=retry) if not lazily or retry.times:
                    self._leaf(id).retries = retry.times
                case _:
                    continue

    def _branch(self, id: str) -> Branch:
        branch = self._branches.get(id)
        if branch is None:
            before, _, name = id.rpartition("/")
            outer = self._branch(before)
            order = len(self._branches) + len(self.leaves)
            branch = Branch(name, outer.depth + 1, order, outer.fanned)
            self._branches[id] = outer.inner[name] = branch
            self.size += 1
        return branch

    def _leaf(self, id: str) -> Leaf:
        leaf = self.leaves.get(id)
        if leaf is None:
            before, _, name = id.rpartition("/")
            within = [self.root]
            for n, letter in enumerate(id):
                if letter == "/":
                    within.append(self._branch(id[:n]))
            order = len(self._branches) + len(self.leaves)
            leaf = self.leaves[id] = Leaf(id, order, tuple(within))
            self._branch(before).inner[name] = leaf
            self.size += 1
            for branch in within:
                branch.left += 1
        return leaf

    # ---- steps that change

    def _changed(self, step: StepRecord) -> None:
        leaf = self._leaf(step.node)
        if not step.index:
            before = leaf.record
            leaf.record = step
            if before is not None and before.status in FINAL:
                self._open(leaf, before)
            if step.status in FINAL:
                for branch in leaf.within:
                    branch.left -= 1
                self.going.pop(leaf.id, None)
                self._closed(leaf, step)
            if step.total is not None:
                leaf.total = step.total if leaf.total is None else leaf.total
                if step.status == "running":
                    self.going[leaf.id] = leaf
                return
        elif step.total is not None:
            # One of the maps of a step that stands in a mapped pipeline: its items count.
            return
        self._call(leaf, step)

    def _open(self, leaf: Leaf, before: StepRecord) -> None:
        """A step that had ended is made again: its output was lost."""
        for branch in leaf.within:
            branch.left += 1
            if before.total is None:
                branch.counts[before.status] -= 1

    def _call(self, leaf: Leaf, step: StepRecord) -> None:
        was = leaf.active.pop(step.index, None) is not None
        final = step.status in FINAL
        if step.status == "running":
            leaf.active[step.index] = step
            self.going[leaf.id] = leaf
        elif not leaf.active and (leaf.record is None or leaf.record.status != "running"):
            self.going.pop(leaf.id, None)
        leaf.progress.pop(step.index, None)
        leaf.waiting.discard(step.index)
        # An item that had ended is made again: its output was lost.
        before = leaf.ended.pop(step.index, None)
        change = (step.status == "running") - was
        for branch in leaf.within:
            branch.running += change
            if before is not None:
                branch.counts[before] -= 1
            if final:
                branch.counts[step.status] += 1
                branch.ended = max(branch.ended, step.ended)
            if step.started and step.status != "reused":
                branch.started = min(branch.started or step.started, step.started)
        if before is not None:
            leaf.counts[before] -= 1
        if final and step.index:
            leaf.ended[step.index] = step.status
            leaf.counts[step.status] += 1
            if leaf.record is None and not leaf.active:
                self.recent.append(leaf)
            if step.status == "failed" and leaf.error is None:
                leaf.error = step
                self.failed.append(leaf)

    def _closed(self, leaf: Leaf, step: StepRecord) -> None:
        if step.status == "failed":
            if leaf.error is None:
                self.failed.append(leaf)
        elif step.status in ("reused", "skipped", "cancelled"):
            self.recalled.append(leaf)
        else:
            self.recent.append(leaf)


def inside(branch: Branch) -> Iterator[Branch | Leaf]:
    """All of it, each pipeline before what it holds."""
    for one in branch.inner.values():
        yield one
        if isinstance(one, Branch):
            yield from inside(one)
