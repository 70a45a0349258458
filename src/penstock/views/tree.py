"""The tree of a run that goes on: its board as lines, as many as there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from penstock.core.events import Progress
from penstock.core.records import FINAL, StepRecord
from penstock.views.board import Board, Branch, Leaf, inside
from penstock.views.words import about, counted, duration, going_on, one_line, took

ITEMS = 4
"""Items of one map that are shown while they run."""
NOTICEABLE = 1.0
"""Seconds after which an item of a map has a line of its own."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a step, a pipeline inside the pipeline, or an item of a map."""

    depth: int
    status: str
    name: str
    took: str = ""
    about: str = ""
    bar: tuple[float, float] | None = None
    """How much is done, and of how much."""


def rows(board: Board, room: int, now: int) -> list[Row]:
    """At most `room` lines. `now` is in microseconds."""
    if board.size <= room:
        return _all(board, room, now)
    chosen = _chosen(board, room)
    lines = list(_with_pipelines(board, chosen, now))
    while len(lines) >= room and len(chosen) > 1:
        # What is least telling is last.
        chosen.pop()
        lines = list(_with_pipelines(board, chosen, now))
    return [*lines[: room - 1], _rest(board, chosen)]


def totals(board: Board) -> str:
    """ "3 done, 1 running, 4 to do": all calls of the run."""
    words = [counted(_in_order(board.counts))]
    if board.running and not board.over:
        words.append(f"{board.running:,} running")
    if board.left and not board.over:
        words.append(f"{board.left:,} to do")
    return ", ".join(filter(None, words))


def _in_order(counts: Counter[str]) -> dict[str, int]:
    order = ("done", "reused", "failed", "crashed", "rejected", "skipped", "cancelled")
    return {status: counts[status] for status in order if counts[status]}


# ---- which


def _all(board: Board, room: int, now: int) -> list[Row]:
    lines: list[Row] = []
    spare = room - board.size
    for one in inside(board.root):
        if isinstance(one, Branch):
            lines.append(_pipeline(one, now, over=board.over))
            continue
        lines.append(_step(one, now, over=board.over))
        if not board.over and spare > 0 and "" not in one.active:
            items = list(_items(one, now))[:spare]
            spare -= len(items)
            lines += items
    return lines


def _chosen(board: Board, room: int) -> list[Leaf]:
    """The most telling first: what failed, what runs, what ended last."""
    chosen: dict[str, Leaf] = {}
    failed = board.failed[-max(room // 3, 1) :]
    going = sorted(board.going.values(), key=lambda leaf: leaf.order)[: max(room // 2, 1)]
    # That much was reused is better told in a number.
    recalled = list(board.recalled)[: -max(room // 4, 1) - 1 : -1]
    for leaf in (*failed, *going, *reversed(board.recent), *recalled):
        chosen.setdefault(leaf.id, leaf)
        if len(chosen) >= room - 1:
            break
    return list(chosen.values())


def _with_pipelines(board: Board, leaves: Iterable[Leaf], now: int) -> Iterator[Row]:
    """In the order of the graph, each below the pipelines that it stands in."""
    shown: set[int] = set()
    for leaf in sorted(leaves, key=lambda leaf: leaf.order):
        for branch in leaf.within[1:]:
            if branch.order not in shown:
                shown.add(branch.order)
                yield _pipeline(branch, now, over=board.over)
        yield _step(leaf, now, over=board.over)


def _rest(board: Board, shown: Sequence[Leaf]) -> Row:
    """What there is no room for, counted."""
    counts = Counter(board.counts)
    running, left = board.running, board.left
    for leaf in shown:
        if leaf.counts or leaf.total is not None:
            counts -= leaf.counts
            running -= len(leaf.active)
            left -= max((leaf.total or 0) - len(leaf.active) - sum(leaf.counts.values()), 0)
        elif leaf.record is not None:
            counts[leaf.record.status] -= 1
            running -= leaf.record.status == "running"
    words = [counted(_in_order(+counts))]
    if running > 0 and not board.over:
        words.append(f"{running:,} running")
    if left > 0 and not board.over:
        words.append(f"{left:,} to do")
    return Row(0, "", "…", about="and " + (", ".join(filter(None, words)) or "more"))


# ---- one line


def steps_line(leaf: Leaf, now: int | None = None) -> Row:
    """A step as it stands at a moment; without one, at the run's end."""
    return _step(leaf, now or 0, over=now is None)


def _step(leaf: Leaf, now: int, *, over: bool) -> Row:
    status = leaf.status(over=over)
    record = leaf.record
    if leaf.total is not None or leaf.counts:
        return _map(leaf, status, now, over=over)
    if record is None:
        return Row(len(leaf.within) - 1, status, leaf.name)
    row = Row(len(leaf.within) - 1, status, leaf.name, _took(record, now), _about(leaf, record))
    progress = leaf.progress.get("")
    if progress is None or status != "running":
        return row
    bar, words = _progress(progress)
    words = "; ".join(filter(None, [_retry(leaf, record), words]))
    return Row(row.depth, status, row.name, row.took, words, bar)


def _map(leaf: Leaf, status: str, now: int, *, over: bool) -> Row:
    """The items of a map, or of a step in a mapped pipeline, as one line."""
    depth, record = len(leaf.within) - 1, leaf.record
    passed = "" if record is None or status == "reused" else _took(record, now)
    ended = sum(leaf.counts.values())
    words = counted(_in_order(leaf.counts))
    if status in FINAL or over:
        if leaf.error is not None:
            words = "; ".join(filter(None, [words, about(leaf.error)]))
        elif not words and record is not None:
            words = about(record)
        of = f" of {leaf.total:,}" if leaf.total is not None and leaf.total != ended else ""
        shown = f"{ended:,}{of} items: {words}" if ended else words
        return Row(depth, status, leaf.name, passed, shown)
    running = f"{len(leaf.active):,} running" if len(leaf.active) > 1 else ""
    told = ", ".join(filter(None, [words, running]))
    bar = (ended, leaf.total) if leaf.total else None
    return Row(depth, status, leaf.name, passed, told, bar)


def _items(leaf: Leaf, now: int) -> Iterator[Row]:
    """Items that have run for a while, with what they say of themselves."""
    for index, record in list(leaf.active.items())[:ITEMS]:
        if now - record.started < NOTICEABLE * 1e6:
            continue
        progress = leaf.progress.get(index)
        bar, words = _progress(progress) if progress is not None else (None, "")
        words = "; ".join(filter(None, [_retry(leaf, record), words]))
        yield Row(len(leaf.within), "running", f"[{index}]", _took(record, now), words, bar)


def _pipeline(branch: Branch, now: int, *, over: bool) -> Row:
    status = branch.status(over=over)
    passed = ""
    if branch.started and status != "reused":
        until = branch.ended if status in FINAL else now
        passed = (duration if status in FINAL else going_on)((until - branch.started) / 1e6)
    words = counted(_in_order(branch.counts)) if len(branch.inner) > 1 or branch.fanned else ""
    return Row(branch.depth, status, branch.name, passed, words)


def _took(record: StepRecord, now: int) -> str:
    if record.status == "running":
        return going_on((now - record.started) / 1e6) if record.started else ""
    return took(record)


def _about(leaf: Leaf, record: StepRecord) -> str:
    tried = _retry(leaf, record)
    # The attempts before have been told, above the tree, when they failed.
    return tried if tried and record.status == "running" else about(record)


def _retry(leaf: Leaf, record: StepRecord) -> str:
    if record.index in leaf.waiting:
        return f"waits for retry {record.attempt}/{leaf.retries or record.attempt}"
    if record.attempt < 2:
        return ""
    return f"retry {record.attempt - 1}/{leaf.retries or record.attempt - 1}"


def _progress(progress: Progress) -> tuple[tuple[float, float] | None, str]:
    message = one_line(progress.message)
    if progress.total:
        return (min(progress.done, progress.total), progress.total), message
    # Without a total, what lies between none and all of it is a share.
    share = 0 < progress.done < 1
    done = f"{progress.done:.0%}" if share else f"{progress.done:g}"
    return None, f"{done} {message}".rstrip()
