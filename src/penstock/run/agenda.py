"""The agenda: which steps can be done next. Knows who waits for whom, and feeds maps item by item."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import Struct, field

from penstock.core.events import StepsPlanned
from penstock.core.records import now
from penstock.run.flatten import Flat, GroupTemplate, Template
from penstock.run.products import Absent, Grouped, Mapped, Single, Value
from penstock.run.scribe import Scribe
from penstock.run.tasks import Group, Map, Task
from penstock.run.values import Values


class Agenda(Struct):
    """`ready` holds what may be considered now; a value that becomes known makes others ready."""

    flat: Flat
    values: Values
    scribe: Scribe
    ready: deque[Task | Map | Group] = field(default_factory=deque)
    maps: deque[Map | Group] = field(default_factory=deque)
    """Open ones with items still to be made."""
    mapped: dict[tuple[str, str], Map] = field(default_factory=dict)
    """Maps that are recorded as running."""
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many others each instance still waits for."""
    followers: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for template in self.flat.templates.values():
            for need in template.needs | template.after:
                if self.flat.templates[need].group == template.group:
                    self.followers.setdefault(need, []).append(template.id)

    def begin(self, ids: Iterable[str], index: str) -> None:
        """Make instances of these steps: of the graph, or of one item of a group."""
        chosen = list(ids)
        inside = set(chosen)
        for id in chosen:
            template = self.flat.templates[id]
            needs = template.needs | template.after
            self.waiting[id, index] = sum(need in inside for need in needs)
        for id in chosen:
            if self.waiting[id, index] == 0:
                self._ready(self.flat.templates[id], index)

    def complete(self, template: Template, index: str, value: Value) -> None:
        """A step, map or group has its value: what waited for it alone is ready now."""
        self.values.known[template.id, index] = value
        for follower in self.followers.get(template.id, ()):
            if (follower, index) not in self.waiting:
                continue
            left = self.waiting[follower, index] = self.waiting[follower, index] - 1
            if left == 0:
                self._ready(self.flat.templates[follower], index)
        if template.group:
            failed = isinstance(value, Absent) and value.failed
            self._settle(template.group, index, failed=failed)

    def end(self, task: Task, value: Single | None, *, reused: bool = False) -> None:
        """A task has ended: well, with a value, or not."""
        if task.map is None:
            given = value or Absent(f"'{task.name}' failed", failed=True)
            self.complete(task.template, task.index, given)
            return
        one = task.map
        one.results[task.position] = value
        one.open -= 1
        one.failed += value is None
        one.reused += reused
        if one.fed == one.total and one.open == 0:
            self._close(one)

    def open(self, one: Map | Group) -> None:
        """Its list is known: items can be made."""
        match one:
            case Map():
                one.results = [None] * one.total
                one.started = now()
                self.scribe.commits.add(StepsPlanned(one.template.id, one.total))
                self.scribe.map(one, "running")
                self.mapped[one.template.id, one.index] = one
            case Group():
                self.groups[one.template.id, one.index] = one
        if one.total:
            self.maps.append(one)
        else:
            self._close(one)

    def feed(self) -> Task | None:
        """Make the next item of an open map (maps take turns): a task, or the steps of a group."""
        one = self.maps[0]
        self.maps.rotate(-1)
        position = one.fed
        one.fed += 1
        index = f"{one.index}.{position}" if one.index else str(position)
        if one.fed == one.total:
            self.maps.remove(one)
        match one:
            case Map():
                one.open += 1
                return Task(one.template, index, one.index, {}, one, queued=now())
            case Group():
                self.values.items[one.template.id, index] = one.at(position)
                inner = self.flat.groups[one.template.id]
                one.open[index] = len(inner)
                single = sum(not self.fans(id) for id in inner)
                self.scribe.commits.add(StepsPlanned(one.template.id, single))
                self.begin(inner, index)
                if not inner:  # a pipeline that only passes on what it is given
                    self._leave(one, index)
                return None

    def fans(self, id: str) -> bool:
        """Whether it becomes several calls, counted when their list is known."""
        template = self.flat.templates[id]
        return isinstance(template, GroupTemplate) or template.node.each is not None

    def _ready(self, template: Template, index: str) -> None:
        if isinstance(template, GroupTemplate):
            self.ready.append(Group(template, index))
        elif template.node.each is not None:
            self.ready.append(Map(template, index, queued=now()))
        else:
            self.ready.append(Task(template, index, index, queued=now()))

    def _settle(self, group: str, index: str, *, failed: bool) -> None:
        """One step of one item of a group has ended."""
        one = self.groups[group, index.rpartition(".")[0]]
        one.open[index] -= 1
        one.failed += failed
        if one.open[index] == 0:
            self._leave(one, index)

    def _leave(self, one: Group, index: str) -> None:
        """All steps of one item of a group have ended."""
        del one.open[index]
        if one.fed == one.total and not one.open:
            self._close(one)

    def _close(self, one: Map | Group) -> None:
        """All its items have ended."""
        self.mapped.pop((one.template.id, one.index), None)
        value: Value
        match one:
            case Map(failed=0):
                self.scribe.map(one, "reused" if one.reused == one.total > 0 else "done")
                value = Mapped([result for result in one.results if result is not None])
            case Group(failed=0):
                value = Grouped(one.total)
            case _:
                value = Absent(f"'{one.template.id}' failed", failed=True)
                if isinstance(one, Map):
                    self.scribe.map(one, "failed")
        if isinstance(one, Group):
            del self.groups[one.template.id, one.index]
        self.complete(one.template, one.index, value)
