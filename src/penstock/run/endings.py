"""Endings: how a step comes to its end, and what that means for the others."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, field

from penstock.core.calls import DATED, Broke, Succeeded
from penstock.core.failure import Failure
from penstock.core.graph import Literal
from penstock.core.records import NONE, CallRecord, ErrorRecord, Status, made, now
from penstock.errors import PenstockError
from penstock.run.agenda import Agenda
from penstock.run.flatten import Flat, StepTemplate, Template
from penstock.run.healing import Healing
from penstock.run.narrow import Part
from penstock.run.outdated import given_files, outdated
from penstock.run.products import Absent, Single
from penstock.run.scribe import Scribe
from penstock.run.setting import Setting
from penstock.run.tasks import Group, Map, Running, Task
from penstock.run.values import Values


class Stop(Exception):
    """A failure ends the run: nothing new is begun."""


class Endings(Struct):
    """Says it to the scribe, gives the value to the agenda, and lets go who waited."""

    setting: Setting
    flat: Flat
    part: Part
    values: Values
    scribe: Scribe
    agenda: Agenda
    healing: Healing
    inflight: dict[str, list[Task]] = field(default_factory=dict)
    """By key of a call in hand: equal calls of this run that wait for it."""
    files: dict[str, Sequence[Literal]] = field(default_factory=dict)
    """By step: the values that it is given and that hold paths."""
    failure: tuple[str, Broke | ErrorRecord] | None = None
    """The first step that failed, and how."""

    def reuse(self, task: Task, call: CallRecord) -> None:
        self.scribe.reused(task, call)
        fields = task.template.function.fields if task.template.node.several else None
        self.agenda.end(task, Single(call.outputs, fields), reused=True)
        self.release(task)

    def borrow(self, task: Task) -> None:
        """A step outside this part: its newest result stands in."""
        step = self.setting.borrow(task.template.id, task.index)
        if step is None:
            reason = f"'{task.name}' has no earlier result to take; run it first, or use a REF"
            self.absent(task, Absent(reason, failed=True))
            return
        self.scribe.borrowed(task, step)
        fields = task.template.function.fields if task.template.node.several else None
        self.agenda.end(task, Single(step.outputs, fields), reused=True)

    def replace(self, template: Template, address: str) -> None:
        """`--with STEP=REF`: the value is the one referred to."""
        value = self.setting.resolve(address)
        if isinstance(template, StepTemplate) and template.node.several and value.fields is None:
            value = Single(value.outputs, template.function.fields)
        self.values.known[template.id, ""] = value
        self.scribe.replaced(template, address, value.outputs)

    def miss(self, one: Task | Map | Group, absent: Absent) -> None:
        """An input is not there: skipped like what it comes from, or cancelled by its failure."""
        if isinstance(one, Task) and one.template.id in self.part.borrow:
            self.borrow(one)
            return
        self.absent(one, Absent(absent.reason, absent.failed))

    def absent(self, one: Task | Map | Group, absent: Absent) -> None:
        status: Status = "cancelled" if absent.failed else "skipped"
        match one:
            case Task():
                self.scribe.absent(one, status, absent.reason)
                if one.healing:
                    for waiting in self.healing.fail(one):
                        self.absent(waiting, absent)
                elif one.map is None:
                    self.agenda.complete(one.template, one.index, absent)
                else:
                    self.agenda.end(one, None)
            case Map():
                self.scribe.map(one, status, absent.reason)
                self.agenda.complete(one.template, one.index, absent)
            case Group():
                for id in self.flat.groups[one.template.id]:
                    template = self.flat.templates[id]
                    if isinstance(template, StepTemplate):
                        task = Task(template, one.index, one.index, queued=now())
                        self.scribe.absent(task, status, absent.reason)
                self.agenda.complete(one.template, one.index, absent)
        if isinstance(one, Task):
            self.release(one)

    def refuse(self, one: Task | Map | Group, error: PenstockError) -> None:
        """An input could not be made ready: the list of a map, a condition, a literal."""
        if isinstance(one, Group):
            record = ErrorRecord(type(error).__name__, str(error))
            self._failed(one.template.id, record)
            self.absent(one, Absent(f"'{one.template.id}' failed", failed=True))
            return
        broke = Broke(
            kind="refused",
            error=ErrorRecord(type(error).__name__, str(error)),
            exception=error,
            retryable=False,
        )
        task = one if isinstance(one, Task) else Task(one.template, one.index, one.index)
        task.queued = task.queued or now()
        self.fail(task, broke)

    def succeed(self, running: Running, outcome: Succeeded) -> None:
        task, keyed = running.task, running.task.keyed
        assert keyed is not None
        node = task.template.node
        for manifest in (*outcome.outputs.values(), *outcome.extra):
            self.values.remember(manifest)
        outputs = {name: made(manifest) for name, manifest in outcome.outputs.items()}
        usage = outcome.usage
        notes = [*keyed.notes, *task.notes, *outcome.notes]
        keep = keyed.cacheable
        if outcome.changed:
            keep = False
            notes.append(f"not cached: {', '.join(outcome.changed)} changed while the step ran")
        elif keep and (changed := self._outdated(task)):
            keep = False
            notes.append(f"not cached: {changed} changed after the run was planned")
        if DATED in outcome.reads:
            keep = False
            notes.append("not cached: it read context().logical_date; take a parameter instead")
        if node.cache.enabled is None and all(
            manifest.type == NONE for manifest in outcome.outputs.values()
        ):
            keep = False
        call = None
        if keep:
            call = CallRecord(
                key=keyed.key,
                seed=keyed.seed if outcome.drew else -1,
                run=self.setting.run,
                node=task.template.id,
                index=task.index,
                parts=keyed.parts,
                outputs=outputs,
                logged=outcome.logged,
                reads=outcome.reads,
                created=now(),
                seconds=(usage.ended - usage.started) / 1e6,
            )
        members = {
            manifest.id: tuple(one.artifact for one in self.values.artifacts.items(manifest))
            for manifest in (*outcome.extra, *outcome.outputs.values())
            if manifest.items is not None
        }
        self.scribe.done(task, outcome, outputs, call, members, tuple(notes))
        value = Single(outputs, task.template.function.fields if node.several else None)
        if task.healing:
            self.agenda.ready.extend(self.healing.end(task, value))
        else:
            self.agenda.end(task, value)
        self.release(task)

    def fail(self, task: Task, outcome: Broke) -> None:
        """A call failed for good: the map collects that, or the step has failed."""
        each = task.template.node.each
        if (
            each is not None
            and each.collect
            and task.map is not None
            and outcome.kind != "cancelled"
        ):
            error = outcome.error
            failure = Failure(error.type, error.message, error.traceback)
            manifest, _ = self.values.artifacts.encode(failure)
            self.values.remember(manifest)
            self.scribe.broke(task, outcome, manifest, made(manifest))
            self.agenda.end(task, Single({"result": made(manifest)}))
            self.release(task)
            return
        self.scribe.broke(task, outcome, None, None)
        if outcome.kind != "cancelled":
            if task.map is not None and not self.setting.options.keep_going:
                self.scribe.map(task.map, "failed")
                self.agenda.mapped.pop((task.template.id, task.map.index), None)
            self._failed(task.name, outcome)
        if task.healing:
            lost = Absent(f"'{task.name}' failed", failed=True)
            for waiting in self.healing.fail(task):
                self.absent(waiting, lost)
        else:
            self.agenda.end(task, None)
        self.release(task)

    def _outdated(self, task: Task) -> str:
        """Files that are no more what the key says; "" if all are."""
        template = task.template
        if template.id not in self.files:
            self.files[template.id] = given_files(template)
        return ", ".join(outdated(task, self.files[template.id], self.values.artifacts.digest))

    def _failed(self, name: str, outcome: Broke | ErrorRecord) -> None:
        if self.failure is None:
            self.failure = (name, outcome)
        if not self.setting.options.keep_going:
            raise Stop

    def release(self, task: Task) -> None:
        """Equal calls that waited for this one are decided now."""
        if task.keyed is not None:
            self.agenda.ready.extend(self.inflight.pop(task.keyed.key, ()))

    def cancel(self, one: Task | Map | Group, why: str) -> None:
        """The run stops before it was done."""
        match one:
            case Task():
                self.scribe.absent(one, "cancelled", why)
            case Map():
                self.scribe.map(one, "cancelled", why)
            case Group():
                return
