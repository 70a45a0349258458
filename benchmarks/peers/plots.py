"""The figures of docs/explanation/benchmarks.md, drawn from what was observed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import PEERS, PENSTOCK
from report import Cells, time

OURS, THEIRS = "#0b7285", "#adb5bd"


def draw(found: Cells, folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {
        "svg.hashsalt": "peers",
        "svg.fonttype": "path",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, plot in PLOTS.items():
        figure = plot(found)
        if figure is not None:
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")


def steps(found: Cells) -> Any:
    """Seconds over the number of steps, first and again."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.2))
    axes = figure.subplots(1, 2, sharey=True)
    for axis, what in zip(axes, ("first", "again"), strict=True):
        for place, name in enumerate(PEERS):
            points = sorted(
                (int(size), one.seconds)
                for (work, peer, both), one in found.items()
                if (work, peer) == ("chain", name) and one.seconds is not None
                for size, _, which in [both.partition(", ")]
                if which == what
            )
            if points:
                ours = name == PENSTOCK.name
                axis.plot(
                    *zip(*points, strict=True),
                    marker="o",
                    linewidth=3 if ours else 1.2,
                    color=OURS if ours else f"C{place - 1}",
                    label=PEERS[name].title,
                    zorder=3 if ours else 2,
                )
        axis.set(xscale="log", yscale="log", xlabel="steps of a chain", title=what)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("seconds, whole process")
    lines, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        lines, labels, fontsize=9, frameon=False, loc="center left", bbox_to_anchor=(0.91, 0.5)
    )
    return figure


def bars(work: str, *whats: str) -> Callable[[Cells], Any]:
    """A panel for each, the quickest on top."""

    def plot(found: Cells) -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 3.4))
        axes = figure.subplots(1, len(whats), squeeze=False)[0]
        for axis, what in zip(axes, whats, strict=True):
            taken = sorted(
                (
                    (one.seconds, peer)
                    for (of, peer, which), one in found.items()
                    if (of, which) == (work, what) and one.seconds is not None
                ),
                reverse=True,
            )
            if not taken:
                return None
            labels = [PEERS[peer].title for _, peer in taken]
            values = [seconds for seconds, _ in taken]
            colours = [OURS if peer == PENSTOCK.name else THEIRS for _, peer in taken]
            drawn = axis.barh(labels, values, color=colours)
            axis.bar_label(drawn, [time(value) for value in values], padding=3, fontsize=8)
            axis.set(title=what, xlabel="seconds, whole process")
            axis.set_xlim(0, max(values) * 1.2)
        figure.tight_layout()
        return figure

    return plot


PLOTS: dict[str, Callable[[Cells], Any]] = {
    "steps": steps,
    "import": bars("import", "process"),
    "fan": bars("fan", "first", "again"),
    "array": bars("array", "first", "again"),
    "frame": bars("frame", "first", "again"),
    "sweep": bars("sweep", "one table", "nothing shared"),
    "runs": bars("runs", "a run", "listing", "loading"),
}
