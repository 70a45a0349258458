"""One batch of events, written inside one transaction."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from penstock.core import events as said
from penstock.core.events import StepChanged
from penstock.core.liveness import boot
from penstock.core.records import FINAL, CallRecord, Manifest, RunRecord, StepRecord, now
from penstock.metadata_stores import rules
from penstock.metadata_stores.sql import described, rows
from penstock.metadata_stores.sql.calls import load_call
from penstock.metadata_stores.sql.database import Database
from penstock.metadata_stores.sql.remembered import Remembered

Places = dict[tuple[str, str, str], int]
Values = dict[str, Any]
PACKED_FROM = 512
"""Characters from which a text is worth compressing."""


class Batch:
    """`owned` is what the fence returned: number, id, project and pipeline of the run, position."""

    def __init__(
        self, database: Database, remembered: Remembered, places: Places, owned: rows.Row
    ) -> None:
        self._database = database
        self._remembered = remembered
        self._places = places
        self._run, self._id, self._project, self._pipeline, self._position = owned
        self._now = now()

    def write(self, events: Sequence[said.Event]) -> None:
        for together, group in groupby(events, lambda event: isinstance(event, StepChanged)):
            if together:
                self._steps([event for event in group if isinstance(event, StepChanged)])
            else:
                for event in group:
                    self._one(event)

    def _one(self, event: said.Event) -> None:
        database = self._database
        match event:
            case said.TextsFound(texts=texts):
                self._texts(texts)
            case said.Checkpointed(key=key, manifest=manifest, items=items):
                self._artifacts([*items, manifest])
                listed = [{"collection": manifest.id, "item": item.id} for item in items]
                database.write_all("add_member", listed)
                row = {"key": key, "run": self._run, "artifact": manifest.id}
                database.write("add_checkpoint", row)
            case said.Barrier(artifacts=None):
                database.write("barrier", {"run": self._run})
                database.write("barrier_run", {"run": self._run})
            case said.Barrier(artifacts=artifacts):
                database.write_all("vouch", [{"id": id} for id in artifacts or ()])
            case said.RunStarted(run=run):
                self._described(run)
            case said.RunEnded(status=status, at=at, error=error):
                database.write("end_run", {"run": self._run, "status": status, "at": at})
                if error is not None:
                    database.write("end_about", {"run": self._run, "error": rows.dump(error)})
                database.write("release_all", {"run": self._run})
            case said.StepsPlanned(nodes=nodes):
                self._plan(nodes)
            case StepChanged() | said.Progress() | said.Note():
                pass  # written in groups, or not kept

    def _described(self, run: RunRecord) -> None:
        self._database.write("describe", {"run": self._run, "record": rows.dump_run(run)})
        self._database.write_all("add_param", described.parameters(self._run, run))
        self._database.write("add_origin", described.origin(self._run, run))

    def _texts(self, texts: dict[str, str]) -> None:
        for digest, text in texts.items():
            if self._database.row("has_text", {"digest": digest}):
                continue
            data = text.encode("utf-8", "surrogatepass")
            packed = len(text) >= PACKED_FROM
            self._database.write(
                "add_text",
                {
                    "digest": digest,
                    "packed": int(packed),
                    "data": zlib.compress(data, 3) if packed else data,
                },
            )

    # ---- artifacts

    def _artifacts(self, manifests: Sequence[Manifest]) -> None:
        here = boot()
        self._database.write_all(
            "add_artifact",
            (
                {
                    "id": manifest.id,
                    "content": manifest.content,
                    "run": self._run,
                    "boot": here,
                    # What lives in this row is as durable as the row.
                    "durable": int(manifest.inline is not None or not manifest.files),
                    "created": self._now,
                    "inline": manifest.inline,
                    "manifest": rows.dump_manifest(manifest),
                }
                for manifest in manifests
            ),
        )
        files = [
            {"artifact": manifest.id, "digest": file.digest}
            for manifest in manifests
            if manifest.inline is None
            for file in manifest.files
        ]
        if files:
            self._database.write_all("add_file", files)

    # ---- steps

    def _steps(self, changes: Sequence[StepChanged]) -> None:
        database = self._database
        if manifests := [manifest for change in changes for manifest in change.manifests]:
            self._artifacts(manifests)
        if members := list(_members(changes)):
            database.write_all("add_member", members)
        written = [self._row(change) for change in changes]
        self._position += len(changes)
        if database.write_all("add_step", written) != len(written):
            # Some had ended before and stay as they were: what the fence added is not true.
            database.write("recount", {"run": self._run})
        self._ended([change.step for change in changes if change.step.status in FINAL])

    def _ended(self, steps: Sequence[StepRecord]) -> None:
        keys = [step.key for step in steps if step.key]
        self._database.write_all("release", [{"key": key, "run": self._run} for key in keys])
        succeeded = [{"key": s.key} for s in steps if s.key and s.status in ("done", "reused")]
        self._database.write_all("drop_checkpoint", succeeded)

    def _row(self, change: StepChanged) -> Values:
        step = change.step
        entry = self._entry(change)
        self._position += 1
        return {
            "run": self._run,
            "place": self._place(step.node),
            "item": step.index,
            "position": self._position,
            "status": step.status,
            "own": int(step.total is not None),
            "entry": entry,
            "detail": rows.dump_step(step, shared=entry is not None),
        }

    def _place(self, node: str) -> int:
        if (known := self._places.get((self._project, self._pipeline, node))) is not None:
            return known
        values = {"project": self._project, "pipeline": self._pipeline, "node": node}
        if (row := self._database.row("place", values)) is None:
            self._plan([node])
            return self._place(node)
        id: int = row[0]
        self._places[self._project, self._pipeline, node] = id
        return id

    def _plan(self, nodes: Sequence[str]) -> None:
        """Their places, in one transaction: one by one they would be a seventh of a step's pages."""
        database = self._database
        pipeline = {"project": self._project, "pipeline": self._pipeline}
        known: dict[str, int] = dict(database.rows("known_places", pipeline))
        if new := [{**pipeline, "node": node} for node in nodes if node not in known]:
            database.write_all("add_place", new)
            known = dict(database.rows("known_places", pipeline))
        for node in nodes:
            self._places[self._project, self._pipeline, node] = known[node]

    # ---- calls

    def _entry(self, change: StepChanged) -> int | None:
        """The row of `call` that says what this step was made of and what it gave."""
        step, call = change.step, change.call
        if step.drew and step.key and step.status in FINAL:
            # It draws after all: who did not see that may not be reused under another seed.
            self._withdraw(step.key, -1)
        if call is not None:
            self._withdraw(call.key, call.seed)
            id = self._add_call(call, step.ref, change, withdrawn=0)
            self._remembered.put(call.key, id, call)
            if rules.is_of(step, call):
                return id
        elif (known := self._known(step)) is not None:
            if rules.takes_over(step, known[1]):
                return known[0]
            step = rules.with_parts(step, known[1])
        if not rules.performed(step):
            return None
        own = rules.own_call(step, self._id, self._now)
        return self._add_call(own, step.ref, change, withdrawn=self._now)

    def _known(self, step: StepRecord) -> tuple[int, CallRecord] | None:
        """The entry that a reused step most likely took over."""
        if step.status != "reused" or not step.key:
            return None
        known = self._remembered.get(step.key)
        if known is not None and rules.takes_over(step, known[1]):
            return known
        seed = "-1" if step.seed is None else str(step.seed)
        row = self._database.row("find", {"key": step.key, "seed": seed})
        return None if row is None else (row[0], load_call(self._database, row))

    def _withdraw(self, key: str, seed: int) -> None:
        self._database.write(
            "withdraw", {"key": key, "seed": str(seed), "other": str(seed), "now": self._now}
        )

    def _add_call(self, call: CallRecord, ref: str, change: StepChanged, *, withdrawn: int) -> int:
        database = self._database
        metrics = call.logged.metrics
        row = database.row(
            "add_call",
            {
                "key": call.key,
                "seed": str(call.seed),
                "withdrawn": withdrawn,
                "run": self._run,
                "ref": ref,
                "parts": int(call.parts != rules.NO_PARTS),
                "metrics": len(metrics),
                "record": rows.dump_call(call),
            },
        )
        assert row is not None
        id: int = row[0]
        if edges := list(_made(id, call, change)):
            database.write_all("add_made", edges)
        if taken := call.parts.inputs:
            database.write_all(
                "add_taken",
                [{"entry": id, "name": n, "content": content} for n, content in taken.items()],
            )
        if metrics:
            database.write_all(
                "add_metric", [rows.metric_row(id, at, metric) for at, metric in enumerate(metrics)]
            )
            database.write_all(
                "add_metric_last",
                [
                    described.last_metric(id, at, metrics[at].name, metrics[at].value)
                    for at in rules.last_of_each(metrics)
                ],
            )
        return id


def _made(entry: int, call: CallRecord, change: StepChanged) -> Iterator[Values]:
    for kind, made in (("output", call.outputs), ("logged", call.logged.artifacts)):
        for name, one in made.items():
            yield {"entry": entry, "kind": kind, "name": name, "artifact": one.artifact}
    if len(change.manifests) > len(call.outputs):
        for id in rules.extras(call, change):
            yield {"entry": entry, "kind": "extra", "name": "", "artifact": id}


def _members(changes: Sequence[StepChanged]) -> Iterator[Values]:
    for change in changes:
        for collection, items in change.members.items():
            for item in items:
                yield {"collection": collection, "item": item}
