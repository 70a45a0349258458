"""A spec from the command line: compiled, edited, run, compared; as a person would."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.end_to_end.place import Place

FLOW = '''
    from pathlib import Path
    from penstock import cross, each, pipeline, step

    @step
    def load(path: Path) -> list[int]:
        """Numbers, one in each line."""
        return [int(line) for line in path.read_text().split()]

    @step
    def clean(rows: list[int], least: int = 0) -> list[int]:
        return [row for row in rows if row >= least]

    @step
    def fit(rows: list[int], depth: int = 6) -> float:
        return sum(rows) * depth

    @step(timeout=None)
    def fit_fast(rows: list[int], depth: int = 1) -> float:
        return float(depth)

    @step
    def words(rows: list[int]) -> str:
        return "words"

    @step
    def best(models: list[float]) -> float:
        return max(models)

    @pipeline
    def training(path: Path = Path("rows.txt"), depth: int = 6, layers: int = 2) -> float:
        """Training.

        More.
        """
        rows = clean(load(path))
        for _ in range(layers - 2):
            rows = clean(rows)
        single = fit.named("single")(rows, depth=depth)
        many = fit.map(rows, depth=each([1, 2, depth]))
        return best([single, best(many)])

    @pipeline
    def needs(path: Path, scale: float) -> float:
        return fit(load(path), depth=3)
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A project whose pipeline has run, and is compiled."""
    root = tmp_path_factory.mktemp("edits") / "project"
    root.mkdir()
    made = Place(root).write(
        {"pyproject.toml": '[project]\nname = "edits"\n', "rows.txt": "1\n2\n3\n"}
    )
    made.write(flow=FLOW)
    assert made.penstock("run", "flow.py:training").returncode == 0
    done = made.penstock("compile", "flow.py:training", "-o", "p.yaml")
    assert (done.returncode, done.stdout) == (0, "")
    assert "fixed, as steps were built from them: layers" in done.stderr
    return made


def edited(place: Place, name: str, *changes: tuple[str, str]) -> Path:
    text = (place.root / "p.yaml").read_text()
    for before, after in changes:
        assert text.count(before) == 1, (before, text)
        text = text.replace(before, after)
    path = place.root / name
    path.write_text(text)
    return path


def ran(place: Place, *words: str) -> dict[str, str]:
    """Status of each step; of items, too."""
    done = place.penstock("run", *words, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return {
        step["node"] + (f"[{step['index']}]" if step["index"] else ""): step["status"]
        for step in told["steps"]
        if step["index"] or step["total"] is None
    }


def refused(place: Place, *words: str) -> str:
    done = place.penstock(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_as_it_was_compiled_all_is_reused(place: Place) -> None:
    assert set(ran(place, "p.yaml").values()) == {"reused"}


def test_without_a_date_a_spec_is_of_the_day_on_which_it_runs(place: Place) -> None:
    place.write(
        dated="""
        from datetime import date, datetime
        from penstock import logical_date, pipeline, step

        @step
        def told(day: date, moment: datetime) -> str:
            return f"{day} {moment}"

        @pipeline
        def dated(day: date = logical_date(), moment: datetime = logical_date()) -> str:
            return told(day, moment)
        """
    )
    assert place.penstock("compile", "dated.py:dated", "-o", "dated.yaml").returncode == 0
    assert ran(place, "dated.yaml") == {"told": "done"}
    day = json.loads(place.penstock("show", "last", "--json").stdout)["run"]["logical_date"]
    assert ran(place, "dated.py:dated", "--date", day) == {"told": "reused"}


def test_the_file_reads_well(place: Place) -> None:
    assert (
        (place.root / "p.yaml").read_text()
        == """\
# Training.
penstock: 1
pipeline: training
from: flow:training

parameters:
  path: = Path("rows.txt")        # Path
  depth: 6                        # int

# Built into the steps below; to change one, change it in code or compile again.
fixed:
  layers: 2                       # int

steps:
  # Numbers, one in each line.
  load:
    step: flow:load
    inputs:
      path: = $path

  clean:
    step: flow:clean
    inputs:
      rows: = load
    # by default: least=0

  single:
    step: flow:fit
    inputs:
      rows: = clean
      depth: = $depth

  fit:
    step: flow:fit
    inputs:
      rows: = clean
    each:
      depth: [1, 2, = $depth]

  best:
    step: flow:best
    inputs:
      models: = fit

  best-2:
    step: flow:best
    inputs:
      models: [= single, = best]

returns: = best-2
"""
    )


def test_a_parameter_is_edited(place: Place) -> None:
    edited(place, "a.yaml", ("depth: 6  ", "depth: 7  "))
    assert ran(place, "a.yaml") == {
        "load": "reused", "clean": "reused", "single": "done", "best": "done", "best-2": "done",
        "fit[0]": "reused", "fit[1]": "reused", "fit[2]": "reused",
    }  # fmt: skip  # fit[2] is the call of `single`
    assert set(ran(place, "p.yaml", "-p", "depth=7").values()) == {"reused"}


def test_a_step_is_removed_and_what_took_it_is_told_or_wired_anew(place: Place) -> None:
    gone = (
        "  clean:\n    step: flow:clean\n    inputs:\n      rows: = load\n    # by default: least=0\n\n",
        "",
    )
    edited(place, "b.yaml", gone)
    assert "b.yaml:24: no step 'clean'" in refused(place, "run", "b.yaml")
    path = place.root / "b.yaml"
    path.write_text(path.read_text().replace("= clean", "= load"))
    # Without negative rows all of them were clean: what follows is known.
    assert set(ran(place, "b.yaml").values()) == {"reused"}


def test_a_step_is_swapped_for_another(place: Place) -> None:
    edited(
        place, "c.yaml", ("  single:\n    step: flow:fit\n", "  single:\n    step: flow:fit_fast\n")
    )
    assert {name for name, status in ran(place, "c.yaml").items() if status == "done"} == {
        "single", "best-2",
    }  # fmt: skip


def test_the_list_of_a_map_is_edited(place: Place) -> None:
    edited(place, "d.yaml", ("depth: [1, 2, = $depth]", "depth: [1, 2, 3, = $depth]"))
    statuses = ran(place, "d.yaml")
    assert {name for name in statuses if name.startswith("fit[")} == {f"fit[{n}]" for n in range(4)}
    assert {name for name, status in statuses.items() if status == "done"} == {"fit[2]", "best"}


def test_steps_stand_in_any_order_and_text_is_converted(place: Place) -> None:
    text = (place.root / "p.yaml").read_text()
    head, _, rest = text.partition("steps:\n")
    steps, _, tail = rest.partition("\nreturns")
    turned = "\n\n".join(reversed(steps.strip("\n").split("\n\n")))
    path = place.root / "e.yaml"
    path.write_text(
        f"{head}steps:\n{turned}\n\nreturns{tail}".replace('= Path("rows.txt")', "rows.txt")
    )
    assert set(ran(place, "e.yaml").values()) == {"reused"}


def test_fields_without_a_class_are_given_as_such(place: Place) -> None:
    place.write(
        fields="""
        from penstock import step

        @step
        def told(it) -> float:
            return it.one + it.many
        """
    )
    edited(
        place,
        "fields.yaml",
        ("models: [= single, = best]", "it: = namedtuple(one=single, many=best)"),
        ("  best-2:\n    step: flow:best", "  best-2:\n    step: fields:told"),
    )
    assert ran(place, "fields.yaml")["best-2"] == "done"


def test_settings_flags_and_plans_go_with_it(place: Place) -> None:
    assert ran(place, "p.yaml", "--set", "clean.least=2", "--until", "clean") == {
        "load": "reused", "clean": "done",
    }  # fmt: skip
    done = place.penstock("plan", "p.yaml", "-p", "depth=9")
    assert done.returncode == 0
    assert re.search("single  execute  changed: parameter 'depth' [67] → 9", done.stdout)


def test_it_runs_from_elsewhere_in_the_project_and_from_a_folder_outside(
    place: Place, tmp_path: Path
) -> None:
    (place.root / "specs").mkdir(exist_ok=True)
    (place.root / "specs" / "p.yaml").write_text((place.root / "p.yaml").read_text())
    assert set(ran(place, "specs/p.yaml").values()) == {"reused"}
    (tmp_path / "p.yaml").write_text((place.root / "p.yaml").read_text())
    assert set(ran(place, str(tmp_path / "p.yaml")).values()) == {"reused"}


def test_what_is_fixed_and_what_is_missing_says_what_to_do(place: Place) -> None:
    said = refused(place, "run", "p.yaml", "-p", "layers=3")
    assert "'layers' is fixed in 'p.yaml'" in said
    assert "penstock compile flow.py:training -p layers=…" in said
    assert "has no parameter 'dept'" in refused(place, "run", "p.yaml", "-p", "dept=3")
    assert "'depth': expected a whole number" in refused(place, "run", "p.yaml", "-p", "depth=x")
    assert place.penstock("compile", "flow.py:needs", "-o", "n.yaml").returncode == 0
    assert "needs a value for 'path', 'scale'" in refused(place, "run", "n.yaml")
    assert ran(place, "n.yaml", "-p", "path=rows.txt", "-p", "scale=1")["load"] == "reused"


def test_a_run_keeps_its_own_and_that_runs_again(place: Place) -> None:
    ran(place, "p.yaml", "--set", "clean.least=1")
    done = place.penstock("show", "last", "--yaml")
    assert "      least: 1\n" in done.stdout
    assert "  depth: 6\n" in done.stdout
    (place.root / "f.yaml").write_text(done.stdout)
    assert set(ran(place, "f.yaml").values()) == {"reused"}
    ran(place, "flow.py:training", "-p", "depth=7")
    done = place.penstock("show", "last", "--yaml")
    assert 'fixed:\n  path: = Path("rows.txt")        # Path\n  depth: 7' in done.stdout
    (place.root / "g.yaml").write_text(done.stdout)
    assert set(ran(place, "g.yaml").values()) == {"reused"}


def test_differences_are_told_step_by_step(place: Place) -> None:
    edited(
        place, "h.yaml",
        ("depth: 6  ", "depth: 7  "),
        ("  single:\n    step: flow:fit\n", "  single:\n    step: flow:fit_fast\n    retries: 2\n"),
        ("depth: [1, 2, = $depth]", "depth: [1, 2]"),
        ("  best:\n", "  top:\n"),
        ("= best]", "= top]"),
        ("\nreturns", "\n  more:\n    step: flow:words\n    inputs:\n      rows: = load\n\nreturns"),
    )  # fmt: skip
    done = place.penstock("diff", "p.yaml", "h.yaml")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "~ parameters.depth: 6 -> 7",
        "~ single  step: flow:fit -> flow:fit_fast",
        "+ single  settings.retries: 2",
        "~ fit  each.depth: [1, 2, = $depth] -> [1, 2]",
        "~ best is now top",
        "~ best-2  inputs.models: [= single, = best] -> [= single, = top]",
        "+ more: flow:words",
    ]
    told = json.loads(place.penstock("diff", "p.yaml", "h.yaml", "--json").stdout)
    assert told["same"] is False
    assert told["differences"][0] == {
        "path": ["parameters", "depth"], "kind": "changed", "before": "6", "after": "7",
    }  # fmt: skip


def test_files_runs_and_code_are_compared_with_each_other(place: Place) -> None:
    ran(place, "flow.py:training")
    for other in ("flow.py:training", "last"):
        done = place.penstock("diff", "p.yaml", other)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "the same pipeline\n")
    assert "no file 'q.yaml'" in refused(place, "diff", "p.yaml", "q.yaml")


def test_a_module_that_does_not_import_and_steps_without_a_name_are_told(place: Place) -> None:
    place.write(broken="import nothing_of_this_name\n")
    place.write(
        local="""
        from penstock import pipeline, step

        @pipeline
        def flow() -> int:
            @step
            def inside() -> int:
                return 1
            return inside()
    """
    )
    edited(place, "i.yaml", ("step: flow:load", "step: broken:load"))
    done = place.penstock("run", "i.yaml")
    assert "'broken' could not be imported" in done.stderr
    assert "No module named 'nothing_of_this_name'" in done.stderr
    said = refused(place, "compile", "local.py")
    assert "'inside' has no name to find it by (local.py:9)" in said


def test_what_text_cannot_hold_is_required_or_refused_with_the_step_that_takes_it(
    place: Place,
) -> None:
    place.write(
        things="""
        from pathlib import Path
        from penstock import pipeline, step
        print("importing things")

        class Thing:
            def __reduce__(self):
                return Thing, ()

        THING = Thing()

        @step
        def size(of: object, times: int = 1) -> int:
            return 1

        @pipeline
        def inside() -> int:
            return size({"a": [THING]})

        @pipeline
        def guarded() -> int:
            return size.when(size(1) == THING)(2)

        @pipeline
        def giving() -> object:
            return {"size": size(1), "thing": THING}

        @pipeline
        def given(thing: object = THING, times: int = 2) -> int:
            print("building")
            return size(thing, times)
    """
    )
    said = refused(place, "compile", "things.py:inside")
    assert "'of' of 'size' is a Thing, which text cannot hold (things.py:18)" in said
    said = refused(place, "compile", "things.py:guarded")
    assert "'when' of 'size-2' is a Thing, which text cannot hold (things.py:22)" in said
    said = refused(place, "compile", "things.py:giving")
    assert "'giving' returns a Thing, which text cannot hold" in said
    done = place.penstock("compile", "things.py:given")
    assert done.stdout.startswith("penstock: 1\n")
    assert "  thing: = required " in done.stdout
    (place.root / "t.yaml").write_text(done.stdout)
    assert "'given' needs a value for 'thing'" in refused(place, "run", "t.yaml")
    assert ran(place, "things.py:given") == {"size": "done"}
    (place.root / "u.yaml").write_text(place.penstock("show", "last", "--yaml").stdout)
    said = refused(place, "run", "u.yaml")
    assert "u.yaml:14: a Thing cannot be in a file" in said
    assert place.penstock("diff", "t.yaml", "u.yaml").returncode == 1
