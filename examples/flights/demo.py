"""What `make demo` does: run the flights, run them again, change this and that, ask why.

It works in a fresh copy of this folder, `.demo/flights` under the repository, and leaves it there to
be looked at. Each expectation is checked: a step that ran without need, or that was reused and
should not have been, ends the demo with exit code 1.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COPY = HERE.parents[1] / ".demo" / "flights"
RUN = ("run", "pipeline.py:training", "--config", "config.yaml")
STEPS = {
    *("load_flights", "load_weather", "join_weather", "clean", "split"),
    *("fit_encoder", "hourly_rate", "train", "evaluate"),
}

HELPER = """\
    return rows["temp"] - rows["dewp"]
"""
EDITED = """\
    return (rows["temp"] - rows["dewp"]).clip(lower=0)
"""


def main() -> None:
    fresh_copy()

    heading("1. The first run", "every step runs: 336,776 flights, a year of weather, a model")
    penstock(*RUN)
    expect(ran=STEPS)

    heading("2. Once more", "nothing has changed: every step is reused")
    penstock(*RUN)
    expect(ran=set())

    heading("3. Edit a comment and a docstring", "what does not change the result runs nothing")
    edit(
        "features.py",
        '"""Minutes after midnight, ',
        '# Say more here.\n    """Minutes past midnight, ',
    )
    penstock(*RUN)
    expect(ran=set())

    heading("4. Edit a helper", "`features.dew_spread` is no step; train and evaluate reach it")
    edit("features.py", HELPER, EDITED)
    penstock("plan", *RUN[1:])
    penstock(*RUN)
    expect(ran={"train", "evaluate"})
    penstock("why", "last", "train")

    heading("5. Change a parameter", "fewer leaves a tree: another model, the same data")
    penstock(*RUN, "--set", "train.leaves=15")
    expect(ran={"train", "evaluate"})
    penstock("why", "last")

    heading("6. Back to what was", "the results of step 4 are still known")
    penstock(*RUN)
    expect(ran=set())

    heading("7. What has happened", "each run is an experiment with its record")
    penstock("runs")
    penstock("show", "last")
    print(
        f"\nAll as promised. Look around: cd {os.path.relpath(COPY)}; ../../.venv/bin/penstock runs"
    )


def fresh_copy() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    ours = shutil.ignore_patterns(".penstock", "__pycache__", ".*_cache")
    shutil.copytree(HERE, COPY, ignore=ours)


def heading(title: str, words: str) -> None:
    print(
        f"\n\033[1m{title}\033[0m: {words}" if sys.stdout.isatty() else f"\n{title}: {words}",
        flush=True,
    )


def penstock(*arguments: str) -> None:
    print(f"\n$ penstock {' '.join(arguments)}", flush=True)
    done = subprocess.run([*COMMAND, *arguments], cwd=COPY, env=ENVIRONMENT)
    if done.returncode:
        sys.exit(done.returncode)


def edit(file: str, before: str, after: str) -> None:
    path = COPY / file
    text = path.read_text()
    assert text.count(before) == 1, f"{file} no longer has the line that the demo edits"
    path.write_text(text.replace(before, after))
    print(f"\n$ edit {file}")
    for line in before.splitlines():
        print(f"  - {line.strip()}")
    for line in after.splitlines():
        print(f"  + {line.strip()}", flush=True)


def expect(*, ran: set[str]) -> None:
    """The last run is done, ran just these steps, and reused all others."""
    shown = subprocess.run(
        [*COMMAND, "show", "last", "--json"],
        cwd=COPY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(shown.stdout)
    statuses = {step["node"]: step["status"] for step in found["steps"]}
    expected = {name: "done" if name in ran else "reused" for name in STEPS}
    if found["run"]["status"] != "done" or statuses != expected:
        sys.exit(f"not as promised: the run is {found['run']['status']}, its steps {statuses}")
    print(
        f"\n✓ ran: {', '.join(sorted(ran)) or 'nothing'}; reused: {len(STEPS - ran)} of {len(STEPS)}"
    )


COMMAND = [sys.executable, "-m", "penstock"]
# The copy keeps its own state, whatever this shell says.
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}

if __name__ == "__main__":
    main()
