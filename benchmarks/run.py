"""All benchmarks: `make bench`. Writes its part of RESULTS.md beside this file.

Each figure is of whole, fresh processes, and each comparison alternates its sides in the same
run, so that a noisy minute meets both. A figure is a median; a slope is the difference of two
medians over the difference of their sizes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from measure import MEBIBYTE, Measured, measure, middle, project, slope
from results import machine, put


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; `limit` None is a figure to compare with, not a promise."""

    what: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        kept = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "yes" if kept else "**no**"

    def line(self) -> str:
        sign = "≥" if self.at_least else "≤"
        limit = "" if self.limit is None else f"{sign} {self.limit:g} {self.unit}"
        value = f"{self.value:,.0f}" if self.value >= 1000 else f"{self.value:.3g}"
        return f"| {self.what} | {value} {self.unit} | {limit} | {self.verdict} |"


@dataclass(frozen=True, slots=True)
class Setting:
    """How often, and how large."""

    repeats: int
    long: int
    mebibytes: int
    folder: Path | None
    rows: int = 5_000_000


Benchmark = Callable[[Setting], list[Row]]

# ---- the benchmarks


def ten_steps(setting: Setting) -> list[Row]:
    """10 trivial steps, fresh process: the first run of a new project, and again."""
    variants = ("plain", "pickle", "penstock")
    first: dict[str, list[Measured]] = {v: [] for v in variants}
    again: dict[str, list[Measured]] = {v: [] for v in variants}
    for _ in range(setting.repeats * 3):
        with project(setting.folder) as root:
            for variant in variants:
                first[variant].append(measure(root, "chain", variant, 10))
                again[variant].append(measure(root, "chain", variant, 10))
    return [
        Row("10 steps, first run", middle(first["penstock"]), "s", 0.25),
        Row("… one pickle file a step", middle(first["pickle"]), "s"),
        Row("… plain Python", middle(first["plain"]), "s"),
        Row("10 steps, again, all reused", middle(again["penstock"]), "s", 0.15),
        Row("… one pickle file a step", middle(again["pickle"]), "s"),
    ]


def chain(setting: Setting) -> list[Row]:
    """A chain of 100 to 10,000 steps: what a further step costs, and whether it stays so."""
    sizes = (100, setting.long // 10, setting.long)
    variants = ("pickle", "penstock")
    first = {(v, n): list[Measured]() for v in variants for n in sizes}
    again = {(v, n): list[Measured]() for v in variants for n in sizes}
    for _ in range(setting.repeats):
        for count in sizes:
            with project(setting.folder) as root:
                for variant in variants:
                    first[variant, count].append(measure(root, "chain", variant, count))
                    again[variant, count].append(measure(root, "chain", variant, count))
    low, high, top = sizes

    def cost(taken: dict[tuple[str, int], list[Measured]], v: str, a: int, b: int) -> float:
        return slope(taken[v, a], taken[v, b], b - a) * 1000

    peak = max(m.peak for m in first["penstock", top] + again["penstock", top])
    return [
        Row(
            f"a further persisted step, {low} to {top}",
            cost(first, "penstock", low, top),
            "ms",
            0.5,
        ),
        Row(f"… {low} to {high}", cost(first, "penstock", low, high), "ms"),
        Row(f"… {high} to {top}", cost(first, "penstock", high, top), "ms", 0.5),
        Row("… one pickle file a step", cost(first, "pickle", low, top), "ms"),
        Row(f"a further reused step, {low} to {top}", cost(again, "penstock", low, top), "ms", 0.1),
        Row(f"… {low} to {high}", cost(again, "penstock", low, high), "ms"),
        Row(f"… {high} to {top}", cost(again, "penstock", high, top), "ms", 0.1),
        Row("… one pickle file a step", cost(again, "pickle", low, top), "ms"),
        Row(f"peak memory of a chain of {top}", peak / 1e6, "MB", 400),
    ]


def fan(setting: Setting) -> list[Row]:
    """Maps whose items are known at run time."""
    inline, by_hand, workers, few = (list[Measured]() for _ in range(4))
    for _ in range(setting.repeats):
        with project(setting.folder) as root:
            inline.append(measure(root, "fan", "penstock", setting.long, 0))
            by_hand.append(measure(root, "fan", "pickle", setting.long, 0))
        with project(setting.folder) as root:
            few.append(measure(root, "fan", "penstock", 100, 2))
        with project(setting.folder) as root:
            workers.append(measure(root, "fan", "penstock", 1000, 2))
    return [
        Row(f"map of {setting.long} trivial items, inline", middle(inline), "s", 8),
        Row("… one pickle file an item", middle(by_hand), "s"),
        Row("… peak memory", max(m.peak for m in inline) / 1e6, "MB"),
        Row(
            "map on 2 workers, a further item (100 to 1,000)",
            slope(few, workers, 900) * 1e3,
            "ms",
            1.5,
        ),
        Row("… 1,000 items, whole process", middle(workers), "s"),
    ]


def branches(setting: Setting) -> list[Row]:
    """Two CPU-bound branches on one worker and on two."""
    loops = 60_000_000
    taken = {(v, w): list[Measured]() for v in ("penstock", "plain") for w in (1, 2)}
    for _ in range(setting.repeats):
        for variant, workers in taken:
            with project(setting.folder) as root:
                # One worker is compared with two: both pay for a process.
                taken[variant, workers].append(measure(root, "branches", variant, loops, workers))
    ratio = {v: middle(taken[v, 1]) / middle(taken[v, 2]) for v in ("penstock", "plain")}
    return [
        Row("two CPU-bound branches, 2 workers over 1", ratio["penstock"], "×", 1.8, at_least=True),
        Row("… a bare ProcessPoolExecutor over a loop", ratio["plain"], "×"),
        Row("… whole process, 2 workers", middle(taken["penstock", 2]), "s"),
    ]


def array(setting: Setting) -> list[Row]:
    """A large array through four steps, against numpy.save and memory-mapped numpy.load by hand."""
    size = setting.mebibytes
    sides: dict[str, list[Measured]] = {"penstock": [], "by-hand": []}
    again, ints = list[Measured](), list[Measured]()
    private = {"penstock": 0, "by-hand": 0}
    for _ in range(setting.repeats):
        for side, taken in sides.items():
            with project(setting.folder) as root:
                os.sync()
                taken.append(measure(root, "large", side, size))
                if side == "penstock":
                    measure(root, "large", side, 0)
                    for _ in range(3):
                        again.append(measure(root, "large", side, size))
                        ints.append(measure(root, "large", side, 0))
    for side in private:
        with project(setting.folder) as root:
            private[side] = measure(root, "large", side, size, private=True).private
    whole = size * MEBIBYTE
    ratio = middle(sides["penstock"]) / middle(sides["by-hand"])
    return [
        Row(f"{size} MiB array through 4 steps, over the loop by hand", ratio, "×", 1.25),
        Row("… whole process", middle(sides["penstock"]), "s"),
        Row("… by hand", middle(sides["by-hand"]), "s"),
        Row("… peak private memory", private["penstock"] / whole, "arrays", 2.2),
        Row("… by hand", private["by-hand"] / whole, "arrays"),
        Row("its cached rerun, above that of ints", middle(again) - middle(ints), "s", 0.05),
        Row("… whole process", middle(again), "s"),
    ]


def frame(setting: Setting) -> list[Row]:
    """A frame of 8 mixed columns through three steps, against Arrow's IPC files by hand."""
    found: list[Row] = []
    for library in ("pandas", "polars"):
        sides: dict[str, list[Measured]] = {"penstock": [], "by-hand": []}
        again = list[Measured]()
        for _ in range(setting.repeats):
            for side, taken in sides.items():
                with project(setting.folder) as root:
                    os.sync()
                    taken.append(measure(root, "frame", side, library, setting.rows))
                    if side == "penstock":
                        again.append(measure(root, "frame", side, library, setting.rows))
        whole = middle(sides["penstock"])
        found += [
            Row(
                f"{setting.rows:,} rows of {library} through 3 steps, over the loop by hand",
                whole / middle(sides["by-hand"]),
                "×",
                1.25,
            ),
            Row("… whole process", whole, "s"),
            Row("… by hand", middle(sides["by-hand"]), "s"),
            Row("… peak memory", max(m.peak for m in sides["penstock"]) / 1e6, "MB"),
            Row("… by hand", max(m.peak for m in sides["by-hand"]) / 1e6, "MB"),
            Row("… again, all reused", middle(again), "s"),
        ]
    return found


def runs(setting: Setting) -> list[Row]:
    """A project with a history of 50,000 runs of four steps: lists, filters, one run, a comparison."""
    count = 50_000
    asked: dict[str, tuple[str, ...]] = {
        "runs": (),
        "runs, two filters and a tag, sorted by a metric": (
            *("--filter", "depth>6 and evaluate.auc>0.7 and tag=try"),
            *("--sort", "-evaluate.auc"),
        ),
        "runs, three metrics, sorted by a metric": (
            *("--filter", "evaluate.auc>0.7 and evaluate.loss<0.5 and evaluate.f1>0.2"),
            *("--sort", "-evaluate.auc"),
        ),
        "runs, sorted by a parameter and a metric": ("--sort", "depth", "--sort", "-evaluate.auc"),
    }
    taken: dict[str, list[Measured]] = {}
    with project(setting.folder) as root:
        measure(root, "history", count)
        for _ in range(setting.repeats * 3):
            for what, words in asked.items():
                taken.setdefault(what, []).append(measure(root, "command", "runs", *words))
            taken.setdefault("show", []).append(measure(root, "command", "show", "last"))
            taken.setdefault("compare", []).append(measure(root, "command", "compare"))
    found: list[Row] = []
    for what, times in taken.items():
        limit = None if what in ("show", "compare") else 0.4
        found.append(Row(f"{what}, of {count:,}", middle(times), "s", limit))
        found.append(Row("… processor time", median(one.cpu for one in times), "s"))
    return found


BENCHMARKS: dict[str, Benchmark] = {
    "ten_steps": ten_steps,
    "chain": chain,
    "fan": fan,
    "branches": branches,
    "array": array,
    "frame": frame,
    "runs": runs,
}

# ---- the report


def report(setting: Setting, where: str, sections: Sequence[tuple[str, list[Row]]]) -> str:
    lines = ["# Benchmarks", "", (__doc__ or "").partition("\n\n")[2].strip(), "", where]
    lines += [f"Repeats: {setting.repeats}.", ""]
    for title, rows in sections:
        lines += [f"## {title}", "", "| what | measured | promised | kept |", "|---|---|---|---|"]
        lines += [row.line() for row in rows]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(BENCHMARKS) + "; default: all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--long", type=int, default=10_000, help="the longest chain and map")
    parser.add_argument("--mebibytes", type=int, default=512, help="size of the array")
    parser.add_argument("--rows", type=int, default=5_000_000, help="of the frame")
    parser.add_argument("--folder", type=Path, help="where projects are made; default: temporary")
    given = parser.parse_args()
    setting = Setting(given.repeats, given.long, given.mebibytes, given.folder, given.rows)
    where = machine()
    sections = []
    for name in given.names or BENCHMARKS:
        title = (BENCHMARKS[name].__doc__ or "").strip()
        print(f"{title}", file=sys.stderr, flush=True)
        rows = BENCHMARKS[name](setting)
        for row in rows:
            print(f"  {row.what}: {row.value:.3g} {row.unit} {row.verdict}", file=sys.stderr)
        sections.append((title, rows))
    text = report(setting, where, sections)
    if given.names:
        print(text)
    else:
        put("alone", text)


if __name__ == "__main__":
    main()
