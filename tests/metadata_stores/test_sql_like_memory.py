"""Whatever happens, the SQL store and the memory store tell the same."""

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule
from msgspec.structs import replace

from penstock.core.events import (
    Barrier,
    Checkpointed,
    Event,
    RunEnded,
    StepsPlanned,
    TextsFound,
)
from penstock.core.liveness import me
from penstock.core.ports import MetadataStore, RunFilter
from penstock.core.records import (
    Logged,
    Manifest,
    Metric,
    Owner,
    RunRecord,
    StepRecord,
)
from penstock.errors import PenstockError
from penstock.metadata_stores.memory import MemoryStore
from penstock.metadata_stores.sql import SqlStore
from penstock.testing.metadata import LATER, a_manifest, again, parts_of, performed, running

NODES = some.sampled_from(["load", "fit", "sub/fit"])
ITEMS = some.sampled_from(["", "0", "2", "10", "1.0"])
KEYS = some.sampled_from(["k0", "k1", "k2"])
SEEDS = some.sampled_from([-1, 5, 6])
VALUES = some.sampled_from("abcdef")
STORED = {value: value < "d" for value in "abcdef"}
ENDS = some.sampled_from(["done", "done", "failed", "skipped", "cancelled", "rejected"])
NUMBERS = some.sampled_from([0.5, -1.0, math.nan, math.inf, -math.inf])


def manifest(value: str) -> Manifest:
    return a_manifest(value, stored=STORED[value])


class World:
    """Owners and a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0
        self.lives: dict[int, bool | None] = {}

    def alive(self, owner: Owner) -> bool | None:
        return self.lives.get(owner.pid, True)


def timeless(value: Any) -> Any:
    """Without the moments that each store takes for itself."""
    match value:
        case RunRecord() if value.status == "crashed":
            value = replace(value, ended=0)
        case StepRecord() if value.status == "crashed":
            value = replace(value, ended=0)
    if isinstance(value, tuple | list):
        return [timeless(item) for item in value]
    return repr(msgspec.to_builtins(value))


class Stores(RuleBasedStateMachine):
    runs = Bundle("runs")

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.world = World()
        options: Any = {"alive": self.world.alive, "clock": lambda: self.world.now}
        self.stores: tuple[MetadataStore, MetadataStore] = (
            MemoryStore(**options),
            SqlStore(self.folder / "p.db", **options),
        )
        self.tokens: dict[str, tuple[str, ...]] = {}
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "stores"):
            for store in self.stores:
                store.close()
            shutil.rmtree(self.folder)

    def both(self, ask: Any, *given: Any) -> None:
        """The same answer, or the same refusal, of both."""
        answers = []
        for at, store in enumerate(self.stores):
            try:
                answers.append(timeless(ask(store, at, *given)))
            except PenstockError as error:
                answers.append((type(error), str(error)[:20]))
        assert answers[0] == answers[1]

    def append(self, run: str, *events: Event) -> None:
        self.both(lambda store, at: store.journal.append(self.tokens[run][at], list(events)))

    # ---- what happens

    @rule(
        target=runs,
        pipeline=some.sampled_from(["train", "predict"]),
        created=some.integers(1, 4),
        name=some.sampled_from(["", "best"]),
    )
    def begin(self, pipeline: str, created: int, name: str) -> str:
        self.count += 1
        id = f"r{self.count}"
        owner = replace(me(), pid=self.count)
        run = RunRecord(
            id=id, project="p", pipeline=pipeline, owner=owner, created=created, name=name
        )
        self.tokens[id] = tuple(store.journal.begin(run) for store in self.stores)
        return id

    @rule(run=runs, node=NODES, item=ITEMS, key=KEYS)
    def start(self, run: str, node: str, item: str, key: str) -> None:
        self.append(run, StepsPlanned(node, 1), running(run, node, item, key=key, ref=f"m:{node}"))

    @rule(
        run=runs,
        node=NODES,
        item=ITEMS,
        key=KEYS,
        seed=SEEDS,
        values=some.lists(VALUES, max_size=2, unique=True),
        status=ENDS,
        cached=some.booleans(),
        metrics=some.lists(
            some.tuples(some.sampled_from("xy"), NUMBERS, some.none() | some.integers(0, 3)),
            max_size=3,
        ),
        total=some.sampled_from([None, None, 3]),
        taken=some.dictionaries(some.sampled_from("pq"), VALUES, max_size=2),
        parts=some.booleans(),
        members=some.booleans(),
    )
    def end(
        self,
        run: str,
        node: str,
        item: str,
        key: str,
        seed: int,
        values: list[str],
        status: Any,
        cached: bool,
        metrics: Any,
        total: Any,
        taken: dict[str, str],
        parts: bool,
        members: bool,
    ) -> None:
        logged = Logged(tuple(Metric(n, v, s, at) for at, (n, v, s) in enumerate(metrics)))
        change = performed(
            run,
            node,
            *map(manifest, values),
            index=item,
            key=key,
            seed=seed,
            status=status,
            parts=parts_of(f"{node} {key}", **taken),
            logged=logged,
            cached=cached,
            total=total,
            queued=self.count,
        )
        if not parts:
            change = replace(change, step=replace(change.step, parts=None))
        if members and len(values) == 2:
            one, two = map(manifest, values)
            change = replace(change, members={one.id: (two.id,)})
        self.append(run, change)

    @rule(run=runs, key=KEYS, seed=SEEDS, item=ITEMS)
    def reuse(self, run: str, key: str, seed: int, item: str) -> None:
        found = self.stores[0].calls.find(key, seed)
        if found is not None:
            change = again(run, found)
            self.append(run, replace(change, step=replace(change.step, index=item)))

    @rule(run=runs, key=KEYS, value=VALUES)
    def save(self, run: str, key: str, value: str) -> None:
        self.append(run, Checkpointed(run, key, manifest(value)))

    @rule(run=runs, values=some.none() | some.lists(VALUES, max_size=3))
    def barrier(self, run: str, values: list[str] | None) -> None:
        ids = None if values is None else tuple(manifest(value).id for value in values)
        self.append(run, Barrier(run, ids), TextsFound({run: "text"}))

    @rule(run=runs, status=some.sampled_from(["done", "failed", "cancelled"]))
    def finish(self, run: str, status: Any) -> None:
        self.append(run, RunEnded(run, status, 77))

    @rule(run=runs, key=KEYS, seed=some.none() | SEEDS, node=NODES)
    def claim(self, run: str, key: str, seed: int | None, node: str) -> None:
        before = [StepsPlanned(node, 1), performed(run, "sub/fit", key=f"{key} before")]
        then = [running(run, node, key=key)]
        self.both(
            lambda store, at: store.journal.claim(
                self.tokens[run][at], key, seed=seed, before=before, then=then
            )
        )

    @rule(run=runs)
    def renew(self, run: str) -> None:
        self.both(lambda store, at: store.journal.renew(self.tokens[run][at]))

    @rule(run=runs, lives=some.sampled_from([True, False, None]))
    def fate(self, run: str, lives: bool | None) -> None:
        self.world.lives[int(run[1:])] = lives

    @rule(seconds=some.sampled_from([1, 20, 40]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds * 1_000_000

    @rule()
    def settle(self) -> None:
        self.both(lambda store, at: store.journal.settle())

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        self.both(lambda store, at: store.calls.forget([key]))

    @rule(
        run=runs,
        kept=some.none() | some.booleans(),
        tags=some.none() | some.lists(some.sampled_from("st"), max_size=2),
    )
    def edit(self, run: str, kept: bool | None, tags: list[str] | None) -> None:
        self.both(lambda store, at: store.runs.edit(run, kept=kept, tags=tags))

    @rule(run=consumes(runs))
    def remove(self, run: str) -> None:
        self.both(lambda store, at: store.runs.remove(run))

    @rule()
    def sweep(self) -> None:
        doomed = [m.id for m in self.stores[0].sweep.doomed(LATER)]
        self.both(lambda store, at: sorted(store.sweep.bury(doomed)))

    # ---- what is told

    @rule(seed=SEEDS, node=NODES, item=ITEMS)
    def look(self, seed: int, node: str, item: str) -> None:
        runs = [run.id for run in self.stores[0].runs.list(RunFilter())]
        for statuses in ((), ("crashed",), ("running",)):
            for tag in (None, "s"):
                self.both(listed, RunFilter(statuses=statuses, tag=tag, limit=3))
        self.both(lambda store, at: store.runs.get("latest~1"))
        planned = RunRecord(id="next", project="p", pipeline="train")
        for run in (planned, *map(self.stores[0].runs.get, runs)):
            self.both(previous, run, node, item)
        for run_id in runs:
            self.both(all_of, run_id)
        for key in ("k0", "k1", "k2"):
            self.both(cached, key, seed)
        for value in "abcdef":
            self.both(edges, manifest(value))
        self.both(lambda store, at: sorted(m.id for m in store.sweep.doomed(LATER)))
        self.both(lambda store, at: sorted(m.id for m in store.sweep.suspects("another")))
        self.both(lambda store, at: sorted(m.id for m in store.sweep.artifacts()))
        self.both(lambda store, at: sorted(store.catalog.texts(runs).items()))


def listed(store: MetadataStore, at: int, filter: RunFilter) -> Any:
    return store.runs.list(filter)


def previous(store: MetadataStore, at: int, run: RunRecord, node: str, item: str) -> Any:
    return store.calls.previous(run, node, item, f"m:{node}"), store.calls.previous(
        run, node, item, f"steps:{node}"
    )


def all_of(store: MetadataStore, at: int, run: str) -> Any:
    return (
        store.runs.get(run),
        store.runs.steps(run),
        store.runs.metrics(run),
        store.runs.metrics(run, last=False),
    )


def cached(store: MetadataStore, at: int, key: str, seed: int) -> Any:
    return store.calls.find(key, seed), store.calls.checkpoint(key)


def edges(store: MetadataStore, at: int, value: Manifest) -> Any:
    return store.catalog.producers(value.id), store.catalog.consumers(value.content)


TestStores = Stores.TestCase
TestStores.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
