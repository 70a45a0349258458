"""The read side: runs and their steps, and what people may edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.core.ports import Liveness, RunFilter
from penstock.core.records import Metric, RunRecord, StepRecord, now
from penstock.errors import NotFound
from penstock.metadata_stores import rules
from penstock.metadata_stores.sql import rows
from penstock.metadata_stores.sql.calls import load_step
from penstock.metadata_stores.sql.database import Database

PAGE = 200
END = 2**62


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
        found: list[RunRecord] = []
        created, number = END if filter.before is None else filter.before, 0
        # Whether a run has crashed is seen here, not in the rows: read page by page, then choose.
        size = min(filter.limit, PAGE) if not filter.statuses else PAGE
        while len(found) < filter.limit:
            page = self._database.rows(
                "page",
                {
                    "created": created,
                    "number": number,
                    "any_project": int(filter.project is None),
                    "project": filter.project or "",
                    "any_pipeline": int(filter.pipeline is None),
                    "pipeline": filter.pipeline or "",
                    "any_parent": int(filter.parent is None),
                    "parent": filter.parent or "",
                    "any_tag": int(filter.tag is None),
                    "tag": filter.tag or "",
                    "limit": size,
                },
            )
            for row in page:
                run = self._shown(row)
                if not filter.statuses or run.status in filter.statuses:
                    found.append(run)
            if len(page) < size:
                break
            number, created = page[-1][0], page[-1][21]
        return tuple(found[: filter.limit])

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
            for drop in ("steps", "checkpoints", "tags", "params", "about", "run"):
                database.write(f"drop_{drop}", number)
            database.write("release_all", number)
