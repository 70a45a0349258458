"""A session: a stack, the plan and the run joined. The one way from a definition to a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from penstock import __version__
from penstock.artifacts import pickled
from penstock.config.settings import configure
from penstock.core import interrupts, liveness
from penstock.core.digest import digest_bytes
from penstock.core.events import RunStarted, TextsFound
from penstock.core.graph import (
    Build,
    Closure,
    Definition,
    Expr,
    FirstOf,
    Function,
    Input,
    Literal,
    SourceRef,
)
from penstock.core.importing import distrust_young_bytecode
from penstock.core.options import Options, is_set
from penstock.core.ports import Executor, Listener, RunFilter
from penstock.core.project import Project, find_project
from penstock.core.records import ErrorRecord, RunRecord, now
from penstock.core.resources import amount
from penstock.core.tame import as_json, plain
from penstock.define.closure import Closures, sources
from penstock.define.trace import Environment
from penstock.errors import LeaseLost, PenstockError, StoreError
from penstock.perform.context import current
from penstock.perform.debugger import post_mortem
from penstock.perform.seeds import Preserved
from penstock.run.agenda import Agenda
from penstock.run.commit import Commits
from penstock.run.decide import Decider
from penstock.run.endings import Endings
from penstock.run.engine import Engine
from penstock.run.flatten import Flat, StepTemplate, flatten
from penstock.run.healing import Healing
from penstock.run.identity import new_id
from penstock.run.inputs import LIMIT
from penstock.run.narrow import Part, narrow
from penstock.run.plan import Planned, plan
from penstock.run.pool import Pool
from penstock.run.products import Single
from penstock.run.provenance import Looking, environment_digest
from penstock.run.reasons import Reasons
from penstock.run.recovery import intact, verify
from penstock.run.references import newest, resolve
from penstock.run.renewal import Renewal
from penstock.run.scribe import Scribe
from penstock.run.setting import Setting
from penstock.run.values import Values
from penstock.spec.record import pack
from penstock.stack import Stack, local_records, open_stack

SEED = 0
"""The seed of a run that names none: a rerun draws the same."""


class Ended(Struct, frozen=True):
    """A run that has ended, with the user's exception if one ended it."""

    run: RunRecord
    exception: BaseException | None = None


class Session:
    """Runs and plans definitions on one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._closures = Closures(stack.project.root, stack.artifacts.digest)
        self._unsaid: list[tuple[Commits, Exception]] = []
        """Runs that have ended, which the store refused to write down."""

    # ---- for define

    def environment(self) -> Environment:
        """What tracing a pipeline needs of its surroundings."""
        root, digest = self.stack.project.root, self.stack.artifacts.digest
        # Anew for each trace: a kernel may have other code than a moment ago.
        self._closures = closures = Closures(root, digest)

        def closed(function: Callable[..., object], **_: object) -> Closure:
            return closures.closure(function)

        return Environment(digest_value=digest, closure=closed, root=root)

    # ---- a plan

    def plan(self, definition: Definition, options: Options) -> Sequence[Planned]:
        """What `run` would do now. Runs nothing and writes nothing."""
        prepared = self._prepare(definition, options)
        record = self._record(prepared, options, "")
        values = self._values(prepared)
        decider = self._decider(prepared, options, values)
        reasons = self._reasons(prepared, record)
        return plan(prepared.flat, prepared.part, values, decider, reasons.of)

    # ---- a run

    def run(
        self, definition: Definition, options: Options, listeners: Sequence[Listener] = ()
    ) -> Ended:
        """Run it to its end, whatever that is; the record tells.

        Raises KeyboardInterrupt after the run was cancelled in good order, LeaseLost, StoreError.
        """
        metadata = self.stack.metadata
        with Looking(self.stack.project.root, __version__) as looking:
            prepared = self._prepare(definition, options)
            self._signable(prepared.flat)
            self._inspect()
            surroundings = looking.found()
        graph = pack(prepared.definition.written or prepared.definition.graph)
        digest = digest_bytes(graph.encode())
        record = replace(
            self._record(prepared, options, digest), provenance=surroundings.provenance
        )
        texts = {**surroundings.texts, digest: graph, **self._sources(prepared)}
        reasons = self._reasons(prepared, record)
        with interrupts.held(), Preserved():
            token = metadata.journal.begin(record)
            commits = Commits(
                metadata.journal, self.stack.artifacts.store, record.id, token, tuple(listeners)
            )
            engine = self._engine(prepared, record, options, commits, reasons)
            renewal = Renewal(metadata.journal, token, self._renewer(token))
            renewal.start()
            try:
                commits.tell(RunStarted(record))
                commits.add(TextsFound(texts))
                return self._finish(engine, commits, record)
            finally:
                interrupts.end()
                renewal.stop()
                engine.close()
                self._tidy(record.id)

    def _finish(self, engine: Engine, commits: Commits, record: RunRecord) -> Ended:
        try:
            status = engine.run()
            error, exception = _why(engine)
            commits.end(status, error)
        except KeyboardInterrupt:
            interrupts.end()
            try:
                engine.interrupt("the run was interrupted")
                commits.end("cancelled", None)
            except StoreError as refused:
                self._give_up(commits, refused)
                raise
            raise
        except LeaseLost:
            raise
        except Exception as ours:
            # A store refused, or we are wrong ourselves: a run must not seem to go on for that, so
            # say it in the record, if that works now.
            interrupts.end()
            try:
                with suppress(PenstockError):
                    engine.interrupt("the run could not go on")
            finally:
                self._give_up(commits, ours)
            raise
        return Ended(self.stack.metadata.runs.get(record.id), exception)

    def _give_up(self, commits: Commits, error: Exception) -> None:
        """Say the end of a run; if the store refuses even that, say it before the next run.

        Its owner may live on, as the kernel of a notebook does: nobody else would know that it has ended.
        """
        told = ErrorRecord(type(error).__name__, str(error))
        try:
            commits.give_up(told)
        except LeaseLost:
            return
        except PenstockError:
            self._unsaid.append((commits, error))

    def _say(self) -> None:
        unsaid, self._unsaid = self._unsaid, []
        for commits, error in unsaid:
            self._give_up(commits, error)

    # ---- making ready

    def _prepare(self, definition: Definition, options: Options) -> _Prepared:
        # By now all that the steps reach has been imported.
        distrust_young_bytecode()
        definition = configure(definition, options.settings, self.stack.artifacts.digest)
        flat = flatten(definition)
        part = narrow(flat, options)
        for one in flat.templates.values():
            if isinstance(one, StepTemplate):
                serializers = {output.serializer for output in one.node.outputs} - {""}
                self.stack.require(one.id, one.node.executor, one.node.env, serializers)
        addresses = {
            one.address
            for template in flat.templates.values()
            for source in (*template.inputs.values(), *template.guards)
            for one in _sources_in(source)
        }
        addresses |= set(part.replace.values()) | {s.address for s in _sources_in(flat.outputs)}
        found = {address: self._resolve(address) for address in sorted(addresses)}
        return _Prepared(definition, flat, part, found, _tokens(flat))

    def _signable(self, flat: Flat) -> None:
        """Refuse what is declared to be kept as a pickle before any step runs, if nothing can sign it."""
        for template in flat.templates.values():
            if isinstance(template, StepTemplate):
                returned = template.function.hints.get("return")
                named = {output.serializer for output in template.node.outputs}
                if named & pickled.SERIALIZERS or pickled.is_pickled(returned):
                    self.stack.artifacts.require_key(f"the output of '{template.id}'")

    def _record(self, prepared: _Prepared, options: Options, graph: str) -> RunRecord:
        definition = prepared.definition
        parent = current()
        return RunRecord(
            id=new_id(),
            project=self.stack.project.name,
            pipeline=definition.graph.name,
            ref=definition.graph.ref,
            name=options.name,
            status="running",
            created=now(),
            started=now(),
            seed=SEED if options.seed is None else options.seed,
            parameters={
                name: _shown(source) for name, source in definition.graph.arguments.items()
            },
            tags=tuple(options.tags),
            note=options.note,
            stack=self.stack.name,
            options={name: plain(value) for name, value in is_set(options).items()},
            logical_date=options.logical_date or datetime.now(UTC).date().isoformat(),
            parent=f"{parent.run_id}/{parent.step}" if parent is not None else "",
            graph=graph,
            result=as_json(prepared.flat.outputs),
            owner=liveness.me(),
        )

    def _values(self, prepared: _Prepared) -> Values:
        asked = self.stack.config.retention.get("inputs")
        return Values(
            self.stack.artifacts,
            self.stack.metadata.catalog.manifest,
            prepared.flat.templates,
            prepared.sources,
            keep=LIMIT if asked is None else amount(asked),
        )

    def _decider(self, prepared: _Prepared, options: Options, values: Values) -> Decider:
        return Decider(
            calls=self.stack.metadata.calls,
            store=self.stack.artifacts.store,
            values=values,
            options=replace(options, refresh=tuple(prepared.part.refresh)),
            seed=SEED if options.seed is None else options.seed,
            class_digest=lru_cache(maxsize=None)(self._closures.class_digest),
            environment=lru_cache(maxsize=1)(environment_digest),
            intact=partial(intact, self.stack.artifacts.store),
            tokens=prepared.tokens,
        )

    def _reasons(self, prepared: _Prepared, record: RunRecord) -> Reasons:
        steps = [t for t in prepared.flat.templates.values() if isinstance(t, StepTemplate)]
        metadata = self.stack.metadata
        before = RunFilter(project=record.project, pipeline=record.pipeline, limit=2)
        return Reasons(
            metadata.calls,
            metadata.catalog,
            record,
            {step.node.code: step.function.closure for step in steps},
            first=all(run.id == record.id for run in metadata.runs.list(before)),
        )

    def _engine(
        self,
        prepared: _Prepared,
        record: RunRecord,
        options: Options,
        commits: Commits,
        reasons: Reasons,
    ) -> Engine:
        metadata, values = self.stack.metadata, self._values(prepared)
        decider = self._decider(prepared, options, values)
        workers = 0 if options.pdb else options.workers or 0

        def executor(kind: str) -> Executor:
            return self.stack.executor(workers or (1 if kind else 0), kind)

        setting = Setting(
            run=record.id,
            options=options,
            logical_date=record.logical_date,
            executor=executor,
            isolated=workers > 0 or self.stack.isolates or not metadata.address(),
            explain=lambda task: reasons.of(
                task.template.node, task.template.id, task.index, task.call_keyed
            ),
            borrow=lambda node, index: newest(
                metadata, record.project, record.pipeline, node, index
            ),
            resolve=prepared.sources.__getitem__,
            checkpoint=metadata.calls.checkpoint,
            failed=post_mortem if options.pdb else None,
        )
        flat, part = prepared.flat, prepared.part
        scribe = Scribe(record.id, commits)
        agenda = Agenda(flat, values, scribe)
        healing = Healing(flat, values, decider, part.borrow | part.replace.keys())
        return Engine(
            flat=flat,
            part=part,
            values=values,
            decider=decider,
            commits=commits,
            setting=setting,
            scribe=scribe,
            agenda=agenda,
            healing=healing,
            endings=Endings(setting, flat, part, values, scribe, agenda, healing),
            pool=Pool(setting.executor),
        )

    # ---- what the stores are asked

    def _inspect(self) -> None:
        """Write down crashed runs; verify what a lost boot left behind, before it is reused."""
        self._say()
        self.stack.metadata.journal.settle()
        verify(self.stack.metadata, self.stack.artifacts.store, liveness.boot())

    def _tidy(self, run: str) -> None:
        """Remove what steps that were stopped left in their scratch folders."""
        scratch = self.stack.tools().scratch
        if scratch.is_dir():
            for folder in scratch.glob(f"{run}.*"):
                shutil.rmtree(folder, ignore_errors=True)

    def _resolve(self, address: str) -> Single:
        stack = self.stack
        return resolve(address, stack.metadata, stack.artifacts, stack.project.name)

    def _sources(self, prepared: _Prepared) -> dict[str, str]:
        """The closures, with their sources, that the store does not know yet; by code digest."""
        functions: dict[str, Function] = {
            t.node.code: t.function
            for t in prepared.flat.templates.values()
            if isinstance(t, StepTemplate)
        }
        known = self.stack.metadata.catalog.texts(list(functions))
        return {
            code: as_json(sources(function.closure(), self.stack.project.root))
            for code, function in functions.items()
            if code not in known
        }

    def _renewer(self, token: str) -> Callable[[], list[str]]:
        owner = as_json(liveness.me())
        if not self.stack.metadata.address():
            return list
        return lambda: ["-m", "penstock.renewer", self.stack.reference(), token, owner]


def _why(engine: Engine) -> tuple[ErrorRecord | None, BaseException | None]:
    """What failed first: for the record, and as the user's own exception."""
    if engine.endings.failure is None:
        return None, None
    name, broke = engine.endings.failure
    if isinstance(broke, ErrorRecord):
        return replace(broke, message=f"'{name}': {broke.message}"), None
    return replace(broke.error, message=f"'{name}': {broke.error.message}"), broke.exception


class _Prepared(Struct, frozen=True):
    definition: Definition
    flat: Flat
    part: Part
    sources: Mapping[str, Single]
    tokens: Mapping[str, str]


_sessions: dict[tuple[Path, Path, str], tuple[Session, tuple[int, int] | None]] = {}
"""With the file of local records that each has open."""


def session(project: Project | None = None, stack: str = "", *, reading: bool = False) -> Session:
    """The session of a project and a stack, opened once in a process; one for `reading` leaves no trace."""
    project = project or find_project(Path.cwd())
    if reading:
        return Session(open_stack(project, name=stack, reading=True))
    key = (project.root, project.home, stack)
    opened, file = _sessions.get(key, (None, None))
    # Someone may have removed the records since: what is written to a file without a name is lost.
    if opened is None or file != local_records(project):
        opened = Session(open_stack(project, name=stack))
        _sessions[key] = (opened, local_records(project))
    return opened


def _tokens(flat: Flat) -> dict[str, str]:
    """What each `Cache(key=fn)` says of its step's literal arguments, asked before planning."""
    tokens: dict[str, str] = {}
    for template in flat.templates.values():
        if isinstance(template, StepTemplate) and template.function.key is not None:
            given = {
                name: source.value
                for name, source in template.inputs.items()
                if isinstance(source, Literal)
            }
            tokens[template.id] = str(template.function.key(**given))
    return tokens


def _sources_in(source: Input) -> Iterator[SourceRef]:
    match source:
        case SourceRef():
            yield source
        case Build(items=inner) | Expr(operands=inner) | FirstOf(options=inner):
            for one in inner:
                yield from _sources_in(one)


def _shown(source: Input) -> Any:
    return plain(source.value) if isinstance(source, Literal) else repr(source)
