"""The engine: one thread that owns a run's state, decides, submits, and says what happened.

Ready steps are decided one by one: reused at once, or executed when a slot is free. Everything
that becomes true is an event; `Commits` writes it. Nothing here writes but through events.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, field

from penstock.core import interrupts
from penstock.core.calls import Advanced, Broke, Call, Given, Outcome, Saved, Succeeded
from penstock.core.events import Checkpointed, Note, Progress, StepsPlanned
from penstock.core.expression import holds
from penstock.core.graph import Each
from penstock.core.records import Status, made, now
from penstock.core.resources import memory_limit
from penstock.errors import LeaseLost, PenstockError
from penstock.run.agenda import Agenda
from penstock.run.commit import Commits
from penstock.run.decide import Decider, Reuse, describe
from penstock.run.endings import Endings, Stop
from penstock.run.flatten import Flat, GroupTemplate, StepTemplate, Template
from penstock.run.healing import Healing
from penstock.run.narrow import Part
from penstock.run.pool import POLL, Pool
from penstock.run.products import Absent, NotThere
from penstock.run.scribe import Scribe
from penstock.run.setting import Setting
from penstock.run.tasks import Group, Map, Running, Task
from penstock.run.values import Values


class Engine(Struct):
    flat: Flat
    part: Part
    values: Values
    decider: Decider
    commits: Commits
    setting: Setting
    scribe: Scribe
    agenda: Agenda
    healing: Healing
    endings: Endings
    pool: Pool
    stalled: deque[Task] = field(default_factory=deque)
    """Decided to execute; no slot was free."""
    claimed: list[Task] = field(default_factory=list)
    """Calls that another run is making."""
    looked: float = 0.0
    """When these were last looked at."""
    due: list[tuple[float, int, Task]] = field(default_factory=list)
    """Retries, by the time they may begin."""

    def __post_init__(self) -> None:
        self.pool.notify = self._told

    # ---- the loop

    def run(self) -> Status:
        """All of it. Raises what ended it early: KeyboardInterrupt, LeaseLost, a store's error."""
        try:
            self._outermost()
            while True:
                self._advance()
                self.commits.flush()
                if not self._busy():
                    break
                self._pump()
        except Stop:
            self.interrupt("the run stopped at a failure")
        return "failed" if self.endings.failure else "done"

    def interrupt(self, why: str) -> None:
        """Stop what runs, keep what succeeded all the same, and mark the rest."""
        for running, outcome in self.pool.stop():
            if isinstance(outcome, Succeeded):
                self.endings.succeed(running, outcome)
            else:
                self.endings.cancel(running.task, why)
        for running in self.pool.running.values():
            self.endings.cancel(running.task, why)
        rest = [*self.stalled, *self.agenda.ready, *self.agenda.mapped.values(), *self.claimed]
        rest.extend(task for *_, task in self.due)
        rest.extend(task for tasks in self.endings.inflight.values() for task in tasks)
        for one in {id(one): one for one in rest}.values():
            self.endings.cancel(one, why)
        self.commits.flush()

    def close(self) -> None:
        self.pool.close()

    def _busy(self) -> bool:
        return bool(
            self.agenda.ready
            or self.agenda.maps
            or self.stalled
            or self.pool.running
            or self.claimed
            or self.due
        )

    def _pump(self) -> None:
        """Wait for something to happen."""
        self.commits.breathe()
        timeout = self._patience()
        if self.pool.running:
            for running, outcome in self.pool.wait(timeout):
                self._finish(running, outcome)
        elif timeout:
            heeded = interrupts.heed()
            time.sleep(timeout)
            interrupts.hold(heeded)
        moment = time.monotonic()
        while self.due and self.due[0][0] <= moment:
            self.agenda.ready.append(heapq.heappop(self.due)[2])
        if self.claimed and moment - self.looked >= POLL:
            self.looked = moment
            self.agenda.ready.extend(self.claimed)
            self.claimed.clear()

    def _patience(self) -> float | None:
        if self.agenda.ready or (self.stalled and self.pool.free()):
            return 0.0
        if self.claimed:
            return POLL
        if self.due:
            return max(0.0, min(self.due[0][0] - time.monotonic(), 5.0))
        # Wake now and then all the same, so that barriers and the lease are looked after.
        return 1.0 if self.commits.files or self.commits.syncing else 5.0

    def _advance(self) -> None:
        """Everything that can be done without waiting."""
        while True:
            interrupts.check()
            if self.stalled and self.pool.free():
                self._execute(self.stalled.popleft())
            elif self.agenda.ready:
                self._consider(self.agenda.ready.popleft())
            elif self.agenda.maps and not self.stalled:
                self._feed()
            else:
                return

    # ---- decisions

    def _outermost(self) -> None:
        """Begin the graph itself: what is replaced has its value, what stays out has none."""
        ids = self.flat.groups[""]
        for id in ids:
            if id in self.part.replace:
                self.endings.replace(self.flat.templates[id], self.part.replace[id])
            elif id not in self.part.run and id not in self.part.borrow:
                self.values.known[id, ""] = Absent("it is not in this part of the pipeline")
        chosen = [id for id in ids if id in self.part.run or id in self.part.borrow]
        total = sum(not self.agenda.fans(id) for id in chosen)
        self.commits.add(StepsPlanned("", total, tuple(self.flat.templates)))
        self.agenda.begin(chosen, "")

    def _consider(self, one: Task | Map | Group) -> None:
        """Something whose inputs are there: its condition, then what it is made of."""
        if isinstance(one, Task) and (one.map is not None or one.attempt > 1 or one.keyed):
            self._attempt(one)
            return
        template = one.template
        try:
            for guard in template.guards:
                if not holds(self.values.evaluate(guard, one.index)):
                    self.endings.absent(one, Absent("its condition was false"))
                    return
            if not isinstance(one, Task):
                one.total, one.at = self.values.fan(_each(template), template.inputs, one.index)
        except NotThere as missing:
            self.endings.miss(one, missing.absent)
        except PenstockError as error:
            self.endings.refuse(one, error)
        else:
            if isinstance(one, Task):
                self._attempt(one)
            else:
                self.agenda.open(one)

    def _attempt(self, task: Task) -> None:
        """Decide a task; what its inputs hold against it is its own end."""
        try:
            if not task.item and task.map is not None:
                task.item = task.map.at(task.position)
            self._decide(task)
        except NotThere as missing:
            self.endings.miss(task, missing.absent)
        except LeaseLost:
            raise
        except PenstockError as error:
            self.endings.refuse(task, error)

    def _feed(self) -> None:
        task = self.agenda.feed()
        if task is not None:
            self._attempt(task)

    def _decide(self, task: Task) -> None:
        """Reuse it, or execute it; wait where somebody is making it, or no slot is free."""
        template = task.template
        if task.keyed is None:
            task.keyed = self.decider.key(template, task.scope, task.item)
        keyed = task.keyed
        decision = None if task.healing else self.decider.decide(template, keyed)
        if isinstance(decision, Reuse):
            self.endings.reuse(task, decision.call)
        elif template.id in self.part.borrow:
            self.endings.borrow(task)
        elif keyed.cacheable and keyed.key in self.endings.inflight and task.attempt == 1:
            self.endings.inflight[keyed.key].append(task)
        else:
            if decision is not None and decision.why:
                task.reason, task.forced = decision.why, True
            if self.pool.free():
                self._execute(task)
            else:
                self.stalled.append(task)

    def _execute(self, task: Task) -> None:
        """With a slot in hand: claim the call and submit it, unless somebody else makes it."""
        template = task.template
        try:
            call = self._call(task)
        except NotThere as missing:
            self.endings.miss(task, missing.absent)
            return
        kind = self._kind(template)
        if not self._claim(task, kind):
            return
        for running, outcome in self.pool.submit(task, call, kind):
            self._finish(running, outcome)

    def _claim(self, task: Task, kind: str) -> bool:
        """Record that the call begins; False when another run has it, or its result is known now."""
        keyed = task.call_keyed
        task.started = now()
        fresh, self.values.fresh = tuple(self.values.fresh), []
        members = {m.id: self.values.members[m.id] for m in fresh if m.items is not None}
        running = self.scribe.running(task, kind, fresh, members)
        if not keyed.cacheable:
            self.commits.add(running)
            self.commits.flush()
            return True
        # What is made again on purpose does not look for a result.
        seed = None if task.forced else keyed.seed
        holder = self.commits.claim(keyed.key, seed, running)
        if holder == self.setting.run:
            self.endings.inflight.setdefault(keyed.key, [])
            return True
        self.values.fresh[:0] = fresh
        if holder:
            self.claimed.append(task)
        else:
            self.agenda.ready.append(task)
        return False

    def _kind(self, template: StepTemplate) -> str:
        """Which executor: one with a process of its own where a step must be stoppable."""
        node = template.node
        if self.setting.options.pdb:
            return ""
        if node.executor not in ("", "inline", "processes"):
            return node.executor
        if self.setting.isolated:
            return ""
        own = node.timeout is not None or "memory" in node.resources
        return "processes" if own or node.executor == "processes" else ""

    def _call(self, task: Task) -> Call:
        node, keyed = task.template.node, task.keyed
        assert keyed is not None
        arguments = {
            name: one.argument
            if (one := task.item.get(name)) is not None
            else self.values.argument(source, task.scope)
            for name, source in task.template.inputs.items()
        }
        for name, source in task.template.inputs.items():
            keyed.parts.shown[name] = describe(source, task.item.get(name))
        task.copies = {
            name: made(self.values.stored[digest])
            for name, argument in arguments.items()
            if isinstance(argument, Given) and isinstance(argument.value, Path)
            if (digest := keyed.parts.inputs.get(name, "")) in self.values.stored
        }
        task.reason = task.reason or self.setting.explain(task)
        return Call(
            run=self.setting.run,
            node=task.template.id,
            index=task.index,
            ref=node.ref,
            code=node.code,
            classes=dict(keyed.classes),
            key=keyed.key,
            arguments=arguments,
            outputs=node.outputs,
            several=node.several,
            seed=keyed.seed,
            attempt=task.attempt,
            retry=node.retry,
            logical_date=self.setting.logical_date,
            timeout=node.timeout,
            strict=self.setting.options.strict,
            capture=self.setting.options.capture,
            memory=memory_limit(node.resources),
            resume=self.setting.checkpoint(keyed.key),
        )

    # ---- what running calls say

    def _told(self, running: Running, signal: Advanced | Saved) -> None:
        task = running.task
        match signal:
            case Advanced(done=done, total=total, message=message):
                self.commits.tell(Progress(task.template.id, task.index, done, total, message))
            case Saved(manifest=manifest, items=items):
                saved = Checkpointed(self.setting.run, running.call.key, manifest, items)
                self.commits.add(saved)
                self.commits.flush()

    def _finish(self, running: Running, outcome: Outcome) -> None:
        """A call has ended, well or not: perhaps it is made again."""
        self.commits.breathe()
        task = running.task
        match outcome:
            case Succeeded():
                self.endings.succeed(running, outcome)
            case Broke(lost=lost) if lost and self._heal(task, lost):
                return
            case Broke() if self._again(task, outcome):
                return
            case Broke(exception=exception):
                if exception is not None and self.setting.failed is not None:
                    heeded = interrupts.heed()
                    self.setting.failed(exception)
                    interrupts.hold(heeded)
                self.endings.fail(task, outcome)

    def _heal(self, task: Task, lost: Sequence[str]) -> bool:
        """An input's bytes are lost: make it again, then this call. False when that cannot help."""
        self.endings.release(task)
        again = self.healing.begin(task, lost)
        for one in again or ():
            self.commits.tell(Note(f"the stored output of '{one.name}' is lost; making it again"))
            # The producer's own record may be final; this call's is not.
            task.notes = (
                *task.notes,
                f"the stored output of '{one.name}' was lost or damaged: made again",
            )
            self.agenda.ready.append(one)
        return again is not None

    def _again(self, task: Task, outcome: Broke) -> bool:
        """Whether another attempt follows."""
        retry = task.template.node.retry
        if not outcome.retryable or task.attempt > retry.times or outcome.kind == "cancelled":
            return False
        wait = retry.delay * retry.backoff ** (task.attempt - 1)
        told = f"attempt {task.attempt} failed: {outcome.error.type}: {outcome.error.message}"
        self.commits.tell(Note(f"{told}; the next in {wait:g} s", task.name, wait))
        task.notes = (*task.notes, told)
        task.attempt += 1
        heapq.heappush(self.due, (time.monotonic() + wait, id(task), task))
        return True


def _each(template: Template) -> Each:
    each = template.each if isinstance(template, GroupTemplate) else template.node.each
    assert each is not None
    return each
