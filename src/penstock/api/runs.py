"""Lists of runs: filtered and sorted, shown as a table, given to pandas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

from penstock.api import seam
from penstock.api.run import Run
from penstock.core.records import Status
from penstock.errors import NotFound

if TYPE_CHECKING:
    # Filters are loaded with what reads runs.
    from penstock.core.ports import RunFilter
    from penstock.experiments.compare.comparison import Comparison
    from penstock.experiments.listing import Listing

R = TypeVar("R")


class Runs(list[Run[R]]):
    """A list of runs that shows itself as a table, with what it was filtered and sorted by."""

    def __init__(
        self, found: Iterable[Run[R]] = (), *, filter: RunFilter | None = None, stack: str = ""
    ) -> None:
        super().__init__(found)
        self._filter = filter
        self._stack = stack

    @property
    def best(self) -> Run[R]:
        """The best by their pipeline's primary metric. Raises NotFound if there is none."""
        listing = self._listing()
        if listing.best is not None:
            return self[listing.best]
        if len(self) == 1:
            return self[0]
        judge = listing.primary
        raise NotFound(
            f"none of these {len(self)} runs logged '{judge.metric}'"
            if judge
            else "these runs have no primary metric in common",
            hint='Declare it: @pipeline(primary="evaluate.auc"), or sort them by a metric.',
        )

    def compare(self, *, everything: bool = False, primary: str = "") -> Comparison:
        """All of them beside each other; the first is the baseline."""
        if not self:
            raise NotFound("there is no run to compare", hint="The filter found none.")
        first, *others = self
        return first.compare(*others, everything=everything, primary=primary)

    def to_pandas(self) -> Any:
        """A DataFrame by id, with a column for every parameter and metric. Raises MissingExtra."""
        return seam.frame(seam.client(self._stack), [run.record for run in self])

    @overload
    def __getitem__(self, at: SupportsIndex, /) -> Run[R]: ...
    @overload
    def __getitem__(self, at: slice, /) -> Runs[R]: ...
    def __getitem__(self, at: SupportsIndex | slice, /) -> Run[R] | Runs[R]:
        if isinstance(at, slice):
            return Runs(super().__getitem__(at), filter=self._filter, stack=self._stack)
        return super().__getitem__(at)

    def _listing(self) -> Listing:
        client = seam.client(self._stack)
        return seam.listing(client, [run.record for run in self], self._filter)

    def _repr_html_(self) -> str:
        return self._listing().to_html()

    def __repr__(self) -> str:
        return self._listing().to_text()


def runs(
    pipeline: str | None = None,
    *,
    where: str = "",
    sort: str | Sequence[str] = (),
    status: Status | None = None,
    tag: str | None = None,
    limit: int = 50,
    stack: str = "",
) -> Runs[Any]:
    """This project's runs, newest first.

    `where` filters: "depth>6 and evaluate.auc>0.7 and tag=try"; `sort` is a name, or several; a
    minus before it has the highest first: "-evaluate.auc". Raises UsageError, which shows the place.
    """
    records, filter = seam.runs(
        stack,
        where=where,
        sort=(sort,) if isinstance(sort, str) else sort,
        pipeline=pipeline,
        statuses=() if status is None else (status,),
        tag=tag,
        limit=limit,
    )
    return Runs((Run(record, stack) for record in records), filter=filter, stack=stack)
