"""The engine: one thread that owns a run's state, decides, submits, and says what happened.

Ready steps are decided one by one: reused at once, or executed when a slot is free. Everything
that becomes true is an event; `Commits` writes it. Nothing here writes but through events.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.core.calls import (
    Advanced,
    Began,
    Broke,
    Call,
    Finished,
    Outcome,
    Saved,
    Signal,
    Succeeded,
    Work,
)
from penstock.core.events import Checkpointed, Note, Progress, StepsPlanned
from penstock.core.failure import Failure
from penstock.core.graph import Each
from penstock.core.options import Options
from penstock.core.ports import Executor, Journal
from penstock.core.records import (
    CallRecord,
    ErrorRecord,
    Manifest,
    Status,
    StepRecord,
    made,
    now,
)
from penstock.errors import LeaseLost, PenstockError
from penstock.run.agenda import Agenda
from penstock.run.commit import Commits
from penstock.run.decide import Decider, Reuse, describe
from penstock.run.flatten import Flat, GroupTemplate, StepTemplate, Template
from penstock.run.narrow import Part
from penstock.run.scribe import Scribe
from penstock.run.tasks import Group, Map, Running, Task
from penstock.run.values import Absent, Mapped, NotThere, Single, Values

POLL = 0.05
"""Seconds between looks at a call that another run is making."""
GRACE = 10.0
"""Seconds that stopped calls have to end."""
RECENT = 20_000
"""Manifests kept in memory before the catalog is asked again."""

NONE = "builtins:NoneType"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the engine asks of the outside, besides the stores."""

    run: str
    options: Options
    logical_date: str
    executor: Callable[[str], Executor]
    """By kind: "" is the run's own, "processes" one where a step has its own process."""
    isolated: bool
    """Whether the run's own executor gives each step its own process."""
    explain: Callable[[Task], str]
    """Why a call is executed, in a line."""
    borrow: Callable[[str, str], StepRecord | None]
    """The newest recorded result of a step, for a partial run."""
    resolve: Callable[[str], Single]
    """What a reference to an earlier result stands for."""
    checkpoint: Callable[[str], Manifest | None]
    found: Callable[[str], Manifest]
    """An artifact by id."""
    failed: Callable[[BaseException], None] | None = None
    """Told of a user's exception as it happens (a debugger)."""


class Stop(Exception):
    """A failure ends the run: nothing new is begun."""


@dataclass(slots=True)
class Engine:
    flat: Flat
    part: Part
    values: Values
    decider: Decider
    journal: Journal
    commits: Commits
    setting: Setting
    scribe: Scribe
    agenda: Agenda
    stalled: deque[Task] = field(default_factory=deque)
    """Decided to execute; no slot was free."""
    running: dict[int, Running] = field(default_factory=dict)
    inflight: dict[str, list[Task]] = field(default_factory=dict)
    """By key: calls of this run that wait for an equal one."""
    claimed: list[tuple[float, Task]] = field(default_factory=list)
    """Calls that another run is making."""
    due: list[tuple[float, int, Task]] = field(default_factory=list)
    """Retries, by the time they may begin."""
    executors: dict[str, Executor] = field(default_factory=dict)
    manifests: dict[str, Manifest] = field(default_factory=dict)
    healing: dict[tuple[str, str], list[Task]] = field(default_factory=dict)
    """By (step, index) being made again: the calls that found its bytes lost."""
    failure: tuple[str, Broke | ErrorRecord] | None = None
    serial: int = 0
    last_claim_look: float = 0.0

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
            self._cancel_rest("the run stopped at a failure")
        self.commits.flush()
        return "failed" if self.failure else "done"

    def interrupt(self, why: str) -> None:
        """Stop what runs and mark all that has not ended."""
        self._cancel_rest(why)
        self.commits.flush()

    def close(self) -> None:
        for executor in self.executors.values():
            executor.close()

    def lookup(self, id: str) -> Manifest:
        """A manifest by id: one made in this run, or from the catalog."""
        manifest = self.manifests.get(id)
        if manifest is None:
            manifest = self.setting.found(id)
            self._remember(manifest)
        return manifest

    def _busy(self) -> bool:
        return bool(
            self.agenda.ready
            or self.agenda.maps
            or self.stalled
            or self.running
            or self.claimed
            or self.due
        )

    def _pump(self) -> None:
        """Wait for something to happen."""
        self.commits.breathe()
        timeout = self._patience()
        if self.running:
            kinds = {running.executor for running in self.running.values()}
            for kind in kinds:
                for signal in self.executors[kind].poll(timeout if len(kinds) == 1 else POLL):
                    self._signal(signal)
        elif timeout:
            time.sleep(timeout)
        moment = time.monotonic()
        while self.due and self.due[0][0] <= moment:
            self.agenda.ready.append(heapq.heappop(self.due)[2])
        if self.claimed and moment - self.last_claim_look >= POLL:
            self.last_claim_look = moment
            claimed, self.claimed = self.claimed, []
            self.agenda.ready.extend(task for _, task in claimed)

    def _patience(self) -> float | None:
        if self.agenda.ready or (self.stalled and self._free()):
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
            if self.stalled and self._free():
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
                self._replace(self.flat.templates[id], self.part.replace[id])
            elif id not in self.part.run and id not in self.part.borrow:
                self.values.known[id, ""] = Absent("it is not in this part of the pipeline")
        chosen = [id for id in ids if id in self.part.run or id in self.part.borrow]
        self.commits.add(StepsPlanned("", sum(not self.agenda.fans(id) for id in chosen)))
        self.agenda.begin(chosen, "")

    def _consider(self, one: Task | Map | Group) -> None:
        """Something whose inputs are there: its condition, then what it is made of."""
        if isinstance(one, Task) and (one.map is not None or one.attempt > 1 or one.keyed):
            self._attempt(one)
            return
        template = one.template
        try:
            for guard in template.guards:
                if not self.values.evaluate(guard, one.index):
                    self._absent(one, Absent("its condition was false"))
                    return
            if not isinstance(one, Task):
                one.total, one.at = self.values.fan(_each(template), template.inputs, one.index)
        except NotThere as missing:
            self._miss(one, missing.absent)
        except PenstockError as error:
            self._fail_early(one, error)
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
            self._miss(task, missing.absent)
        except LeaseLost:
            raise
        except PenstockError as error:
            self._fail_early(task, error)

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
            self._reuse(task, decision.call)
        elif template.id in self.part.borrow:
            self._borrow(task)
        elif keyed.cacheable and keyed.key in self.inflight and task.attempt == 1:
            self.inflight[keyed.key].append(task)
        else:
            if decision is not None and decision.why:
                task.reason, task.forced = decision.why, True
            if self._free():
                self._execute(task)
            else:
                self.stalled.append(task)

    def _free(self) -> bool:
        return not self.running or len(self.running) < self._executor("").slots

    def _executor(self, kind: str) -> Executor:
        if kind not in self.executors:
            executor = self.setting.executor(kind)
            executor.start(self._notify)
            self.executors[kind] = executor
        return self.executors[kind]

    def _execute(self, task: Task) -> None:
        """With a slot in hand: claim the call and submit it, unless somebody else makes it."""
        template = task.template
        try:
            call = self._call(task)
        except NotThere as missing:
            self._miss(task, missing.absent)
            return
        kind = self._kind(template)
        if not self._claim(task, kind):
            return
        self.serial += 1
        self.running[self.serial] = Running(task, call, kind)
        work = Work(self.serial, call, template.function.call, template.function.target)
        executor = self._executor(kind)
        executor.submit(work)
        for signal in executor.poll(0.0):
            self._signal(signal)

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
            self.inflight.setdefault(keyed.key, [])
            return True
        self.values.fresh[:0] = fresh
        if holder:
            self.claimed.append((time.monotonic(), task))
        else:
            self.agenda.ready.append(task)
        return False

    def _kind(self, template: StepTemplate) -> str:
        """Which executor: one with a process of its own where a step must be stoppable."""
        if self.setting.isolated or self.setting.options.pdb:
            return ""
        node = template.node
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
        task.reason = task.reason or self.setting.explain(task)
        return Call(
            run=self.setting.run,
            node=task.template.id,
            index=task.index,
            ref=node.ref,
            code=node.code,
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
            resume=self.setting.checkpoint(keyed.key),
        )

    # ---- ends

    def _reuse(self, task: Task, call: CallRecord) -> None:
        self.scribe.reused(task, call)
        fields = task.template.function.fields if task.template.node.several else None
        self.agenda.end(task, Single(call.outputs, fields), reused=True)
        self._release(task)

    def _borrow(self, task: Task) -> None:
        """A step outside this part: its newest result stands in."""
        step = self.setting.borrow(task.template.id, task.index)
        if step is None:
            reason = f"'{task.name}' has no earlier result to take; run it first, or use a REF"
            self._absent(task, Absent(reason, failed=True))
            return
        self.scribe.borrowed(task, step)
        fields = task.template.function.fields if task.template.node.several else None
        self.agenda.end(task, Single(step.outputs, fields), reused=True)

    def _replace(self, template: Template, address: str) -> None:
        """`--with STEP=REF`: the value is the one referred to."""
        value = self.setting.resolve(address)
        if isinstance(template, StepTemplate) and template.node.several and value.fields is None:
            value = Single(value.outputs, template.function.fields)
        self.values.known[template.id, ""] = value
        self.scribe.replaced(template, address, value.outputs)

    def _miss(self, one: Task | Map | Group, absent: Absent) -> None:
        """An input is not there: skipped like what it comes from, or cancelled by its failure."""
        if isinstance(one, Task) and one.template.id in self.part.borrow:
            self._borrow(one)
            return
        self._absent(one, Absent(absent.reason, absent.failed))

    def _absent(self, one: Task | Map | Group, absent: Absent) -> None:
        status: Status = "cancelled" if absent.failed else "skipped"
        match one:
            case Task():
                self.scribe.absent(one, status, absent.reason)
                if one.map is None:
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
            self._release(one)

    def _fail_early(self, one: Task | Map | Group, error: PenstockError) -> None:
        """An input could not be made ready: the list of a map, a condition, a literal."""
        if isinstance(one, Group):
            record = ErrorRecord(type(error).__name__, str(error))
            self._failed(one.template.id, record)
            self._absent(one, Absent(f"'{one.template.id}' failed", failed=True))
            return
        broke = Broke(
            kind="refused",
            error=ErrorRecord(type(error).__name__, str(error)),
            exception=error,
            retryable=False,
        )
        task = one if isinstance(one, Task) else Task(one.template, one.index, one.index)
        task.queued = task.queued or now()
        self._broke(task, broke)

    def _signal(self, signal: Signal) -> None:
        match signal:
            case Finished(id=id, outcome=outcome):
                running = self.running.pop(id, None)
                if running is not None:
                    self._finish(running, outcome)
            case Began():
                return
            case Advanced() | Saved():
                self._notify(signal)

    def _notify(self, signal: Signal) -> None:
        """A running call says something that cannot wait."""
        if not isinstance(signal, Advanced | Saved) or signal.id not in self.running:
            return
        task = self.running[signal.id].task
        match signal:
            case Advanced(done=done, total=total, message=message):
                self.commits.tell(Progress(task.template.id, task.index, done, total, message))
            case Saved(manifest=manifest):
                key = self.running[signal.id].call.key
                self.commits.add(Checkpointed(self.setting.run, key, manifest))
                self.commits.flush()

    def _finish(self, running: Running, outcome: Outcome) -> None:
        task = running.task
        match outcome:
            case Succeeded():
                self._succeeded(running, outcome)
            case Broke(kind="refused") if self._heal(running, outcome):
                return
            case Broke() if self._again(task, outcome):
                return
            case Broke(exception=exception):
                if exception is not None and self.setting.failed is not None:
                    self.setting.failed(exception)
                self._broke(task, outcome)

    def _succeeded(self, running: Running, outcome: Succeeded) -> None:
        task, keyed = running.task, running.task.keyed
        assert keyed is not None
        node = task.template.node
        for manifest in (*outcome.outputs.values(), *outcome.extra):
            self._remember(manifest)
        outputs = {name: made(manifest) for name, manifest in outcome.outputs.items()}
        usage = outcome.usage
        notes = [*keyed.notes, *task.notes, *outcome.notes]
        keep = keyed.cacheable
        if outcome.changed:
            keep = False
            notes.append(f"not cached: {', '.join(outcome.changed)} changed while the step ran")
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
            self._healed(task, value)
        else:
            self.agenda.end(task, value)
        self._release(task)

    def _again(self, task: Task, outcome: Broke) -> bool:
        """Whether another attempt follows."""
        retry = task.template.node.retry
        if not outcome.retryable or task.attempt > retry.times or outcome.kind == "cancelled":
            return False
        wait = retry.delay * retry.backoff ** (task.attempt - 1)
        told = f"attempt {task.attempt} failed: {outcome.error.type}: {outcome.error.message}"
        self.commits.tell(Note(f"{told}; the next in {wait:g} s", task.name))
        task.notes = (*task.notes, told)
        task.attempt += 1
        self.serial += 1
        heapq.heappush(self.due, (time.monotonic() + wait, self.serial, task))
        return True

    def _broke(self, task: Task, outcome: Broke) -> None:
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
            self._remember(manifest)
            self.scribe.broke(task, outcome, manifest, made(manifest))
            self.agenda.end(task, Single({"result": made(manifest)}))
            self._release(task)
            return
        self.scribe.broke(task, outcome, None, None)
        if outcome.kind != "cancelled":
            if task.map is not None and not self.setting.options.keep_going:
                self.scribe.map(task.map, "failed")
            self._failed(task.name, outcome)
        if task.healing:
            lost = Absent(f"'{task.name}' failed", failed=True)
            for waiting in self.healing.pop((task.template.id, task.index), ()):
                self._absent(waiting, lost)
        else:
            self.agenda.end(task, None)
        self._release(task)

    def _failed(self, name: str, outcome: Broke | ErrorRecord) -> None:
        if self.failure is None:
            self.failure = (name, outcome)
        if not self.setting.options.keep_going:
            raise Stop

    def _release(self, task: Task) -> None:
        """Equal calls that waited for this one are decided now."""
        if task.keyed is not None:
            self.agenda.ready.extend(self.inflight.pop(task.keyed.key, ()))

    def _cancel_rest(self, why: str) -> None:
        """End the run's work: running calls are stopped, all others marked."""
        for number, running in list(self.running.items()):
            self.executors[running.executor].cancel(number)
        deadline = time.monotonic() + GRACE
        while self.running and time.monotonic() < deadline:
            for kind in {running.executor for running in self.running.values()}:
                for signal in self.executors[kind].poll(POLL):
                    self._stopped(signal, why)
        for running in self.running.values():
            self.scribe.absent(running.task, "cancelled", why)
        self.running.clear()
        rest = [*self.stalled, *self.agenda.ready, *self.agenda.maps]
        rest.extend(task for _, task in self.claimed)
        rest.extend(task for *_, task in self.due)
        rest.extend(task for tasks in self.inflight.values() for task in tasks)
        for one in {id(one): one for one in rest}.values():
            match one:
                case Task():
                    self.scribe.absent(one, "cancelled", why)
                case Map():
                    self.scribe.map(one, "cancelled", why)
        for queue in (self.stalled, self.agenda.ready, self.agenda.maps, self.claimed, self.due):
            queue.clear()

    def _stopped(self, signal: Signal, why: str) -> None:
        """A call ended while the run was being stopped: what succeeded is kept all the same."""
        if not isinstance(signal, Finished) or signal.id not in self.running:
            return
        running = self.running.pop(signal.id)
        if isinstance(signal.outcome, Succeeded):
            self._succeeded(running, signal.outcome)
        else:
            self.scribe.absent(running.task, "cancelled", why)

    # ---- lost bytes

    def _heal(self, running: Running, outcome: Broke) -> bool:
        """An input's bytes are lost: make it again, then this call. False when that cannot help."""
        lost = outcome.lost
        if not lost:
            return False
        task = running.task
        producers = [place for id in lost for place in self._producers(id)]
        if not producers or task.healing:
            return False
        self._release(task)
        task.keyed = None
        task.reason = ""
        for node, index in producers:
            template = self.flat.templates[node]
            if not isinstance(template, StepTemplate):
                return False
            self.commits.tell(Note(f"the stored output of '{node}' is lost; making it again", node))
            waiting = self.healing.setdefault((node, index), [])
            waiting.append(task)
            if len(waiting) == 1:
                self._make_again(template, index)
        return True

    def _make_again(self, template: StepTemplate, index: str) -> None:
        scope = self.values.scope(template.id, index)
        again = Task(template, index, scope, queued=now(), forced=True, healing=True)
        again.reason = "its stored output was lost or damaged"
        if template.node.each is not None:
            _, at = self.values.fan(template.node.each, template.inputs, scope)
            again.item = at(int(index.rpartition(".")[2]))
        keyed = self.decider.key(template, scope, again.item)
        self.decider.calls.forget([keyed.key])
        self.agenda.ready.append(again)

    def _producers(self, artifact: str) -> list[tuple[str, str]]:
        """Steps of this run that gave this artifact."""
        found = []
        for (node, index), value in self.values.known.items():
            match value:
                case Single(outputs=outputs):
                    if any(one.artifact == artifact for one in outputs.values()):
                        found.append((node, index))
                case Mapped(items=items):
                    for position, one in enumerate(items):
                        if any(m.artifact == artifact for m in one.outputs.values()):
                            at = f"{index}.{position}" if index else str(position)
                            found.append((node, at))
        return found

    def _healed(self, task: Task, value: Single) -> None:
        """What found the bytes lost is decided anew, by the content that is there now."""
        id, scope = task.template.id, task.scope
        known = self.values.known[id, scope]
        if isinstance(known, Mapped):
            items = list(known.items)
            items[task.position] = value
            self.values.known[id, scope] = Mapped(items)
            self.values.stored.clear()
        else:
            self.values.known[id, scope] = value
        self.agenda.ready.extend(self.healing.pop((id, task.index), ()))

    def _remember(self, manifest: Manifest) -> None:
        self.manifests[manifest.id] = manifest
        if len(self.manifests) > RECENT:
            del self.manifests[next(iter(self.manifests))]


def _each(template: Template) -> Each:
    each = template.each if isinstance(template, GroupTemplate) else template.node.each
    assert each is not None
    return each
