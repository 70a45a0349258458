"""The read side: runs and their steps, and what people may edit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

from penstock.core.conditions import NOWHERE, Measure, Names, Rank
from penstock.core.ports import Liveness, RunFilter
from penstock.core.records import Metric, RunRecord, StepRecord, now
from penstock.errors import NotFound
from penstock.metadata_stores import rules
from penstock.metadata_stores.chosen import Chosen, in_order, looking, passes, ranks
from penstock.metadata_stores.sql import rows
from penstock.metadata_stores.sql.calls import load_step
from penstock.metadata_stores.sql.choosing import Choosing, measure
from penstock.metadata_stores.sql.database import Database


class SqlRuns:
    def __init__(self, database: Database, alive: Liveness, clock: Callable[[], int]) -> None:
        self._database = database
        self._alive = alive
        self._clock = clock

    # ---- runs

    def get(self, prefix: str, project: str | None = None) -> RunRecord:
        return self._shown(self._row(prefix, project))

    def _row(self, wanted: str, project: str | None = None) -> rows.Row:
        row = self._database.row("by_id", {"id": wanted})
        if row is None:
            known = self._database.rows(
                "names", {"any_project": int(project is None), "project": project or ""}
            )
            row = self._database.row("by_id", {"id": rules.pick(wanted, known)})
        if row is None:
            raise NotFound(f"there is no run '{wanted}' any more")
        return row

    def _numbered(self, number: int) -> RunRecord | None:
        """None if it has been removed meanwhile."""
        row = self._database.row("by_number", {"number": number})
        return None if row is None else self._shown(row)

    def _exact(self, run: str) -> rows.Row:
        row = self._database.row("by_id", {"id": run})
        return self._row(run) if row is None else row

    def _shown(self, row: rows.Row) -> RunRecord:
        run = rows.load_run(row)
        return rules.crashed(run, row[5]) if self._crashed(run, row[14], row[15]) else run

    def _crashed(self, run: RunRecord, boot: str, expires: int) -> bool:
        if run.status != "running" or run.owner is None:
            return False
        return rules.dead(run.owner, boot, expires, self._clock(), self._alive)

    def list(self, filter: RunFilter) -> Sequence[RunRecord]:
        # What goes on, and whether it has crashed, is not in the rows but seen here: these few
        # runs are asked one by one, and sorted in among the others. They come first: one that
        # ends meanwhile is then found among those that have ended, too.
        found = [*self._going(filter)]
        choosing = Choosing(filter)
        for number, created, *keys in self._database.select(choosing.statement, choosing.values):
            found.append(Chosen(_ranks(keys), created, number, None))
        runs = {one.number: one.run for one in in_order(found, filter.order)}
        listed = islice(runs.items(), filter.limit)
        shown = (run or self._numbered(number) for number, run in listed)
        return tuple(run for run in shown if run is not None)

    def _going(self, filter: RunFilter) -> Iterator[Chosen[RunRecord | None]]:
        for row in self._database.rows("going", {}):
            run = self._shown(row)
            look = looking(run, partial(self.metrics, run.id))
            if passes(run, filter, look):
                yield Chosen(ranks(filter.order, look), run.created, row[0], run)

    def names(self, project: str | None = None) -> Names:
        database = self._database
        place = {"any_project": int(project is None), "project": project or ""}
        return Names(
            parameters=tuple(row[0] for row in database.rows("known_parameters", {})),
            steps=tuple(row[0] for row in database.rows("known_steps", place)),
            metrics=tuple(row[0] for row in database.rows("known_metrics", {})),
        )

    def measured(self, runs: Sequence[str], metric: Measure) -> Sequence[float | None]:
        found: list[float | None] = []
        for run in runs:
            row = self._database.row("measured", {"run": run, **measure(metric)})
            count, number = row or (0, None)
            found.append(None if not count else math.nan if number is None else number)
        return found

    # ---- steps

    def steps(self, run: str, node: str | None = None) -> Sequence[StepRecord]:
        row = self._exact(run)
        gone = self._crashed(rows.load_run(row), row[14], row[15])
        found = (
            (step[7], load_step(self._database, step))
            for step in self._database.rows(
                "steps", {"run": row[0], "any_node": int(node is None), "node": node or ""}
            )
        )
        if gone or row[3] == "crashed":
            found = ((at, rules.crashed_step(step, row[5])) for at, step in found)
        return tuple(rules.in_order(found))

    def metrics(self, run: str, *, last: bool = True) -> Sequence[tuple[str, Metric]]:
        number = self._exact(run)[0]
        logged: dict[int, list[Metric]] = {}
        for row in self._database.rows("metrics", {"run": number, "all": int(not last)}):
            logged.setdefault(row[0], []).append(rows.load_metric(row[1:]))
        if not logged:
            return ()
        places = self._database.rows("places", {"run": number})
        entries = {(node, item): entry for node, item, _position, entry, _detail in places}
        steps = rules.in_order(
            (position, StepRecord(run=run, node=node, index=item, queued=rows.queued(detail)))
            for node, item, position, _entry, detail in places
        )
        return tuple(
            (step.name, metric)
            for step in steps
            for metric in logged.get(entries[step.node, step.index] or 0, ())
        )

    # ---- edits

    def edit(
        self,
        run: str,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        note: str | None = None,
        kept: bool | None = None,
    ) -> RunRecord:
        database = self._database
        with database.transaction():
            row = self._exact(run)
            number, old = row[0], rows.load_run(row)
            new = old.tags if tags is None else tuple(dict.fromkeys(tags))
            database.write(
                "edit",
                {
                    "run": number,
                    "name": old.name if name is None else name,
                    "kept": int(old.kept if kept is None else kept),
                },
            )
            database.write(
                "edit_about",
                {
                    "run": number,
                    "tags": rows.dump(new),
                    "note": old.note if note is None else note,
                },
            )
            if new != old.tags:
                database.write("drop_tags", {"run": number})
                database.write_all("add_tag", [{"run": number, "name": tag} for tag in new])
        return self.get(old.id)

    def remove(self, run: str) -> None:
        database = self._database
        with database.transaction():
            row = self._exact(run)
            rules.check_removable(self._shown(row))
            number = {"run": row[0]}
            database.write("withdraw_unshared", {**number, "now": now()})
            for drop in ("steps", "checkpoints", "tags", "params", "origin", "about", "run"):
                database.write(f"drop_{drop}", number)
            database.write("release_all", number)


def _ranks(keys: Sequence[Any]) -> tuple[Rank, ...]:
    """Of a number and a text for each part of an order: one of them is, or neither."""
    return tuple(
        (0, number, "") if number is not None else NOWHERE if text is None else (1, 0.0, text)
        for number, text in zip(keys[::2], keys[1::2], strict=True)
    )
