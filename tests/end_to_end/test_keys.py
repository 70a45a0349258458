"""What a key is made of besides code: values, classes, packages; and what it is not made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.end_to_end.place import Place

# ---- values


def test_a_value_is_the_same_however_it_is_given(place: Place) -> None:
    place.write(
        flow="""
        import numpy as np
        from penstock import pipeline, step

        @step
        def fit(depth: int = 8, name: str = "a", rate: float = 1.0) -> int:
            return depth

        @pipeline
        def by_default() -> int:
            return fit()

        @pipeline
        def explicit() -> list:
            return [
                fit(8), fit(depth=8), fit(np.int64(8)), fit(depth=np.int64(8), name=np.str_("a")),
                fit(8, "a", 1.0), fit(rate=np.float64(1), name="a"), fit.named("other")(),
            ]

        @pipeline
        def different() -> list:
            return [fit(9), fit(np.int64(9)), fit(name="b")]
        """
    )
    assert place.run("flow:by_default").executed == {"fit"}
    assert place.run("flow:explicit").executed == set()
    assert place.run("flow:different").executed == {"fit", "fit-3"}


def test_sets_and_dicts_are_the_same_in_every_process(place: Place) -> None:
    place.write(
        flow="""
        from penstock import pipeline, step

        WORDS = {"one", "two", "three", "four"}
        BY_WORD = {word: len(word) for word in WORDS}

        @step
        def count(words: set[str], more: frozenset[str]) -> int:
            return len(words | more | WORDS) + len([w for w in more if w in {"x", "y", "z"}])

        @step
        def measure() -> int:
            return sum(BY_WORD.values())

        @pipeline
        def counting() -> list:
            return [count({"a", "b", "c", "d"}, frozenset("vwxyz")), measure()]
        """
    )
    ran = [
        place.run("flow:counting", env={"PYTHONHASHSEED": str(seed)}).executed for seed in (1, 2, 3)
    ]
    assert ran == [{"count", "measure"}, set(), set()]


# ---- what does not count


STEPS = """
from penstock import pipeline, step
{more}

{decorator}
def load(n: int = 3) -> list[int]:
    return list(range(n))

@step
def total(rows: list[int]) -> int:
    return sum(rows)

@pipeline
def adding() -> int:
    return total(load())
"""


@pytest.mark.parametrize(
    "decorator",
    [
        "@step(retries=3)",
        "@step(retries=Retry(2, delay=0.1, on=(OSError,)))",
        '@step(timeout="10m")',
        '@step(resources={"cpu": 1})',
        '@step(executor="processes")',
        '@step(name="load")',
        "@step(cache=True)",
        '@step(cache=Cache(ttl="12h"))',
    ],
)
def test_how_a_step_is_run_is_no_part_of_its_key(place: Place, decorator: str) -> None:
    place.write(flow=STEPS.format(decorator="@step", more=""))
    assert place.run("flow:adding").executed == {"load", "total"}
    place.write(flow=STEPS.format(decorator=decorator, more="from penstock import Cache, Retry"))
    assert place.run("flow:adding").executed == set()


def test_a_second_checkout_shares_the_store(place: Place, tmp_path: Path) -> None:
    place.write(
        flow="""
        from pathlib import Path
        from penstock import pipeline, step
        import features

        HERE = Path(__file__).parent
        DATA = HERE / "data"

        @step
        def load(path: Path) -> str:
            return path.read_text()

        @step
        def encode(text: str) -> str:
            return features.encode(text) + DATA.name

        @pipeline
        def training() -> str:
            return encode(load(HERE / "data" / "rows.csv"))
        """,
        features="""
        def encode(text):
            return text.upper()
        """,
    ).write({"data/rows.csv": "a,b"})
    home = {"PENSTOCK_HOME": str(tmp_path / "home")}
    assert place.run("flow:training", env=home).executed == {"load", "encode"}
    shutil.copytree(place.root, tmp_path / "deeper" / "elsewhere")
    other = Place(tmp_path / "deeper" / "elsewhere")
    again = other.run("flow:training", env=home)
    assert (again.executed, again.result) == (set(), "A,Bdata")
    # The same content at another place in the project is another input.
    other.write({"features.py": "def encode(text):\n    return text.lower()\n"})
    assert other.run("flow:training", env=home).executed == {"encode"}
    assert place.run("flow:training", env=home).executed == set()


# ---- classes and packages


def test_the_class_of_an_inputs_value_counts(place: Place) -> None:
    files = {
        "models.py": """
        from dataclasses import dataclass

        class Base:
            def scale(self):
                return 10

        @dataclass
        class Model(Base):
            slope: int
            def predict(self, x):
                return x * self.slope * self.scale()

        class Other:
            def predict(self, x):
                return x
        """,
        "flow.py": """
        from penstock import pipeline, step

        @step
        def make(kind: str):
            import models
            return {"model": [models.Model(2)]} if kind == "nested" else models.Model(2)

        @step
        def use(model):
            return model.predict(3) if hasattr(model, "predict") else model["model"][0].predict(3)

        @step
        def unused(n: int = 1) -> int:
            return n

        @pipeline
        def predicting() -> list:
            return [use(make("plain")), use.named("deep")(make.named("deeper")("nested")), unused()]
        """,
    }
    place.write(files)
    assert place.run("flow:predicting").result == [60, 60, 1]
    place.write({"models.py": files["models.py"].replace("return 10", "return 100")})
    base = place.run("flow:predicting")
    # `make` names the class itself.
    assert base.executed == {"make", "deeper", "use", "deep"}
    assert base.result == [600, 600, 1]
    place.write({"models.py": files["models.py"].replace("return x\n", "return -x\n")})
    assert place.run("flow:predicting").executed == set()


def test_a_model_from_a_cached_step_is_used_by_its_new_code(place: Place) -> None:
    flow = """
    import importlib
    from penstock import pipeline, step

    @step(cache=Cache(version="1"))
    def make():
        return importlib.import_module("".join(("mod", "els"))).Model()

    @step
    def use(model):
        return model.predict(3)

    @pipeline
    def predicting():
        return use(make())
    """.replace("import pipeline", "import Cache, pipeline")
    place.write(flow=flow, models="class Model:\n    def predict(self, x):\n        return x\n")
    assert place.run("flow:predicting").result == 3
    place.write(models="class Model:\n    def predict(self, x):\n        return -x\n")
    ran = place.run("flow:predicting")
    assert (ran.executed, ran.result) == ({"use"}, -3)
    assert "Model" in ran.reasons["use"]


def test_the_version_of_an_imported_distribution_counts(place: Place, tmp_path: Path) -> None:
    site = Place(tmp_path / "site-packages")

    def install(version: str, body: str = "return x") -> None:
        for old in site.root.glob("fakelib-*"):
            shutil.rmtree(old)
        site.write(
            {
                "fakelib/__init__.py": f"def run(x):\n    {body}\n",
                f"fakelib-{version}.dist-info/METADATA": f"Name: fakelib\nVersion: {version}\n",
            }
        )

    place.write(
        flow="""
        from penstock import pipeline, step
        import fakelib
        import features

        @step
        def direct(x: int = 1) -> int:
            return fakelib.run(x)

        @step
        def by_helper(x: int = 1) -> int:
            return features.encode(x)

        @step
        def without(x: int = 1) -> int:
            return x

        @pipeline
        def training() -> list:
            return [direct(), by_helper(), without()]
        """,
        features="""
        def encode(x):
            from fakelib import run
            return run(x)
        """,
    )
    path = {"PYTHONPATH": str(site.root)}
    install("1.0+cpu")
    assert place.run("flow:training", env=path).executed == {"direct", "by_helper", "without"}
    install("1.0+cu121")
    assert place.run("flow:training", env=path).executed == set()
    install("1.0", body="return x + 0")
    assert place.run("flow:training", env=path).executed == set()
    install("1.1", body="return x + 1")
    newer = place.run("flow:training", env=path)
    assert (newer.executed, newer.result) == ({"direct", "by_helper"}, [2, 2, 1])
    assert "fakelib" in newer.reasons["direct"]


def test_an_editable_dependency_counts_by_its_code(place: Place, tmp_path: Path) -> None:
    beside = Place(tmp_path / "library")
    beside.write({"src/stretch/__init__.py": "def twice(x):\n    return x * 2\n"})
    beside.write({"pyproject.toml": "[project]\nname = 'stretch'\n"})
    place.write(
        flow="""
        from penstock import pipeline, step
        from stretch import twice

        @step
        def doubled(x: int = 3) -> int:
            return twice(x)

        @step
        def other(x: int = 3) -> int:
            return x

        @pipeline
        def training() -> list:
            return [doubled(), other()]
        """
    )
    path = {"PYTHONPATH": str(beside.root / "src")}
    assert place.run("flow:training", env=path).result == [6, 3]
    beside.write({"src/stretch/__init__.py": "def twice(x):\n    return x * 20\n"})
    edited = place.run("flow:training", env=path)
    assert (edited.executed, edited.result) == ({"doubled"}, [60, 3])


# ---- early cutoff


CUTOFF = """
import random
from collections import OrderedDict
from penstock import Cache, pipeline, step
import numpy as np, pandas as pd, pyarrow as pa
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

X = np.arange(40.0).reshape(20, 2)

@step
def integer(way: int) -> int:
    return np.int64(7) if way else 7

@step
def text(way: int) -> str:
    return "".join(["a", "b"]) if way else "ab"

@step
def words(way: int) -> set[str]:
    return set(sorted({"one", "two", "three"}, reverse=bool(way)))

@step
def table(way: int) -> dict[str, list]:
    one = [1, 2]
    return {"a": one, "b": one} if way else {"a": [1, 2], "b": [1, 2]}

@step
def array(way: int) -> np.ndarray:
    whole = np.arange(12.0).reshape(3, 4)
    return [whole, np.repeat(whole, 2, axis=1)[:, ::2], whole[:]][way]

@step
def frame(way: int) -> pd.DataFrame:
    if way:
        made = pd.DataFrame({"a": [1, 2]})
        made["b"] = ["x", None]
        made["c"] = pd.Categorical(["u", "v"])
        return made
    return pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])})

@step
def arrow(way: int) -> pa.Table:
    whole = pa.table({"a": [1, 2, 3, None]})
    return pa.concat_tables([whole.slice(0, 1), whole.slice(1)]) if way else whole

@step
def forest(way: int) -> RandomForestClassifier:
    model = RandomForestClassifier(5, random_state=0, n_jobs=None)
    model.fit(np.asfortranarray(X) if way else X, np.arange(20) % 2)
    if way:
        # Another order of attributes, and no object shared: other bytes, the same content.
        state = dict(sorted(vars(model).items(), reverse=True))
        vars(model).clear()
        vars(model).update(state)
        model.n_features_in_ = int(str(model.n_features_in_))
    return model

@step
def linear(way: int) -> LinearRegression:
    return LinearRegression().fit(X, X[:, 0] * 2)

@step
def use(value, name: str) -> str:
    return f"{name}: {type(value).__name__}"

MAKERS = [integer, text, words, table, array, frame, arrow, forest, linear]

@pipeline
def cutting(way: int) -> list:
    return [use.named("use_" + make.name)(make(way), make.name) for make in MAKERS]
"""


def test_an_unchanged_result_cuts_the_rerun_off(place: Place) -> None:
    place.write(flow=CUTOFF)
    makers = ["integer", "text", "words", "table", "array", "frame", "arrow", "forest", "linear"]
    first = place.run("flow:cutting", 0)
    assert first.status == "done"
    for way in (1, 2):
        again = place.run("flow:cutting", way)
        assert again.executed == set(makers)
        assert again.result == first.result
    look = "import flow, pickle; print(len({pickle.dumps(flow.forest(way)) for way in (0, 1)}))"
    assert place.python("-c", look).stdout == "2\n"


def test_a_changed_result_does_not(place: Place) -> None:
    place.write(
        flow="""
        from penstock import pipeline, step
        import numpy as np, pandas as pd
        from sklearn.linear_model import LinearRegression

        X = np.arange(40.0).reshape(20, 2)

        @step
        def integer(way: int): return [7, 8, 7.0, True][way]
        @step
        def truth(way: int): return [True, 1, False, None][way]
        @step
        def table(way: int): return [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 2.0}, {}][way]
        @step
        def sequence(way: int): return [[1, 2], (1, 2), [2, 1], [1, [2]]][way]
        @step
        def array(way: int):
            return [np.zeros(2), np.zeros(2, "f4"), np.zeros((2, 1)), -np.zeros(2)][way]
        @step
        def frame(way: int):
            return [
                pd.DataFrame({"a": [1, 2]}),
                pd.DataFrame({"a": [1, 2]}, index=[1, 0]),
                pd.DataFrame({"a": [1.0, 2.0]}),
                pd.DataFrame({"b": [1, 2]}),
            ][way]
        @step
        def linear(way: int):
            return LinearRegression(fit_intercept=way != 3).fit(X, X[:, 0] * (way + 1))
        @step
        def use(value, name: str) -> str:
            return name + repr(value)

        MAKERS = [integer, truth, table, sequence, array, frame, linear]

        @pipeline
        def cutting(way: int) -> list:
            return [use.named("use_" + make.name)(make(way), make.name) for make in MAKERS]
        """
    )
    makers = ["integer", "truth", "table", "sequence", "array", "frame", "linear"]
    for way in range(4):
        assert place.run("flow:cutting", way).executed >= {f"use_{name}" for name in makers}
