"""What was observed, as tables: medians, and how many times penstock's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from peers import PEERS, PENSTOCK, PLAIN, Peer
from works import WORKS, Setting

KEEPS_NOTHING = {PLAIN.name}
"""Not to be beaten in time: it stores and records nothing."""
SWEEP_PROMISE = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the record that a run of this script leaves: an observation."""

    work: str
    peer: str
    repeat: int
    what: str
    seconds: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the lines of one cell come to."""

    seconds: float | None
    """The median."""
    times: int
    words: str


Cells = Mapping[tuple[str, str, str], Found]


def cells(lines: Iterable[Line]) -> Cells:
    """By work, peer and what was measured."""
    grouped: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        if line.what:
            grouped.setdefault((line.work, line.peer, line.what), []).append(line)
    return {key: _found(group) for key, group in grouped.items()}


def _found(lines: Sequence[Line]) -> Found:
    seconds = [line.seconds for line in lines if line.seconds is not None]
    return Found(median(seconds) if seconds else None, len(seconds), lines[-1].words)


def columns(found: Cells, work: str) -> list[str]:
    """In the order in which they were first measured."""
    return list(
        dict.fromkeys(what for one, _, what in found if one == work and what not in ("failed", ""))
    )


def report(
    found: Cells,
    versions: Mapping[str, str],
    missing: Mapping[str, str],
    where: str,
    setting: Setting,
    head: str,
) -> str:
    names = [name for name in PEERS if name in versions or name in missing]
    lines = ["# Beside its peers", "", head, "", where, ""]
    lines += [
        "A figure is a median, and in brackets how many times penstock's; `≈` marks one that was "
        f"measured once, as it takes long. A process may take {setting.limit:.0f} s: what would "
        "take longer is left out and told so.",
        "",
    ]
    lines += _guests(names, versions, missing)
    for work, function in WORKS.items():
        whats = columns(found, work)
        if any(one == work for one, _, _ in found):
            lines += [f"## {(function.__doc__ or '').strip()}", "", *_sizes(work, setting)]
            lines += _table(found, work, whats, [n for n in names if n in versions])
            if work == "sweep":
                lines += _promise(found)
    return "\n".join([*lines, *_beaten(found, versions)])


def _guests(
    names: Sequence[str], versions: Mapping[str, str], missing: Mapping[str, str]
) -> list[str]:
    lines = [
        "## Who is compared, and what each does meanwhile",
        "",
        "| | version | keeps | its cache key | records | set up |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        peer: Peer = PEERS[name]
        version = versions.get(name) or missing.get(name, "")
        lines.append(
            f"| {peer.title} | {version} | {peer.keeps} | {peer.key} | {peer.records} | {peer.set_up} |"
        )
    return [*lines, ""]


def _sizes(work: str, setting: Setting) -> list[str]:
    said = {
        "fan": f"{setting.fan} numbers.",
        "array": f"{setting.mebibytes} MiB.",
        "frame": f"{setting.rows:,} rows.",
        "sweep": f"{setting.sweep} settings on {setting.table:,} rows, in one process. The plain loop "
        "does everything for each setting, as people write it. *One table*: the settings differ in "
        "the forest alone, as in most sweeps, so what comes before it can be shared. *Nothing "
        "shared*: each setting has a table of its own, so nothing can be, and all is cost. The plain "
        "loop keeps no model; Metaflow runs up to 16 processes at a time, the others one.",
        "runs": f"Up to {setting.runs} runs, as many as {setting.making:.0f} s allow; *a run* is the "
        "mean in one process.",
        "kill": f"Watched for {setting.watch:.0f} s. *Run again*: the first step had ended. Prefect "
        "(by an automation on heartbeats of deployed flows, from 30 s on: "
        "<https://docs.prefect.io/v3/advanced/detect-zombie-flows>) and Dagster (by its daemon, for "
        "runs that it launched: <https://docs.dagster.io/deployment/execution/run-monitoring>) can "
        "be set up to look for dead runs; neither is so for a run from a script.",
        "bits": "An array of 1 MiB. *Loaded*: by the peer's own way to an old result. *Given to a "
        "step*: a new step needs the stored array.",
    }
    return [said[work], ""] if work in said else []


def _table(found: Cells, work: str, whats: Sequence[str], names: Sequence[str]) -> list[str]:
    lines = [f"| | {' | '.join(whats)} |", "|---" * (len(whats) + 1) + "|"]
    for name in names:
        if failed := found.get((work, name, "failed")):
            lines.append(f"| {PEERS[name].title} | failed: {_safe(failed.words)} |")
            continue
        row = [_cell(found, work, name, what) for what in whats]
        if any(row):
            lines.append(f"| {PEERS[name].title} | {' | '.join(row)} |")
    return [*lines, ""]


def _cell(found: Cells, work: str, name: str, what: str) -> str:
    one, ours = found.get((work, name, what)), found.get((work, PENSTOCK.name, what))
    if one is None:
        return ""
    if one.seconds is None:
        return _safe(one.words)
    about = "≈ " if one.times == 1 else ""
    ratio = ""
    if name != PENSTOCK.name and ours is not None and ours.seconds:
        ratio = f" ({times(one.seconds / ours.seconds)})"
    words = f" {one.words}" if work == "runs" and one.words else ""
    return f"{about}{time(one.seconds)}{ratio}{words}"


def times(ratio: float) -> str:
    """In two digits, and without an exponent."""
    return f"{ratio:.0f}×" if ratio >= 10 else f"{ratio:.2g}×"


def time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.3g} s"


def _safe(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _promise(found: Cells) -> list[str]:
    """The one promise of this page."""
    lines = []
    for what, limit in (("one table", SWEEP_PROMISE), ("nothing shared", None)):
        ours, plain = (found.get(("sweep", name, what)) for name in (PENSTOCK.name, PLAIN.name))
        if ours and plain and ours.seconds and plain.seconds:
            ratio = ours.seconds / plain.seconds
            verdict = ""
            if limit is not None:
                kept = "kept" if ratio <= limit else "**not kept**"
                verdict = f"; promised ≤ {limit:g} ×: {kept}"
            lines.append(f"- {what}: penstock takes {ratio:.2f} × the plain loop{verdict}.")
    return [*lines, ""] if lines else []


def _beaten(found: Cells, versions: Mapping[str, str]) -> list[str]:
    """Said plainly: where one that keeps its results is quicker."""
    lines = ["## Where a peer is quicker than penstock", ""]
    for (work, name, what), one in found.items():
        ours = found.get((work, PENSTOCK.name, what))
        if name in KEEPS_NOTHING or name not in versions or one.seconds is None or not ours:
            continue
        if ours.seconds and one.seconds < ours.seconds:
            lines.append(
                f"- {work}, {what}: {PEERS[name].title} {time(one.seconds)}, "
                f"penstock {time(ours.seconds)} ({times(ours.seconds / one.seconds)})"
            )
    if len(lines) == 2:
        lines.append("Nowhere, of what is measured here.")
    return [*lines, ""]
