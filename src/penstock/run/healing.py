"""Healing: a call that found its input's bytes lost waits until they have been made again."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from penstock.core.records import now
from penstock.run.decide import Decider
from penstock.run.flatten import Flat, StepTemplate
from penstock.run.products import Mapped, Single
from penstock.run.tasks import Task
from penstock.run.values import Values

TRIES = 3
"""Times that one call is made again in a run: bytes that are lost over and over are no accident."""

Place = tuple[str, str]
"""A step, and the index of one call of it."""


class Healing(Struct):
    """Knows which calls wait for which others."""

    flat: Flat
    values: Values
    decider: Decider
    given: frozenset[str] = frozenset()
    """Steps that this run does not make: another's result stands in for theirs."""
    waiting: dict[Place, list[Task]] = field(default_factory=dict)
    missing: dict[int, int] = field(default_factory=dict)
    """By a waiting task's identity: how many of its producers are not done yet."""
    made: dict[Place, int] = field(default_factory=dict)

    def begin(self, task: Task, lost: Sequence[str]) -> list[Task] | None:
        """The calls that make these artifacts again, `task` waiting for them; None if none can."""
        found = dict.fromkeys(map(self._producer, lost))
        producers = [place for place in found if place is not None]
        if not producers or any(self.made.get(place, 0) >= TRIES for place in producers):
            return None
        task.keyed, task.reason = None, ""
        self.missing[id(task)] = len(producers)
        again: list[Task] = []
        for place in producers:
            if place not in self.waiting:
                self.waiting[place] = []
                self.made[place] = self.made.get(place, 0) + 1
                again.append(self._again(*place))
            self.waiting[place].append(task)
        return again

    def end(self, task: Task, value: Single) -> list[Task]:
        """It was made again, perhaps with another content: what waited for all of it goes on."""
        id_, scope = task.template.id, task.scope
        known = self.values.known[id_, scope]
        if isinstance(known, Mapped):
            items = list(known.items)
            items[task.position] = value
            self.values.known[id_, scope] = Mapped(items)
            # Collections of these items are put together anew.
            self.values.stored.clear()
        else:
            self.values.known[id_, scope] = value
        return [one for one in self._waited(task) if self._complete(one)]

    def fail(self, task: Task) -> list[Task]:
        """It could not be made again: those that waited for it."""
        return self._waited(task)

    def _waited(self, task: Task) -> list[Task]:
        return self.waiting.pop((task.template.id, task.index), [])

    def _complete(self, task: Task) -> bool:
        self.missing[id(task)] -= 1
        return self.missing[id(task)] == 0

    def _again(self, node: str, index: str) -> Task:
        template = self.flat.templates[node]
        assert isinstance(template, StepTemplate)
        fans = template.node.each
        scope = index.rpartition(".")[0] if fans is not None else index
        task = Task(template, index, scope, queued=now(), forced=True, healing=True)
        task.reason = "its stored output was lost or damaged"
        if fans is not None:
            task.item = self.values.fan(fans, template.inputs, scope)[1](task.position)
        keyed = self.decider.key(template, scope, task.item)
        self.decider.calls.forget([keyed.key])
        return task

    def _producer(self, artifact: str) -> Place | None:
        """The call of this run that gave this artifact first.

        Another one may have given the same: a step that returns what it was given. It needs the first
        one's output, so who waited for both would wait for itself.
        """
        for (node, index), value in self.values.known.items():
            if node in self.given or not isinstance(self.flat.templates[node], StepTemplate):
                continue
            match value:
                case Single() if _gave(value, artifact):
                    return node, index
                case Mapped(items=items):
                    for position, one in enumerate(items):
                        if _gave(one, artifact):
                            return node, f"{index}.{position}" if index else str(position)
        return None


def _gave(value: Single, artifact: str) -> bool:
    return any(one.artifact == artifact for one in value.outputs.values())
