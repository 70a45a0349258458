"""The tree at exact text: which lines, in which order, and how they fit."""

from __future__ import annotations

import gc
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.views.played import began, nested, node, over, planned, says, step

from penstock.core.events import Event, Note
from penstock.core.records import ErrorRecord, now
from penstock.views.board import Board
from penstock.views.drawing import Pen
from penstock.views.tree import rows, totals
from penstock.views.words import cells, fit


def board(*events: Event) -> Board:
    made = Board()
    for event in events:
        made.take(event)
    return made


def drawn(*events: Event, width: int = 80, room: int = 30) -> list[str]:
    lines = Pen(colored=False).lines(rows(board(*events), room, now()), width)
    return [line.rstrip() for line in lines]


def test_steps_stand_in_the_order_of_the_graph_below_their_pipelines() -> None:
    graph = began(node("load"), nested("prepare", node("clean"), node("encode")), node("fit"))
    assert drawn(
        *graph,
        step("load", "reused", reason="from run 6aaa"),
        step("prepare/clean", "done", seconds=2.5, reason="changed: helper 'scale'"),
        step("prepare/encode", "running", ago=62),
    ) == [
        "  ↺ load      reused               from run 6aaa",
        "  ▸ prepare   running   1 min 2 s  1 done",
        "    ✓ clean   done          2.5 s  changed: helper 'scale'",
        "    ▸ encode  running   1 min 2 s",
        "  · fit",
    ]


def test_a_map_shows_how_many_items_ended_how_and_those_that_take_long() -> None:
    events = [
        *began(node("fit", mapped=True)),
        planned("fit", 8),
        step("fit", "running", total=8, ago=20),
        step("fit[0]", "done"),
        step("fit[1]", "reused"),
        step("fit[2]", "running", ago=12),
        says("fit[2]", 3, 10, "epoch"),
        step("fit[3]", "running"),
    ]
    assert drawn(*events) == [
        "  ▸ fit     running   20 s  ━━━━──────────── 2/8 1 done, 1 reused, 2 running",
        "    ▸ [2]   running   12 s  ━━━━──────────── 3/10 epoch",
    ]
    assert totals(board(*events)) == "1 done, 1 reused, 2 running, 4 to do"
    error = ErrorRecord("ValueError", "no\nsuch thing")
    ended = [step("fit[2]", "failed", error=error), step("fit[3]", "cancelled")]
    whole = step("fit", "failed", total=8, seconds=3, ago=3)
    assert drawn(*events, *ended, whole, over("failed")) == [
        "  ✗ fit     failed    3.0 s  4 of 8 items: 1 done, 1 reused, 1 failed, 1 cancel…"
    ]


def test_a_mapped_pipeline_sums_the_steps_of_its_items() -> None:
    graph = began(nested("one", node("clean"), node("fit"), mapped=True), node("best"))
    begin = [planned("one", 2), step("one/clean[0]", "done"), step("one/clean[1]", "running")]
    assert drawn(*graph, *begin, planned("one", 2)) == [
        "  ▸ one      running   0 s  1 done",
        "    ▸ clean  running        1 done",
        "    · fit",
        "  · best",
    ]
    items = ["one/clean[1]", "one/fit[0]", "one/fit[1]"]
    end = [step(name, "reused") for name in items]
    assert drawn(*graph, *begin, planned("one", 2), *end) == [
        "  ✓ one      done      1.0 s  1 done, 3 reused",
        "    ✓ clean  done             2 items: 1 done, 1 reused",
        "    ↺ fit    reused           2 items: 2 reused",
        "  · best",
    ]


def test_a_retry_is_counted_and_waited_for() -> None:
    graph = began(node("fetch", retries=3))
    first = [step("fetch", "running", attempt=1)]
    failed = Note("OSError; the next in 0 s", "fetch", wait=0)
    again = step("fetch", "running", attempt=2)
    assert drawn(*graph, *first, failed) == ["  ▸ fetch   running   0 s  waits for retry 1/3"]
    other = Note("attempt 1 failed to be told", "fetch")
    assert drawn(*graph, *first, other) == ["  ▸ fetch   running   0 s"]
    assert drawn(*graph, *first, failed, again) == ["  ▸ fetch   running   0 s  retry 1/3"]


def test_only_what_a_partial_run_does_is_shown() -> None:
    graph = began(node("load"), node("fit"), until=["load"])
    assert drawn(*graph) == []
    assert drawn(*graph, step("load", "done")) == ["  ✓ load    done      1.0 s"]


def test_an_output_that_was_lost_is_made_again_and_counted_once() -> None:
    events = [
        *began(node("load"), node("fit")),
        step("load", "reused"),
        step("load", "running"),
        step("load", "done"),
    ]
    assert totals(board(*events)) == "1 done, 1 to do"


def test_an_item_that_was_lost_is_made_again_and_counted_once() -> None:
    events = [
        *began(node("fit", mapped=True)),
        planned("fit", 3),
        step("fit", "running", total=3),
        *(step(f"fit[{n}]", "reused") for n in range(3)),
        step("fit", "reused", total=3),
        step("fit[1]", "running"),
    ]
    assert totals(board(*events)) == "2 reused, 1 running"
    events.append(step("fit[1]", "done"))
    assert drawn(*events) == ["  ↺ fit     reused      3 items: 1 done, 2 reused"]
    made = board(*events)
    assert (totals(made), made.left, made.going) == ("1 done, 2 reused", 0, {})


def test_a_step_that_was_lost_in_a_mapped_pipeline_is_counted_once() -> None:
    events = [
        *began(nested("one", node("clean"), mapped=True)),
        *(planned("one", 1), planned("one", 1)),
        *(step(f"one/clean[{n}]", "reused") for n in range(2)),
        step("one/clean[1]", "running"),
        step("one/clean[1]", "done"),
    ]
    assert drawn(*events) == [
        "  ✓ one      done      1.0 s  1 done, 1 reused",
        "    ✓ clean  done             2 items: 1 done, 1 reused",
    ]


def test_where_there_is_no_room_what_tells_most_stays() -> None:
    nodes = [node(f"s{n}") for n in range(1000)]
    events = [step(f"s{n}", "reused") for n in range(900)]
    events += [step("s900", "failed", error=ErrorRecord("E", "x"))]
    events += [step(f"s{n}", "done") for n in range(901, 950)]
    events += [step(f"s{n}", "running") for n in (950, 951)]
    lines = drawn(*began(*nodes), *events, room=8)
    assert len(lines) == 8
    names = [line.split()[1] for line in lines[:-1]]
    assert names == ["s900", "s946", "s947", "s948", "s949", "s950", "s951"]
    assert lines[-1] == "  … and 45 done, 900 reused, 48 to do"


@pytest.mark.parametrize("width", [20, 40, 60, 100])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    names = ["a" * 60, "数据清洗步骤" * 6, "e\u0301" * 30]
    lines = drawn(
        *began(*map(node, names)),
        *(step(name, "running", reason="why " * 50, ago=4000) for name in names),
        *(says(name, 1, 3, "数" * 90) for name in names),
        width=width,
    )
    assert [line for line in lines if cells(line) > width] == []
    assert len(lines) == 3


def test_a_message_cannot_steer_the_terminal() -> None:
    lines = drawn(
        *began(node("fit")), step("fit", "running"), says("fit", 0.5, None, "\x1b[2J\r\n")
    )
    assert lines == ["  ▸ fit     running   0 s  50%  [2J"]


@settings(max_examples=50)
@given(st.text(max_size=40), st.integers(1, 50))
def test_what_is_made_to_fit_fits(text: str, width: int) -> None:
    assert cells(fit(text, width)) <= width
    assert fit(text, 1000) == text


def test_watching_a_run_of_10_000_steps_costs_little() -> None:
    events = [
        *began(*(node(f"s{n}") for n in range(10_000))),
        *(step(f"s{n}", "reused") for n in range(10_000)),
    ]
    gc.freeze()  # What other tests have left is not ours to look through.
    start = time.process_time()
    made = board(*events)
    for _ in range(8):
        rows(made, 40, now())
    passed = time.process_time() - start
    gc.unfreeze()
    # 0.1 s here: 10 µs a step. A run takes about 80 for each.
    assert passed < 0.8
