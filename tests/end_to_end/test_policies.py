"""What a person says of the cache, and what a step does behind its key's back."""

from __future__ import annotations

import json

import pytest
from tests.end_to_end.place import Place

CHAIN = """
from penstock import pipeline, step

@step
def load(n: int = 3) -> list[int]:
    return list(range(n))

@step
def fit(rows: list[int]) -> int:
    return sum(rows)

@step
def report(model: int) -> str:
    return f"model {model}"

@pipeline
def training() -> str:
    return report(fit(load()))
"""


def test_refresh_makes_one_step_again_and_no_cache_all(place: Place) -> None:
    place.write(flow=CHAIN)
    place.run("flow:training")
    one = place.run("flow:training", refresh="fit")
    # Its result is the same, so what follows is reused.
    assert (one.executed, one.reasons["fit"]) == ({"fit"}, "--refresh")
    every = place.run("flow:training", cache=False)
    assert every.executed == {"load", "fit", "report"}
    assert set(every.reasons.values()) == {"--no-cache"}
    assert place.run("flow:training").executed == set()
    words = ("run", "flow.py:training", "--json")
    told = json.loads(place.penstock(*words, "--refresh", "load").stdout)
    assert [step["node"] for step in told["steps"] if step["status"] == "done"] == ["load"]
    told = json.loads(place.penstock(*words, "--no-cache").stdout)
    assert {step["status"] for step in told["steps"]} == {"done"}


POLICIES = """
import os
from pathlib import Path
from penstock import Cache, Env, pipeline, step

def helper():
    return 1

def watermark(table):
    return Path(f"{{table}}.watermark").read_text()

@step(cache=False)
def never(): return 1
@step(cache=Cache(ttl="1ms"))
def short(): return 1
@step(cache=Cache(ttl="1h"))
def long(): return 1
@step(cache=Cache(ignore=["verbose"]))
def ignoring(x: int = 1, verbose: bool = {verbose}): return x
@step(cache=Cache(version="{version}"))
def versioned(): return 1
@step(cache=Cache(also=["query.sql"]))
def of_file(): return 1
@step(cache=Cache(also=["queries"]))
def of_folder(): return 1
@step(cache=Cache(also=[Env("MODEL_DIR")]))
def of_variable(): return 1
@step(cache=Cache(also=[helper]))
def of_helper(): return 1
@step(cache=Cache(key=watermark))
def of_table(table: str = "sales"): return 1
@step
def nothing(): return None
@step(cache=True)
def remembered_nothing(): return None
@step
def optional(n: int = 1) -> int | None: return None if n else 1

@pipeline
def every() -> None:
    never(); short(); long(); ignoring(); versioned(); of_file(); of_folder()
    of_variable(); of_helper(); of_table(); nothing(); remembered_nothing(); optional()
"""
ALWAYS = {"never", "short", "nothing", "optional"}


def test_a_policy_says_what_counts(place: Place) -> None:
    def flow(version: str = "1", verbose: str = "False") -> None:
        place.write(flow=POLICIES.format(version=version, verbose=verbose))

    flow()
    place.write({"query.sql": "select 1", "queries/a.sql": "1", "sales.watermark": "monday"})
    everything = place.run("flow:every").executed
    assert everything == set(place.run("flow:every").steps)
    second = place.run("flow:every")
    assert second.executed == ALWAYS
    assert second.reasons["never"] == "cache=False"
    assert second.reasons["short"] == "its result is older than 0.001 s"
    assert second.reasons["nothing"] == "what returns None is not cached, unless by cache=True"
    flow(verbose="True")
    assert place.run("flow:every").executed == ALWAYS
    flow(version="2", verbose="True")
    assert place.run("flow:every").executed == ALWAYS | {"versioned"}
    place.write({"query.sql": "select 2"})
    assert place.run("flow:every").executed == ALWAYS | {"of_file"}
    place.write({"queries/b.sql": "2"})
    assert place.run("flow:every").executed == ALWAYS | {"of_folder"}
    assert place.run("flow:every", env={"MODEL_DIR": "/m"}).executed == ALWAYS | {"of_variable"}
    place.write({"sales.watermark": "tuesday"})
    assert place.run("flow:every").executed == ALWAYS | {"of_table"}
    text = (place.root / "flow.py").read_text()
    place.write(flow=text.replace("def helper():\n    return 1", "def helper():\n    return 2"))
    assert place.run("flow:every").executed == ALWAYS | {"of_helper"}
    # What was made before is known still.
    flow()
    place.write({"query.sql": "select 1", "sales.watermark": "monday"})
    (place.root / "queries" / "b.sql").unlink()
    assert place.run("flow:every").executed == ALWAYS


def test_code_that_cannot_be_known_runs_each_time_until_somebody_answers_for_it(
    place: Place,
) -> None:
    flow = """
    from penstock import Cache, pipeline, step

    {decorator}
    def hidden(text: str = "1 + 1") -> int:
        return eval(text)

    @pipeline
    def training() -> int:
        return hidden()
    """
    place.write(flow=flow.format(decorator="@step"))
    place.run("flow:training")
    again = place.run("flow:training")
    assert again.executed == {"hidden"}
    assert "eval" in " ".join(again.notes["hidden"])
    place.write(flow=flow.format(decorator='@step(cache=Cache(version="1"))'))
    place.run("flow:training")
    answered = place.run("flow:training")
    assert (answered.executed, answered.notes["hidden"]) == (set(), [])


# ---- files

FILES = """
from pathlib import Path
from penstock import context, pipeline, step

@step
def read(path: Path) -> str:
    return path.read_text()

@step
def names(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())

@step
def many(paths: list[Path]) -> str:
    return "".join(path.read_text() for path in paths)

@step
def text(path: str) -> str:
    return Path(path).read_text()

@pipeline
def reading() -> list:
    here = Path("data")
    return [read(here / "a.csv"), names(here), many([here / "a.csv", here / "b.csv"])]

@pipeline
def of_text() -> str:
    return text("data/a.csv")
"""


def test_a_path_counts_by_its_place_and_its_content(place: Place) -> None:
    place.write(flow=FILES).write({"data/a.csv": "1", "data/b.csv": "2"})
    everything = {"read", "names", "many"}
    assert place.run("flow:reading").executed == everything
    assert place.run("flow:reading").executed == set()
    (place.root / "data" / "a.csv").touch()
    assert place.run("flow:reading").executed == set()
    place.write({"data/b.csv": "3"})
    changed = place.run("flow:reading")
    assert (changed.executed, changed.result[2]) == ({"names", "many"}, "13")
    place.write({"data/deep/c.csv": "1"})
    assert place.run("flow:reading").executed == {"names"}
    # Back again: known.
    (place.root / "data" / "deep" / "c.csv").unlink()
    (place.root / "data" / "deep").rmdir()
    assert place.run("flow:reading").executed == set()
    place.write({"data/a.csv": "9"})
    everywhere = place.run("flow:reading")
    assert (everywhere.executed, everywhere.result[0]) == (everything, "9")


def test_a_text_is_only_a_text_and_the_file_behind_it_is_noticed(place: Place) -> None:
    place.write(flow=FILES).write({"data/a.csv": "1"})
    first = place.run("flow:of_text")
    assert any("data/a.csv" in note for note in first.notes["text"]) or any(
        "data/a.csv" in line for line in place.penstock("why", "last", "text").stdout.splitlines()
    )
    place.write({"data/a.csv": "2"})
    again = place.run("flow:of_text")
    assert (again.executed, again.result) == (set(), "1")
    assert "data/a.csv" in place.penstock("why", "last", "text").stdout
    strict = place.run("flow:of_text", strict=True, refresh="text")
    assert (strict.status, strict.steps["text"]) == ("failed", "failed")


CHANGING = """
from pathlib import Path
from penstock import Cache, each, pipeline, step

@step
def write(text: str) -> str:
    Path("data/a.csv").write_text(text)
    return text

@step
def read(path: Path) -> str:
    return path.read_text()

@step
def read_while_it_changes(path: Path) -> str:
    found = path.read_text()
    path.write_text(found + "!")
    return found

@step
def read_folder_while_it_changes(path: Path) -> int:
    (path / "more.csv").write_text("more")
    return len(list(path.iterdir()))

@pipeline
def underneath() -> str:
    return read_while_it_changes(Path("data/a.csv"))

@pipeline
def of_folder() -> int:
    return read_folder_while_it_changes(Path("data"))

@step
def read_all(paths: list[Path]) -> str:
    return "".join(path.read_text() for path in paths)

@step(cache=Cache(also=["data/b.csv"]))
def read_named() -> str:
    return Path("data/b.csv").read_text()

@step
def write_more(text: str) -> Path:
    Path("data/b.csv").write_text(text)
    return Path("data/b.csv")

@pipeline
def between(text: str) -> str:
    return read.after(write(text))(Path("data/a.csv"))

@pipeline
def between_many(text: str) -> list:
    written = write_more(text)
    both = [Path("data/a.csv"), Path("data/b.csv")]
    return [
        read_all.after(written)(both),
        read_all.named("beside")([Path("data/b.csv"), written]),
        read_named.after(written)(),
        read.after(written).map(each(both)),
    ]
"""


def test_a_file_that_changes_while_the_step_runs_keeps_it_out_of_the_cache(place: Place) -> None:
    place.write(flow=CHANGING).write({"data/a.csv": "1"})
    ran = place.run("flow:underneath")
    assert ran.result == "1"
    assert any("not cached" in note and "a.csv" in note for note in ran.notes[READS])
    place.write({"data/a.csv": "1"})
    assert place.run("flow:underneath").executed == {READS}
    folder = place.run("flow:of_folder")
    assert any("not cached" in note for note in folder.notes["read_folder_while_it_changes"])


READS = "read_while_it_changes"


def test_a_file_that_an_earlier_step_of_the_run_changed_is_no_old_result_later(
    place: Place,
) -> None:
    place.write(flow=CHANGING).write({"data/a.csv": "old"})
    ran = place.run("flow:between", "new")
    assert ran.result == "new"
    assert any("not cached" in note for note in ran.notes["read"])
    place.write({"data/a.csv": "old"})
    # "old" is what its key says; `write` is reused and writes nothing now.
    assert place.run("flow:between", "new").result == "old"


def test_that_holds_for_lists_of_files_maps_of_them_and_those_that_a_policy_names(
    place: Place,
) -> None:
    place.write(flow=CHANGING).write({"data/a.csv": "a", "data/b.csv": "old"})
    assert place.run("flow:between_many", "new").result == ["anew", "newnew", "new", ["a", "new"]]
    place.write({"data/b.csv": "old"})
    again = place.run("flow:between_many", "old", refresh="write_more")
    assert again.result == ["aold", "oldold", "old", ["a", "old"]]
    assert again.steps["read[0]"] == "reused"


# ---- what a call logs


def test_what_a_reused_call_logged_appears_in_the_run_that_reuses_it(place: Place) -> None:
    place.write(
        flow="""
        from penstock import context, pipeline, step

        @step
        def fit(depth: int = 2) -> int:
            for epoch in range(3):
                context().log_metric("loss", 1 / (epoch + 1), step=epoch)
            context().log_param("depth_used", depth)
            context().log_artifact("table", {"a": [1, 2]})
            return depth

        @step
        def other(n: int) -> int:
            return n

        @pipeline
        def training(n: int) -> list:
            return [fit(), other(n)]
        """,
        look="""
        import json
        from penstock import find_run
        run = find_run()
        step = run["fit"]
        print(json.dumps({
            "status": step.status, "metrics": run.metrics, "own": step.metrics,
            "curve": len(step.record.logged.metrics),
            "params": step.record.logged.params,
            "artifact": step.artifacts["table"].load(),
        }))
        """,
    )
    place.run("flow:training", 1)
    first = json.loads(place.python("look.py").stdout)
    place.run("flow:training", 2)
    again = json.loads(place.python("look.py").stdout)
    assert first.pop("status") == "done"
    assert again.pop("status") == "reused"
    assert first == again
    assert again["metrics"]["fit.loss"] == pytest.approx(1 / 3)
    assert (again["params"], again["artifact"]) == ({"depth_used": 2}, {"a": [1, 2]})


# ---- dates, large parameters, secrets


def test_the_runs_date_is_part_of_the_key_where_it_is_a_parameter(place: Place) -> None:
    place.write(
        flow="""
        from datetime import date
        from penstock import context, logical_date, pipeline, step

        @step
        def of_day(day: date = logical_date()) -> str:
            return str(day)

        @step
        def reading() -> str:
            return str(context().logical_date)

        @pipeline
        def daily() -> list:
            return [of_day(), reading()]
        """
    )
    monday = place.run("flow:daily", logical_date="2026-03-02")
    assert monday.result == ["2026-03-02", "2026-03-02"]
    # Read from the context it is behind the key's back: never reused, and said.
    again = place.run("flow:daily", logical_date="2026-03-02")
    assert again.executed == {"reading"}
    assert any("logical_date" in note for note in again.notes["reading"])
    tuesday = place.run("flow:daily", logical_date="2026-03-03")
    assert tuesday.executed == {"of_day", "reading"}
    assert tuesday.result == ["2026-03-03", "2026-03-03"]
    assert "logical_date" in place.penstock("why", "last", "reading").stdout


def test_large_parameters_become_artifacts(place: Place) -> None:
    place.write(
        flow="""
        import numpy as np
        from penstock import pipeline, step

        @step
        def total(rows: list[int], table: np.ndarray) -> float:
            rows.append(1)
            return len(rows) + float(table.sum())

        @pipeline
        def adding(n: int, last: float = 0.0) -> float:
            table = np.zeros(100_000)
            table[-1] = last
            return total(list(range(n)), table)
        """
    )
    assert place.run("flow:adding", 100_000).result == 100_001
    assert place.run("flow:adding", 100_000).executed == set()
    more = place.run("flow:adding", 100_001, 1.0)
    assert (more.executed, more.result) == ({"total"}, 100_003)
    assert "rows" in more.reasons["total"] or "table" in more.reasons["total"]


SECRET = "correct-horse-battery-staple"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_secret_is_in_no_file_of_the_home_folder(place: Place, workers: int) -> None:
    place.write(
        flow="""
        import logging, os, sys
        from penstock import context, pipeline, secret, step

        @step
        def fetch(token: str = secret("env:API_TOKEN"), fail: bool = False) -> int:
            print("the token is", token)
            logging.getLogger("fetch").warning("token %s", token)
            os.write(1, f"raw {token}\\n".encode())
            sys.stderr.write(token + "\\n")
            context().log_param("token", token)
            context().log_param("deep", {"of": [token]})
            if fail:
                raise ValueError(f"{token} was refused")
            return len(token)

        @pipeline
        def fetching(token: str = secret("env:API_TOKEN"), fail: bool = False) -> int:
            return fetch(token, fail)
        """
    )
    env = {"API_TOKEN": SECRET}
    ran = place.run("flow:fetching", env=env, workers=workers)
    assert (ran.status, ran.result) == ("done", len(SECRET))
    failed = place.python(
        "-c",
        f"import flow; flow.fetching.options(workers={workers}).run(fail=True)",
        **env,
    )
    assert failed.returncode == 1
    # The name is in the key, not the value.
    assert place.run("flow:fetching", env={"API_TOKEN": "other"}, workers=workers).executed == set()
    for command in (["show", "last"], ["logs", "last", "fetch"], ["why", "last"], ["runs"]):
        told = place.penstock(*command, **env)
        assert SECRET not in told.stdout + told.stderr
    holding = [
        str(file.relative_to(place.root))
        for file in (place.root / ".penstock").rglob("*")
        if file.is_file() and SECRET.encode() in file.read_bytes()
    ]
    assert holding == []


# ---- seeds


SEEDS = """
import random, subprocess, sys
import numpy as np
from penstock import context, each, pipeline, step

@step
def plain(n: int = 1) -> int:
    return n

@step
def draws() -> float:
    return random.random()

@step
def draws_by_numpy() -> float:
    return float(np.random.rand())

@step
def reads_its_seed() -> int:
    return context().seed

@step
def starts_a_child() -> int:
    return subprocess.run([sys.executable, "-c", ""]).returncode

@step
def late() -> float:
    import numpy.random as late
    return float(late.normal())

@step
def draws_of_item(n: int) -> float:
    return random.random()

@step
def sometimes(n: int = 1) -> float:
    from pathlib import Path
    return random.random() if Path("draw").exists() else 0.5

@pipeline
def drawing() -> list:
    return [
        plain(), draws(), draws_by_numpy(), reads_its_seed(), starts_a_child(), late(),
        draws_of_item.map(each([1, 2])),
    ]

@pipeline
def other_order() -> list:
    plain(5)
    mapped = draws_of_item.map(each([2, 1, 7]))
    return [draws.named("elsewhere")(), draws(), mapped, draws_by_numpy()]

@pipeline
def once() -> float:
    return sometimes()

if __name__ == "__main__":
    print(drawing.run().result())
    print([s.status for s in drawing.runs()[0].steps])
"""
DRAWERS = {
    *("draws", "draws_by_numpy", "reads_its_seed", "starts_a_child", "late"),
    *("draws_of_item[0]", "draws_of_item[1]"),
}


def test_who_draws_is_made_again_under_another_seed_and_who_does_not_is_reused(
    place: Place,
) -> None:
    place.write(flow=SEEDS)
    first = place.run("flow:drawing")
    assert first.executed >= DRAWERS
    again = place.run("flow:drawing", workers=2)
    assert (again.executed - {"draws_of_item"}, again.result) == (set(), first.result)
    other = place.run("flow:drawing", seed=5)
    assert other.executed - {"draws_of_item"} == DRAWERS
    assert other.steps["plain"] == "reused"
    assert all(a != b for a, b in zip(first.result[1:4], other.result[1:4], strict=True))
    # Both seeds are known from now on.
    assert place.run("flow:drawing", seed=5).result == other.result
    assert place.run("flow:drawing").executed - {"draws_of_item"} == set()
    # The same seed elsewhere, cold.
    cold = place.run("flow:drawing", cache=False)
    assert cold.result == first.result


def test_a_seed_does_not_depend_on_place_or_on_how_the_file_was_started(place: Place) -> None:
    place.write(flow=SEEDS)
    first = place.run("flow:drawing")
    elsewhere = place.run("flow:other_order")
    # The second of two equal calls draws something else.
    assert elsewhere.executed - {"draws_of_item"} == {"plain", "draws", "draws_of_item[2]"}
    assert elsewhere.result[0] == first.result[1] != elsewhere.result[1]
    assert elsewhere.result[2][:2] == first.result[6][::-1]
    assert elsewhere.result[3] == first.result[2]
    script = place.python("flow.py")
    assert script.stdout.splitlines()[0] == str(first.result)
    assert set(json.loads(script.stdout.splitlines()[1].replace("'", '"'))) == {"reused"}


def test_an_entry_is_withdrawn_when_a_later_execution_draws(place: Place) -> None:
    place.write(flow=SEEDS)
    assert place.run("flow:once").result == 0.5
    assert place.run("flow:once", seed=3).executed == set()
    place.write({"draw": ""})
    drawn = place.run("flow:once", seed=3, refresh="sometimes")
    assert drawn.executed == {"sometimes"}
    assert drawn.result != 0.5
    # What was made without drawing stands for no seed but its own any more.
    other = place.run("flow:once", seed=4)
    assert other.executed == {"sometimes"}
    assert place.run("flow:once", seed=3).result == drawn.result
