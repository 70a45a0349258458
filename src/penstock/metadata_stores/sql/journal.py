"""The write side: every change of a run is one transaction of the one who owns it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from penstock.core import events as said
from penstock.core import liveness
from penstock.core.ports import Liveness
from penstock.core.records import RunRecord, now
from penstock.errors import StoreError
from penstock.metadata_stores import rules
from penstock.metadata_stores.sql import described, rows
from penstock.metadata_stores.sql.appending import Batch, Places
from penstock.metadata_stores.sql.database import Database
from penstock.metadata_stores.sql.remembered import Remembered

T = TypeVar("T")


class _Taken(Exception):
    """The claim is not free, or not needed: nothing is written."""


class SqlJournal:
    def __init__(
        self,
        database: Database,
        remembered: Remembered,
        alive: Liveness,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._remembered = remembered
        self._alive = alive
        self._clock = clock
        self._places: Places = {}
        self._numbers: dict[str, int] = {}
        """Of runs that have written, by token."""
        self._renewing: Database | None = None

    # ---- a run's life

    def begin(self, run: RunRecord) -> str:
        token = rules.new_token()
        moment = now()
        database = self._database
        with database.transaction():
            added = database.row(
                "begin",
                {
                    "id": run.id,
                    "project": run.project,
                    "pipeline": run.pipeline,
                    "name": run.name,
                    "parent": run.parent,
                    "created": run.created or moment,
                    "now": moment,
                    "kept": int(run.kept),
                    "token": token,
                    **self._lease(),
                },
            )
            if added is None:
                raise StoreError(f"there is a run '{run.id}' already")
            number = added[0]
            database.write(
                "begin_about",
                {
                    "run": number,
                    "owner": rows.dump(run.owner or liveness.me()),
                    "tags": rows.dump(run.tags),
                    "note": run.note,
                    "record": rows.dump_run(run),
                },
            )
            database.write_all("add_tag", [{"run": number, "name": tag} for tag in run.tags])
            database.write_all("add_param", described.parameters(number, run))
            database.write("add_origin", described.origin(number, run))
        return token

    def _lease(self) -> dict[str, object]:
        return {"boot": liveness.boot(), "expires": self._clock() + rules.LEASE}

    def renew(self, token: str) -> bool:
        # A connection of its own: a long append must not let the lease run out.
        if self._renewing is None:
            self._renewing = self._database.another()
        with self._renewing.transaction():
            found = self._renewing.write("renew", {"token": token, "now": now(), **self._lease()})
        return found > 0

    def settle(self) -> int:
        database = self._database
        gone = [row for row in database.rows("live", {}) if self._dead(row[2], row[3], row[4])]
        settled = 0
        for number, token, _boot, expires, _owner in gone:
            with database.transaction():
                # Only as it was seen: a run that was renewed since, or ended, stays as it is.
                if database.write(
                    "settle_run", {"run": number, "token": token, "expires": expires}
                ):
                    database.write("settle_steps", {"run": number})
                    database.write("release_all", {"run": number})
                    settled += 1
        return settled

    def _dead(self, boot: str, expires: int, owner: str) -> bool:
        return rules.dead(rows.load_owner(owner), boot, expires, self._clock(), self._alive)

    # ---- claims

    def claim(
        self,
        token: str,
        key: str,
        *,
        seed: int | None = None,
        before: Sequence[said.Event] = (),
        then: Sequence[said.Event] = (),
    ) -> str:
        def claimed() -> str:
            number = self._numbers.get(token)
            if number is not None:
                with suppress(_Taken):
                    return self._claim_free(token, number, key, seed, (*before, *then))
                self._forget()
            return self._claim(token, key, seed, before, then)

        return self._anew(claimed)

    def _claim_free(
        self, token: str, number: int, key: str, seed: int | None, events: Sequence[said.Event]
    ) -> str:
        """As it mostly is: nobody has the claim, and no result is known. Else _Taken, and no trace."""
        database = self._database
        with database.transaction():
            claim = {"key": key, "run": number}
            if seed is None:
                claimed = database.write("add_claim", claim)
            else:
                claimed = database.write("add_claim_unless_known", {**claim, "seed": str(seed)})
            if not claimed:
                raise _Taken
            return self._write(token, events)[1]

    def _claim(
        self,
        token: str,
        key: str,
        seed: int | None,
        before: Sequence[said.Event],
        then: Sequence[said.Event],
    ) -> str:
        database = self._database
        with database.transaction():
            number, id = self._write(token, before)
            if seed is not None and database.row("find", {"key": key, "seed": str(seed)}):
                return ""
            if not database.write("add_claim", {"key": key, "run": number}):
                holder = self._holder(key, number)
                if holder:
                    return holder
                database.write("take_claim", {"key": key, "run": number})
            if then:
                self._write(token, then)
            return id

    def _holder(self, key: str, us: int) -> str:
        """The living run that has this claim, other than us; "" if there is none."""
        found = self._database.row("claimant", {"key": key})
        assert found is not None
        number, id, status, boot, expires, owner = found
        if number == us or status != "running" or self._dead(boot, expires, owner):
            return ""
        return str(id)

    # ---- what happened

    def append(self, token: str, events: Sequence[said.Event], *, durable: bool = False) -> None:
        def write() -> None:
            with self._database.transaction(durable=durable):
                self._write(token, events)

        self._anew(write)

    def _anew(self, write: Callable[[], T]) -> T:
        """`write`, and once more if it referred to a call that has been swept away since."""
        try:
            try:
                return write()
            except StoreError as error:
                if not isinstance(error.__cause__, sqlite3.IntegrityError):
                    raise
                self._forget()
                return write()
        except BaseException:
            self._forget()  # what was remembered may have been rolled back
            raise

    def _forget(self) -> None:
        self._remembered.clear()
        self._places.clear()

    def _write(self, token: str, events: Sequence[said.Event]) -> tuple[int, str]:
        """Write the events inside a transaction, as the owner; the run's number and id."""
        if not events:
            us = self._database.row("owner_of", {"token": token})
            if us is None:
                raise rules.lost(token)
            return us[0], str(us[1])
        steps = [event.step for event in events if isinstance(event, said.StepChanged)]
        planned = sum(event.total for event in events if isinstance(event, said.StepsPlanned))
        owned = self._database.row(
            "fence",
            {
                "token": token,
                "now": now(),
                "steps": len(steps),
                "total": planned,
                **rules.counts(steps),
                **self._lease(),
            },
        )
        if owned is None:
            raise rules.lost(token)
        Batch(self._database, self._remembered, self._places, owned).write(events)
        self._numbers[token] = owned[0]
        return owned[0], str(owned[1])

    def close(self) -> None:
        if self._renewing is not None:
            self._renewing.close()
