"""Runs as people hold them: what happened, step by step, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from penstock.api import seam
from penstock.api.artifact import Artifact
from penstock.core.records import FINAL, ErrorRecord, RunRecord, Status, StepRecord
from penstock.define.callee import Marker
from penstock.errors import NotFound

if TYPE_CHECKING:
    from penstock.client import Client
    from penstock.core.explanation import Explanation
    from penstock.experiments.compare.comparison import Comparison

R = TypeVar("R")


class StepRun(Marker):
    """One step of a run, or one item of its map: `run["fit"]`, `run["fit[3]"]`, `run.steps`."""

    __slots__ = ("_client", "_stack", "record")

    def __init__(self, record: StepRecord, client: Client, stack: str) -> None:
        self.record = record
        self._client = client
        self._stack = stack

    @property
    def name(self) -> str:
        """ "fit", "sub/fit-2"; of an item "fit[3]"."""
        return self.record.name

    @property
    def status(self) -> Status:
        """As `docs/explanation/status.md` lists them: "done", "reused", "failed", "skipped" …"""
        return self.record.status

    @property
    def reason(self) -> str:
        """Why it ran, or where it was reused from."""
        return self.record.reason

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noticed while it ran: reads that its key does not know, a result that differs."""
        return self.record.notes

    @property
    def error(self) -> ErrorRecord | None:
        """Of a failed step: the exception's `type`, `message` and `traceback`, as text."""
        return self.record.error

    @property
    def seconds(self) -> float:
        """From its start to its end, loading and storing included; 0 where it was reused."""
        return _seconds(self.record.started, self.record.ended)

    @property
    def cpu(self) -> float:
        """Seconds of processor time."""
        return self.record.cpu

    @property
    def memory(self) -> int:
        """Peak bytes: exact where the step had its own process, else sampled."""
        return self.record.memory

    @property
    def attempt(self) -> int:
        """1, and one more for each retry."""
        return self.record.attempt

    @property
    def seed(self) -> int | None:
        """What chance was seeded with; None if it drew nothing."""
        return self.record.seed

    @property
    def started(self) -> datetime | None:
        """In UTC."""
        return _moment(self.record.started)

    @property
    def ended(self) -> datetime | None:
        """In UTC; None while it goes on."""
        return _moment(self.record.ended)

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric that it logged."""
        return {metric.name: metric.value for metric in self.record.logged.metrics}

    @property
    def items(self) -> list[StepRun]:
        """Of a map: its items, in order."""
        if self.record.index:
            return []
        found = self._client.steps(self.record.run, self.record.node)
        items = [StepRun(step, self._client, self._stack) for step in found if step.index]
        return sorted(items, key=lambda item: [int(n) for n in item.record.index.split(".")])

    @property
    def output(self) -> Any:
        """What it returned, as an Artifact: `.load()` it, or pass it to another run."""
        outputs = self.record.outputs
        if len(outputs) > 1:
            raise NotFound(
                f"'{self.name}' has several outputs",
                hint="Take one of them: " + ", ".join(f"outputs[{name!r}]" for name in outputs),
            )
        if not outputs and self.record.total is None:
            raise NotFound(f"'{self.name}' gave nothing: it is {self.status}", hint=self.reason)
        return Artifact(self._address(), self._stack)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Every output by name, as an Artifact."""
        names = self.record.outputs
        return {name: Artifact(f"{self._address()}.{name}", self._stack) for name in names}

    @property
    def artifacts(self) -> Mapping[str, Any]:
        """What it logged beside its outputs, by name."""
        logged = self.record.logged.artifacts
        return {n: Artifact(f"artifact:{made.artifact}", self._stack) for n, made in logged.items()}

    @property
    def logs(self) -> str:
        """What it printed and logged."""
        return self._client.log(self.record.run, self.name)

    @property
    def code(self) -> Mapping[str, str]:
        """The source of everything that its code reached, by "file:name"."""
        return self._client.code(self.record.run, self.name)

    def why(self) -> Explanation:
        """Which part of its key changed, and how."""
        return self._client.why(self.record.run, self.name)

    def _address(self) -> str:
        return f"run:{self.record.run}/{self.name}"

    def _repr_html_(self) -> str | None:
        return seam.form("of_step", self._client, self.record.run, self.name)

    def __repr__(self) -> str:
        return f"<step {self.name}: {self.status}>"


class Run(Marker, Generic[R]):
    """One run of a pipeline: what `.run(…)`, `runs()` and `find_run()` give. `run["fit"]` is one step."""

    def __init__(self, record: RunRecord, stack: str = "") -> None:
        self._record = record
        self._stack = stack

    @property
    def record(self) -> RunRecord:
        """Everything that is known of it; of a run that goes on, as it is now."""
        if self._record.status not in FINAL:
            self._record = self._client.run(self.id)
        return self._record

    @property
    def id(self) -> str:
        """Short, and sortable by time."""
        return self._record.id

    @property
    def status(self) -> Status:
        """As it is now: "running", "done", "failed", "rejected", "cancelled" or "crashed"."""
        return self.record.status

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return self._record.pipeline

    @property
    def name(self) -> str:
        """The name that it was given; "" without one."""
        return self._record.name

    @property
    def stack(self) -> str:
        """The stack that it is read from, by name; "" is the default one."""
        return self._stack

    @property
    def tags(self) -> tuple[str, ...]:
        """Words by which it is found."""
        return self._record.tags

    @property
    def note(self) -> str:
        """What somebody wrote about it."""
        return self._record.note

    @property
    def kept(self) -> bool:
        """Whether it is kept from being removed."""
        return self._record.kept

    @property
    def seed(self) -> int:
        """The run's seed, of which those of its steps are made."""
        return self._record.seed

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The pipeline's arguments as they are shown: what JSON cannot say is text."""
        return self._record.parameters

    @property
    def error(self) -> ErrorRecord | None:
        """Of a run that is not done: what ended it."""
        return self.record.error

    @property
    def started(self) -> datetime | None:
        return _moment(self.record.started)

    @property
    def ended(self) -> datetime | None:
        return _moment(self.record.ended)

    @property
    def seconds(self) -> float:
        """From its start to its end; 0 while it goes on."""
        return _seconds(self.record.started, self.record.ended)

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of everything that was logged, like {"evaluate.auc": 0.71}."""
        found = self._client.metrics(self.id)
        return {f"{node}.{metric.name}": metric.value for node, metric in found}

    @property
    def steps(self) -> list[StepRun]:
        """In the order in which they came; a map is one, which has its `items`."""
        records = self._client.steps(self.id)
        maps = {step.node for step in records if not step.index}
        # Inside a mapped pipeline there are only items.
        shown = [step for step in records if not step.index or step.node not in maps]
        return [StepRun(step, self._client, self._stack) for step in shown]

    def __getitem__(self, step: str) -> StepRun:
        return StepRun(self._client.step(self.id, step), self._client, self._stack)

    def result(self) -> R:
        """What the pipeline returned, loaded."""
        if self.status not in ("done", "rejected"):
            raise NotFound(
                f"run {self.id} returned nothing: it is {self.status}",
                hint="Its steps may have: run[step].output.load()",
            )
        return cast(R, self._client.result(self.id))

    @property
    def yaml(self) -> str:
        """Its pipeline as `penstock compile` writes it: what ran, whatever the code has become."""
        return self._client.yaml(self.id)

    def compare(
        self, *others: Run[Any] | str, everything: bool = False, primary: str = ""
    ) -> Comparison:
        """This run, as the baseline, beside others: what differs, or with `everything` all.

        Better and worse are by the pipeline's primary metric, or by another one named here.
        """
        ids = [other.id if isinstance(other, Run) else other for other in others]
        return seam.compare(self._client, self.id, *ids, everything=everything, judged=primary)

    def edit(
        self,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        keep: bool | None = None,
    ) -> Run[R]:
        """Change what people say of it; what is left out stays. Raises UsageError for a name that
        means another run (`last`, `latest`) or a step (with a `/`)."""
        self._record = self._client.edit(self.id, name=name, tags=tags, note=note, kept=keep)
        return self

    @property
    def _client(self) -> Client:
        return seam.client(self._stack)

    def _repr_html_(self) -> str | None:
        return seam.form("of_run", self._client, self.id)

    def __repr__(self) -> str:
        name = f" '{self.name}'" if self.name else ""
        return f"<run {self.id}{name} of {self.pipeline}: {self.status}>"


def find_run(run: str = "last", *, stack: str = "") -> Run[Any]:
    """A run by its id, the beginning of one, or its name; "last" is the newest. Raises NotFound."""
    return Run(seam.client(stack).run(run), stack)


def _moment(at: int) -> datetime | None:
    return datetime.fromtimestamp(at / 1e6, UTC) if at else None


def _seconds(started: int, ended: int) -> float:
    return (ended - started) / 1e6 if started and ended else 0.0
