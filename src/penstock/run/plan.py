"""A plan: what a run would do, step by step, without doing any of it or writing anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal as OneOf

from msgspec import Struct

from penstock.core.expression import holds
from penstock.core.graph import StepNode
from penstock.errors import PenstockError
from penstock.run.decide import Decider, Keyed, Reuse, describe
from penstock.run.flatten import Flat, GroupTemplate, StepTemplate, Template
from penstock.run.narrow import Part
from penstock.run.products import Absent, Item, Mapped, NotThere, Single
from penstock.run.values import Values


class Planned(Struct, frozen=True):
    """What would happen to one step."""

    step: str
    action: OneOf["reuse", "execute", "await", "skip", "replace"]
    reason: str = ""
    total: int | None = None
    """Of a map whose list is known: its items."""
    reused: int = 0
    """Of these, how many would be reused."""


Explain = Callable[[StepNode, str, str, Keyed], str]


def plan(
    flat: Flat, part: Part, values: Values, decider: Decider, explain: Explain
) -> tuple[Planned, ...]:
    """Every step of this part, in order. What hangs on a step that would run is awaited."""
    planner = _Planner(values, decider, explain, part)
    return tuple(
        planner.step(flat.templates[id])
        for id in flat.groups[""]
        if id in part.run or id in part.borrow or id in part.replace
    )


class _Planner(Struct):
    values: Values
    decider: Decider
    explain: Explain
    part: Part

    def step(self, template: Template) -> Planned:
        id = template.id
        if id in self.part.replace:
            self.values.known[id, ""] = self.values.sources[self.part.replace[id]]
            return Planned(id, "replace", f"by {self.part.replace[id]}")
        waits = sorted(n for n in template.needs if (n, "") not in self.values.known)
        if waits:
            return Planned(id, "await", "waits for " + ", ".join(f"'{name}'" for name in waits))
        try:
            if not all(holds(self.values.evaluate(guard, "")) for guard in template.guards):
                return self._skip(id, "its condition is false")
            match template:
                case GroupTemplate():
                    total, _ = self.values.fan(template.each, template.inputs, "")
                    return Planned(id, "await", f"a pipeline for each of {total} items", total)
                case StepTemplate(node=node) if node.each is not None:
                    return self._map(template)
                case StepTemplate():
                    return self._call(template)
        except NotThere as missing:
            return self._skip(id, missing.absent.reason)
        except PenstockError as error:
            return Planned(id, "execute", f"cannot be planned: {error.message}")

    def _call(self, template: StepTemplate) -> Planned:
        keyed = self.decider.key(template, "", {})
        decision = self.decider.decide(template, keyed)
        if isinstance(decision, Reuse):
            fields = template.function.fields if template.node.several else None
            self.values.known[template.id, ""] = Single(decision.call.outputs, fields)
            return Planned(template.id, "reuse", f"from run {decision.call.run}")
        why = decision.why or self._why(template, "", keyed, {})
        return Planned(template.id, "execute", why)

    def _map(self, template: StepTemplate) -> Planned:
        assert template.node.each is not None
        total, at = self.values.fan(template.node.each, template.inputs, "")
        found: list[Single] = []
        first = ""
        fields = template.function.fields if template.node.several else None
        for position in range(total):
            keyed = self.decider.key(template, "", at(position))
            decision = self.decider.decide(template, keyed)
            if isinstance(decision, Reuse):
                found.append(Single(decision.call.outputs, fields))
            else:
                why = decision.why or self._why(template, str(position), keyed, at(position))
                first = first or why
        if len(found) == total:
            self.values.known[template.id, ""] = Mapped(found)
            return Planned(template.id, "reuse", f"{total} items", total, total)
        return Planned(template.id, "execute", first, total, len(found))

    def _why(
        self, template: StepTemplate, index: str, keyed: Keyed, item: Mapping[str, Item]
    ) -> str:
        for name, source in template.inputs.items():
            keyed.parts.shown[name] = describe(source, item.get(name))
        return self.explain(template.node, template.id, index, keyed)

    def _skip(self, id: str, reason: str) -> Planned:
        self.values.known[id, ""] = Absent(reason)
        return Planned(id, "skip", reason)
