"""The same from a module, a script, the command and a notebook; and code that changes meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.end_to_end.kernel import CellFailed, Notebook, notebook
from tests.end_to_end.place import Place

FLOW = """
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
import random

import features
from penstock import each, pipeline, step

RATE = 2

class Kind(Enum):
    TREE = 1

@dataclass
class Model:
    slope: int
    kind: Kind = Kind.TREE

    def predict(self, x):
        return self.slope * x

class Scores(NamedTuple):
    auc: float
    names: list[str]

class Opaque:
    # No dataclass: kept as a pickle.
    def __init__(self, by):
        self.by = by
    def __getstate__(self):
        return {"by": self.by}

def double(x):
    return x * RATE

@step
def load(n: int = 3) -> list[int]:
    return [double(i) for i in range(n)]

@step
def fit(rows: list[int], depth: int = 1) -> Model:
    return Model(sum(rows) * depth)

@step
def evaluate(model: Model) -> Scores:
    return Scores(model.predict(2) / 10, [features.name(model.kind.name), type(model).__qualname__])

@step
def wrap(by: int) -> Opaque:
    return Opaque(by)

@step
def unwrap(one: Opaque) -> int:
    return one.by if isinstance(one, Opaque) else -1

@step
def noise(n: int) -> float:
    return random.random()

@pipeline
def training(n: int = 3) -> list:
    scores = evaluate(fit(load(n)))
    return [scores.auc, scores.names, unwrap(wrap(n)), noise.map(each([1, 2]))]
"""
SCRIPT = """

if __name__ == "__main__":
    import json, sys
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    run = training.options(workers=workers).run()
    print(json.dumps([{s.name: s.status for s in run.steps}, run.result()]))
"""
FEATURES = """
def name(kind):
    return kind.lower()
"""
RESULT = [1.2, ["tree", "Model"], 3]


@pytest.fixture
def book(place: Place) -> Iterator[Notebook]:
    with notebook(place.root, place.environment()) as opened:
        yield opened


def script(place: Place, *words: str) -> tuple[set[str], list[object]]:
    done = place.python(*words)
    assert done.returncode == 0, done.stderr
    statuses, result = json.loads(done.stdout)
    return {name for name, status in statuses.items() if status == "done"}, result


def command(place: Place, *words: str) -> set[str]:
    done = place.penstock("run", *words, "--json")
    assert done.returncode == 0, done.stderr
    return {s["node"] for s in json.loads(done.stdout)["steps"] if s["status"] == "done"}


def test_module_script_command_and_kernel_share_the_cache(place: Place, book: Notebook) -> None:
    place.write(flow=FLOW + SCRIPT, features=FEATURES)
    executed, first = script(place, "flow.py")
    assert executed == {"load", "fit", "evaluate", "wrap", "unwrap", "noise"}
    assert first[:3] == RESULT
    for again in (
        script(place, "flow.py"),
        script(place, "flow.py", "2"),
        script(place, "-m", "flow"),
    ):
        assert again == (set(), first)
    module = place.run("flow:training")
    assert (module.executed, module.result) == (set(), first)
    assert command(place, "flow.py:training") == set()
    assert command(place, "flow:training") == set()
    book.cell("import flow")
    assert book.run("flow.training.run()") == (
        {name: "reused" for name in module.steps if "[" not in name},
        first,
    )
    # And the other way round: what a module made, a script takes.
    module = place.run("flow:training", 4)
    assert "fit" in module.executed
    assert command(place, "flow.py:training", "-p", "n=4") == set()


def test_a_script_in_a_folder_below_shares_the_cache_with_its_import(place: Place) -> None:
    place.write({"jobs/__init__.py": "", "jobs/flow.py": FLOW + SCRIPT, "features.py": FEATURES})
    env = {"PYTHONPATH": str(place.root)}
    done = place.python("jobs/flow.py", **env)
    assert done.returncode == 0, done.stderr
    assert place.run("jobs.flow:training").executed == set()
    assert command(place, "jobs/flow.py:training") == set()


def test_classes_of_a_script_are_the_same_classes_in_every_process(place: Place) -> None:
    place.write(flow=FLOW + SCRIPT, features=FEATURES)
    by_workers, result = script(place, "flow.py", "2")
    assert by_workers == {"load", "fit", "evaluate", "wrap", "unwrap", "noise"}
    assert result[:3] == RESULT
    assert script(place, "flow.py") == (set(), result)
    look = "import flow; r = flow.training.runs()[0]; m = r['fit'].output.load(); "
    told = place.python(
        "-c", look + "print(m.predict(1), type(m) is flow.Model, m.kind is flow.Kind.TREE)"
    )
    assert told.stdout.split() == ["6", "True", "True"]
    told = place.python("-c", look + "print(type(r['wrap'].output.load()) is flow.Opaque)")
    assert told.stdout.split() == ["True"], told.stderr
    # A change of the class runs what uses it.
    place.write(flow=(FLOW + SCRIPT).replace("return self.slope * x", "return self.slope * x * 10"))
    executed, result = script(place, "flow.py")
    assert executed == {"fit", "evaluate"}
    assert result[0] == 12.0


# ---- notebooks

CELLS = """
from dataclasses import dataclass
from penstock import each, pipeline, step

RATE = 2

@dataclass
class Model:
    slope: int
    def predict(self, x):
        return self.slope * x

def double(x):
    return x * RATE

def unrelated():
    return 1

@step
def load(n: int = 3) -> list[int]:
    return [double(i) for i in range(n)]

@step
def fit(rows: list[int]) -> Model:
    return Model(sum(rows))

@step
def evaluate(model: Model) -> int:
    return model.predict(10)

@step
def square(n: int) -> int:
    return double(n) * n

@pipeline
def training(n: int = 3) -> list:
    return [evaluate(fit(load(n))), square.map(each([1, 2]))]
"""


def test_redefining_in_a_later_cell_runs_exactly_the_dependents(book: Notebook) -> None:
    book.cell(CELLS)
    assert book.run("training.run()") == (
        {"load": "done", "fit": "done", "evaluate": "done", "square": "done"},
        [60, [2, 8]],
    )
    assert book.executed("training.run()") == set()
    book.cell("def unrelated():\n    return 2")
    # The same code again, from another cell with other line numbers.
    book.cell("# a comment\n\n\ndef double(x):\n    return x * RATE")
    book.cell(CELLS)
    assert book.executed("training.run()") == set()
    book.cell("def double(x):\n    return x * RATE * 10")
    assert book.run("training.run()") == (
        {"load": "done", "fit": "done", "evaluate": "done", "square": "done"},
        [600, [20, 80]],
    )
    book.cell("RATE = 4")
    assert book.run("training.run()")[1] == [1200, [40, 160]]
    book.cell(
        """
        @dataclass
        class Model:
            slope: int
            def predict(self, x):
                return self.slope - x
        """
    )
    # The steps name the class by their annotations, also where it was another one.
    book.cell("@step\ndef fit(rows: list[int]) -> Model:\n    return Model(sum(rows))")
    assert book.run("training.run()") == (
        {"load": "reused", "fit": "done", "evaluate": "done", "square": "reused"},
        [110, [40, 160]],
    )
    # Back to the first code: all of it is known.
    book.cell(CELLS)
    assert book.run("training.run()") == (
        {"load": "reused", "fit": "reused", "evaluate": "reused", "square": "reused"},
        [60, [2, 8]],
    )


def test_notebook_functions_work_in_workers_and_share_keys_with_the_kernel(book: Notebook) -> None:
    book.cell(CELLS)
    assert book.run("training.options(workers=2).run()") == (
        {"load": "done", "fit": "done", "evaluate": "done", "square": "done"},
        [60, [2, 8]],
    )
    assert book.executed("training.run()") == set()
    book.cell("def double(x):\n    return x * RATE * 10")
    assert book.run("training.options(workers=2).run()")[1] == [600, [20, 80]]
    assert book.executed("training.run()") == set()


def test_a_restarted_kernel_finds_what_the_last_one_made(place: Place) -> None:
    with notebook(place.root, place.environment()) as first:
        first.cell(CELLS)
        assert first.run("training.run()")[1] == [60, [2, 8]]
    with notebook(place.root, place.environment()) as second:
        second.cell(CELLS)
        assert second.executed("training.run()") == set()
        assert second.run("training.run()")[1] == [60, [2, 8]]


# ---- code that was edited and not loaded again


def test_a_kernel_whose_module_was_edited_counts_the_code_that_it_has_loaded(
    place: Place, book: Notebook
) -> None:
    old, new = "def scale(x):\n    return x\n", "def scale(x):\n    return x * 100\n"
    place.write(
        flow="""
        import features
        from penstock import pipeline, step

        @step
        def fit(x: int = 3) -> int:
            return features.scale(x)

        @pipeline
        def training(x: int = 3) -> int:
            return fit(x)
        """,
        features=old,
    )
    book.cell("import flow, features")
    assert book.run("flow.training.run(1)")[1] == 1
    place.write(features=new)
    # Not loaded: the old code counts, under the old key.
    assert book.run("flow.training.run(1)") == ({"fit": "reused"}, 1)
    assert book.run("flow.training.run(2)") == ({"fit": "done"}, 2)
    # Another process has the new code, and nothing that was made by the old one.
    fresh = place.run("flow:training", 2)
    assert (fresh.executed, fresh.result) == ({"fit"}, 200)
    fresh = place.run("flow:training", 1)
    assert (fresh.executed, fresh.result) == ({"fit"}, 100)
    book.cell("import importlib; importlib.reload(features)")
    assert book.run("flow.training.run(1)") == ({"fit": "reused"}, 100)
    assert book.run("flow.training.run(3)")[1] == 300


def test_workers_that_would_import_newer_code_are_refused(place: Place, book: Notebook) -> None:
    place.write(
        flow="""
        import features
        from penstock import pipeline, step

        @step
        def fit(x: int = 3) -> int:
            return features.scale(x)

        @pipeline
        def training(x: int = 3) -> int:
            return fit(x)
        """,
        features="def scale(x):\n    return x\n",
    )
    book.cell("import flow, features")
    place.write(features="def scale(x):\n    return x * 100\n")
    with pytest.raises(CellFailed, match=r"changed since the run was planned"):
        book.cell("flow.training.options(workers=2).run(1)")
    # In the kernel itself the loaded code runs, under its own key.
    assert book.run("flow.training.run(1)") == ({"fit": "done"}, 1)
    fresh = place.run("flow:training", 1, workers=2)
    assert (fresh.executed, fresh.result) == ({"fit"}, 100)
    book.cell("import importlib; importlib.reload(features)")
    assert book.run("flow.training.options(workers=2).run(1)") == ({"fit": "reused"}, 100)


def test_a_class_of_values_that_was_edited_meanwhile_is_refused_by_workers(
    place: Place, book: Notebook
) -> None:
    place.write(
        flow="""
        from penstock import pipeline, step
        import models

        @step
        def make(x: int):
            return models.Model(x)

        @step
        def use(model) -> int:
            return model.predict()

        @pipeline
        def training(x: int = 3) -> int:
            return use(make(x))
        """,
        models="""
        class Model:
            def __init__(self, x):
                self.x = x
            def predict(self):
                return self.x
        """,
    )
    book.cell("import flow, models")
    assert book.run("flow.training.run(1)")[1] == 1
    text = (place.root / "models.py").read_text()
    place.write(models=text.replace("return self.x", "return self.x * 100"))
    # `make` is reused, and only `use` would run, with a class that the kernel does not know.
    code = """
    run = flow.training.options(workers=1, refresh="use", on_error="return").run(1)
    print(run.status, run.result() if run.status == "done" else run.error.message)
    """
    told = book.cell(code)
    assert "changed since the run was planned" in told, told
    assert place.run("flow:training", 1).result == 100


def test_a_helper_that_a_policy_names_and_that_was_edited_meanwhile_is_refused_by_workers(
    place: Place, book: Notebook
) -> None:
    place.write(
        flow="""
        import importlib
        import features
        from penstock import Cache, pipeline, step

        @step(cache=Cache(also=[features.scale]))
        def fit(x: int = 3) -> int:
            return getattr(importlib.import_module("feat" + "ures"), "scale")(x)

        @pipeline
        def training(x: int = 3) -> int:
            return fit(x)
        """,
        features="def scale(x):\n    return x\n",
    )
    book.cell("import flow, features")
    assert book.run("flow.training.options(workers=1).run(1)") == ({"fit": "done"}, 1)
    place.write(features="def scale(x):\n    return x * 100\n")
    with pytest.raises(CellFailed, match=r"changed since the run was planned"):
        book.cell("flow.training.options(workers=1).run(2)")
    assert place.run("flow:training", 1).result == 100


# ---- what importing does


def test_a_script_without_a_guard_is_told_what_to_write_when_it_uses_workers(place: Place) -> None:
    place.write(
        flow="""
        from penstock import pipeline, step

        @step
        def fit(x: int = 3) -> int:
            return x

        @pipeline
        def training() -> int:
            return fit()

        run = training.options(workers=2).run()
        print(run.result())
        """
    )
    done = place.python("flow.py")
    assert done.returncode != 0
    assert 'if __name__ == "__main__":' in done.stderr
    place.write(flow=(place.root / "flow.py").read_text().replace(".options(workers=2)", ""))
    assert place.python("flow.py").stdout == "3\n"


def test_importing_penstock_writes_nothing_and_starts_nothing_also_in_a_worker(
    place: Place,
) -> None:
    place.write(
        flow="""
        import sys
        from penstock import pipeline, step

        @step
        def loaded() -> list[str]:
            import penstock
            heavy = ("pandas", "numpy", "rich", "yaml", "click", "asyncio", "IPython", "sklearn")
            return sorted(set(heavy) & set(sys.modules))

        @pipeline
        def looking() -> list[str]:
            return loaded()
        """
    )
    assert place.python("-c", "import penstock, flow").returncode == 0
    assert not (place.root / ".penstock").exists()
    assert place.run("flow:looking", workers=1).result == []
