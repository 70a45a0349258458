"""The works, each in its steps: what is run, what is measured, and what must come out."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from place import Failed, Place, Taken, kill

WORD_OF_LIFE = ("running", "started", "pending", "not finished", "initializing")
"""How peers say that a run is under way."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How large, how often, how long at most."""

    steps: tuple[int, ...] = (10, 100, 1000)
    fan: int = 100
    mebibytes: int = 512
    rows: int = 5_000_000
    sweep: int = 50
    table: int = 20_000
    runs: int = 500
    limit: float = 100
    """Seconds that one process may take; a size that would take longer is left out and told so."""
    making: float = 45
    """Seconds for making the runs that are then listed."""
    watch: float = 30
    """Seconds to wait for the truth about a killed run."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Seconds, or what happened in words."""

    what: str
    seconds: float | None = None
    words: str = ""


Places = Callable[[], AbstractContextManager[Place]]
Work = Callable[[Setting, Places], Iterator[Observed]]

BITS: Final = (1, 2)
"""Two are tried, one at a time: in text such as base64 one may spoil the form and another only the content."""
WRONG: Final = "**wrong data**"
EDITED: Final = 21
"""What the step of the work `edit` is given."""


def imported(setting: Setting, places: Places) -> Iterator[Observed]:
    """A process that imports what a file of steps begins with, and ends."""
    with places() as place:
        command = [place.python, "-c", place.peer.imports]
        for _ in range(2):  # the first compiles
            start = time.perf_counter()
            subprocess.run(command, cwd=place.root, env=place.environment, check=True)
            seconds = time.perf_counter() - start
        yield Observed("process", seconds)


def chain(setting: Setting, places: Places) -> Iterator[Observed]:
    """A chain of steps that add one: first in a new project, and again."""
    before: list[tuple[int, float]] = []
    for count in setting.steps:
        guess = foreseen(before, count)
        if guess > setting.limit:
            words = f"left out: about {guess:.0f} s, by its {before[-1][0]} steps"
            yield Observed(f"{count}, first", words=words)
            yield Observed(f"{count}, again", words="left out")
            continue
        with places() as place:
            try:
                for what, taken in twice(place, setting, "chain", count, expected=count):
                    if isinstance(taken, str):
                        yield Observed(f"{count}, {what}", words=taken)
                        continue
                    yield Observed(f"{count}, {what}", taken.seconds)
                    if what == "first":
                        before.append((count, taken.seconds))
            except Failed as error:  # a longer chain may be too much where a shorter is not
                yield Observed(f"{count}, first", words=str(error))


def foreseen(before: list[tuple[int, float]], count: int) -> float:
    """Seconds of a longer chain, by the last two sizes; 0 where there are not two."""
    if len(before) < 2:
        return 0
    (few, quick), (many, slow) = before[-2:]
    return slow + (slow - quick) / (many - few) * (count - many)


def fan(setting: Setting, places: Places) -> Iterator[Observed]:
    """A step for each of many numbers, and their sum."""
    count = setting.fan
    yield from both(setting, places, "fan", count, expected=count * (count - 1))


def array(setting: Setting, places: Places) -> Iterator[Observed]:
    """A float64 array through four steps: make, add one, double, negate."""
    size = setting.mebibytes
    yield from both(setting, places, "array", size, expected=-float(size * 2**18))


def frame(setting: Setting, places: Places) -> Iterator[Observed]:
    """A table of 8 mixed columns (text, category, times, gaps) through three steps."""
    yield from both(setting, places, "frame", setting.rows, expected=setting.rows)


def sweep(setting: Setting, places: Places) -> Iterator[Observed]:
    """Random forests over a grid: load, split, encode, fit, score, for each setting."""
    for kind, what in (("shared", "one table"), ("apart", "nothing shared")):
        with places() as place:
            tables = setting.sweep if kind == "apart" else 0
            code = f"import sweep_work; sweep_work.write_tables({setting.table}, {tables})"
            ask(place, code)
            given = ("sweep", setting.sweep, kind)
            prepared(place, given)
            taken = place.run(*given, limit=setting.limit)
            yield Observed(what, taken.seconds, words=f"best {max(taken.result):.6f}")


def runs(setting: Setting, places: Places) -> Iterator[Observed]:
    """Many runs of two steps: listed with status and metric, and the oldest result loaded."""
    with places() as place:
        if said := place.peer.lacks.get("runs"):
            yield Observed("a run", words=said)
            return
        prepared(place, ("runs", setting.runs))
        taken = place.run("many", setting.runs, int(setting.making), limit=setting.limit)
        made = int(taken.result)
        yield Observed("a run", taken.seconds / made)
        of = "" if made == setting.runs else f"of {made} runs"
        listed = place.run("runs", made, limit=setting.limit)
        if sorted(score for _, score in listed.result) != list(range(1, made + 1)):
            raise Failed("lists other runs than were made")
        yield Observed("listing", listed.seconds, words=of)
        if said := place.peer.lacks.get("load"):
            yield Observed("loading", words=said)
            return
        loaded = place.run("load", made, limit=setting.limit)
        if loaded.result != 1:
            raise Failed("loads another result than the oldest")
        yield Observed("loading", loaded.seconds, words=of)


def edit(setting: Setting, places: Places) -> Iterator[Observed]:
    """A step calls `features.scale`, in another file: who notices an edit, and of what?"""
    edits = {
        "a helper's code": ("number * FACTOR", "number * FACTOR + 1", EDITED * 2 + 1),
        "a helper's constant": ("FACTOR = 2", "FACTOR = 3", EDITED * 3),
        "the step's code": ("features.scale(", "1 + features.scale(", EDITED * 2 + 1),
        "a comment in the step": ("# a comment", "# another comment", EDITED * 2),
    }
    for what, (old, new, expected) in edits.items():
        with places() as place:
            prepared(place, ("edit",))
            first = place.run("edit", limit=setting.limit)
            if first.result != EDITED * 2:
                raise Failed(f"gives {first.result}")
            replace(place.root, old, new)
            again = place.run("edit", limit=setting.limit)
            ran = len(place.marks) > 1
            if again.result != expected:
                yield Observed(what, words="**stale**")
            elif expected == EDITED * 2:
                yield Observed(what, words="runs again" if ran else "reused")
            else:
                yield Observed(what, words="noticed")


def killed(setting: Setting, places: Places) -> Iterator[Observed]:
    """kill -9 of a run and its children in its second step: what is its status then, and after how long?"""
    with places() as place:
        prepared(place, ("long",))
        process = place.start("long")
        waiting = place.root.parent / "waiting"
        try:
            until(waiting.exists, setting.limit)
        finally:
            kill(process)
        start = time.perf_counter()
        if said := place.peer.lacks.get("status"):
            yield Observed("status", words=said)
        else:
            yield status(place, start, setting)
        (place.root.parent / "go").touch()
        again = place.run("long", limit=setting.limit)
        if again.result != 42:
            raise Failed(f"gives {again.result}")
        times = place.marks.count("before")
        yield Observed(
            "run again", words="does what is missing" if times == 1 else "does all again"
        )


def bits(setting: Setting, places: Places) -> Iterator[Observed]:
    """One bit is flipped in each stored array: who notices, on loading it, and when a step is given it?"""
    told: dict[str, list[str]] = {}
    for bit in BITS:
        with places() as place:
            if said := place.peer.lacks.get("bits"):
                yield Observed("loaded", words=said)
                return
            for what, words in flipped(place, setting, bit):
                told.setdefault(what, []).append(words)
    for what, all_words in told.items():
        wrong = all_words.count(WRONG)
        some = f" by {wrong} of the {len(BITS)} bits" if wrong < len(BITS) else ""
        yield Observed(what, words=WRONG + some if wrong else all_words[0])


def flipped(place: Place, setting: Setting, bit: int) -> Iterator[tuple[str, str]]:
    prepared(place, ("bits", 1, "a"))
    made = "large_work.make(1)"
    whole = ask(place, f"import large_work; print(large_work.digest({made}))")
    given = f"large_work.shift({made}), 'b'"
    right = ask(place, f"import large_work; print(large_work.digest({given}))")
    place.run("bits", 1, "a", limit=setting.limit)
    flip(place.root, bit)
    for what, arguments, expected in (
        ("loaded", ("bits_load", 1), whole),
        ("given to a step", ("bits", 1, "b"), right),
    ):
        try:
            result = place.run(*arguments, limit=setting.limit).result
        except Failed as error:
            yield what, f"refused: {error}"
        else:
            yield what, "right again" if result == expected else WRONG


WORKS: dict[str, Work] = {
    "import": imported,
    "chain": chain,
    "fan": fan,
    "array": array,
    "frame": frame,
    "sweep": sweep,
    "runs": runs,
    "edit": edit,
    "kill": killed,
    "bits": bits,
}
ONCE = {"runs", "edit", "kill", "bits"}
"""What happens, or what is large: one look is enough."""

# ---- what they share


def both(
    setting: Setting, places: Places, work: str, size: int, expected: Any
) -> Iterator[Observed]:
    with places() as place:
        for what, taken in twice(place, setting, work, size, expected=expected):
            if isinstance(taken, str):
                yield Observed(what, words=taken)
            else:
                yield Observed(what, taken.seconds)


def twice(
    place: Place, setting: Setting, work: str, size: int, *, expected: Any
) -> Iterator[tuple[str, Taken | str]]:
    """The first run in a new project, and the second, which may reuse."""
    prepared(place, (work, size))
    os.sync()  # what others wrote is not written back at this one's expense
    for what in ("first", "again"):
        if said := place.peer.lacks.get(what):
            yield what, said
            continue
        taken = place.run(work, size, limit=setting.limit)
        if taken.result != expected:
            raise Failed(f"gives {taken.result}, not {expected}")
        yield what, taken


def prepared(place: Place, given: tuple[object, ...]) -> None:
    """What a person does once for a project, not measured."""
    if (place.root / "prepare.py").exists():
        place.run("prepare", *given, limit=120)


def ask(place: Place, code: str) -> str:
    done = subprocess.run(
        [place.python, "-c", code], cwd=place.root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def status(place: Place, start: float, setting: Setting) -> Observed:
    """Asked until it is no longer said to be under way, or for as long as the setting watches."""
    while True:
        said = str(place.run("status", limit=setting.limit).result)
        seconds = time.perf_counter() - start
        if not any(word in said.lower() for word in WORD_OF_LIFE):
            return Observed("status", words=f"“{said}”, {seconds:.1f} s after")
        if seconds > setting.watch:
            return Observed("status", words=f"still “{said}” after {seconds:.0f} s")
        time.sleep(0.5)


def until(there: Callable[[], bool], limit: float) -> None:
    end = time.perf_counter() + limit
    while not there():
        if time.perf_counter() > end:
            raise Failed(f"its second step did not begin in {limit:.0f} s")
        time.sleep(0.02)


def replace(root: Path, old: str, new: str) -> None:
    """Edits the one file that has `old`, as an editor would a while later."""
    for file in root.rglob("*.py"):
        text = file.read_text()
        if old in text and ".git" not in file.parts:
            file.write_text(text.replace(old, new))
            # Python takes a compiled file of the same second and size for current.
            later = time.time() + 5
            os.utime(file, (later, later))
            return
    raise Failed(f"no file has {old!r}")


def flip(root: Path, bit: int) -> None:
    """In the byte in the middle of each large file that is not ours."""
    stored = [
        file
        for file in root.rglob("*")
        if file.is_file() and not file.is_symlink() and ".git" not in file.relative_to(root).parts
        if file.stat().st_size > 50_000 and file.suffix not in (".db", ".sqlite", ".log", ".pyc")
    ]
    if not stored:
        raise Failed("nothing large is stored in a file")
    for file in stored:
        file.chmod(0o644)
        with open(file, "r+b") as handle:
            handle.seek(file.stat().st_size // 2)
            byte = handle.read(1)[0]
            handle.seek(-1, os.SEEK_CUR)
            handle.write(bytes([byte ^ bit]))
