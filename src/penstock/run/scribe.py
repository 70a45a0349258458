"""The scribe: what happens to a step, put into records and events."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from penstock.core.calls import Broke, Succeeded
from penstock.core.events import StepChanged
from penstock.core.records import CallRecord, Made, Manifest, Status, StepRecord, now
from penstock.run.commit import Commits
from penstock.run.flatten import StepTemplate, Template
from penstock.run.tasks import Map, Task

Members = Mapping[str, tuple[str, ...]]


class Scribe(Struct, frozen=True):
    """Turns ends and beginnings into events of one run."""

    run: str
    commits: Commits

    def running(
        self, task: Task, executor: str, fresh: tuple[Manifest, ...], members: Members
    ) -> StepChanged:
        """The beginning of a call, to be written together with its claim."""
        record = replace(self._record(task, "running"), executor=executor)
        return StepChanged(record, None, fresh, dict(members))

    def reused(self, task: Task, call: CallRecord) -> None:
        source = "this run" if call.run == self.run else f"run {call.run}"
        record = replace(
            self._record(task, "reused"),
            started=task.queued,
            ended=task.queued,
            reason=f"from {source}",
            source=call.run,
            drew=call.seed >= 0,
            outputs=call.outputs,
            logged=call.logged,
            reads=call.reads,
            parts=None,
        )
        self.commits.add(StepChanged(record))

    def borrowed(self, task: Task, step: StepRecord) -> None:
        record = replace(
            self._record(task, "reused"),
            ended=now(),
            reason=f"taken from run {step.run}: it is outside this part",
            source=step.run,
            outputs=step.outputs,
            logged=step.logged,
            key=step.key,
        )
        self.commits.add(StepChanged(record))

    def replaced(self, template: Template, address: str, outputs: Mapping[str, Made]) -> None:
        record = StepRecord(
            run=self.run,
            node=template.id,
            ref=template.node.ref if isinstance(template, StepTemplate) else "",
            status="reused",
            reason=f"replaced by {address}",
            queued=now(),
            started=now(),
            ended=now(),
            outputs=dict(outputs),
        )
        self.commits.add(StepChanged(record))

    def done(
        self,
        task: Task,
        outcome: Succeeded,
        outputs: dict[str, Made],
        call: CallRecord | None,
        members: Members,
        notes: tuple[str, ...],
    ) -> None:
        usage = outcome.usage
        record = replace(
            self._record(task, "done"),
            started=usage.started or task.started,
            ended=usage.ended or now(),
            cpu=usage.cpu,
            memory=usage.memory,
            exact=usage.exact,
            drew=outcome.drew,
            outputs=outputs,
            logged=outcome.logged,
            reads=outcome.reads,
            notes=notes,
        )
        fresh = (*outcome.extra, *outcome.outputs.values())
        self.commits.add(StepChanged(record, call, fresh, dict(members)))

    def broke(
        self, task: Task, outcome: Broke, collected: Manifest | None, made: Made | None
    ) -> None:
        """A call failed or was cancelled; `collected` is its failure as a value, where one is wanted."""
        usage = outcome.usage
        record = replace(
            self._record(task, "cancelled" if outcome.kind == "cancelled" else "failed"),
            started=usage.started or task.started,
            ended=usage.ended or now(),
            cpu=usage.cpu,
            memory=usage.memory,
            exact=usage.exact,
            logged=outcome.logged,
            reads=outcome.reads,
            notes=(*task.notes, *outcome.notes),
            error=outcome.error,
            outputs={"result": made} if made is not None else {},
        )
        self.commits.add(StepChanged(record, None, (collected,) if collected is not None else ()))

    def absent(self, task: Task, status: Status, reason: str) -> None:
        """Skipped or cancelled, before or while it ran."""
        record = replace(self._record(task, status), reason=reason, ended=now())
        self.commits.add(StepChanged(record))

    def map(self, one: Map, status: Status, reason: str = "") -> None:
        """A map as a whole; its items have records of their own."""
        record = StepRecord(
            run=self.run,
            node=one.template.id,
            index=one.index,
            ref=one.template.node.ref,
            status=status,
            reason=reason or f"{one.total} items",
            total=one.total,
            queued=one.queued,
            started=one.started,
            ended=now() if status != "running" else 0,
        )
        self.commits.add(StepChanged(record))

    def _record(self, task: Task, status: Status) -> StepRecord:
        keyed = task.keyed
        return StepRecord(
            run=self.run,
            node=task.template.id,
            index=task.index,
            ref=task.template.node.ref,
            status=status,
            key=keyed.key if keyed else "",
            reason=task.reason,
            attempt=task.attempt,
            seed=keyed.seed if keyed else None,
            queued=task.queued,
            started=task.started,
            parts=keyed.parts if keyed else None,
            copies=dict(task.copies),
            notes=keyed.notes if keyed else (),
        )
