"""What a step's code may use besides functions, and what makes its closure uncertain."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType

import pytest

from penstock.core.graph import Closure
from penstock.define.closure import Closures, closure, sources

_counter = itertools.count()
Module = Callable[..., ModuleType]


def content(value: object) -> str:
    """Stands for the artifacts' digest of a library's value."""
    return f"{type(value).__name__} {value!r}"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """Writes and imports a module of a new project; the next one of the same name replaces it."""
    known: set[str] = set()

    def write(text: str, name: str = "made") -> ModuleType:
        root = tmp_path / str(next(_counter))
        root.mkdir()
        (root / "pyproject.toml").touch()
        (root / f"{name}.py").write_text(dedent(text))
        monkeypatch.syspath_prepend(root)
        sys.modules.pop(name, None)
        known.add(name)
        return importlib.import_module(name)

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield write
    for name in known:
        sys.modules.pop(name, None)


def of(module: ModuleType, name: str = "step") -> Closure:
    root = Path(str(module.__file__)).parent
    return closure(getattr(module, name), root=root, digest_value=content)


def same(module: Module, before: str, after: str) -> bool:
    """Whether `step` has the same digest in both texts, neither of which hides anything."""
    one, two = of(module(before)), of(module(after))
    assert (one.problems, two.problems) == ((), ())
    return one.digest == two.digest


# ---- values


TEXT = """
        import math, re, statistics
        from collections import Counter, OrderedDict, deque
        from dataclasses import dataclass
        from datetime import datetime
        from decimal import Decimal
        from enum import Enum
        from functools import lru_cache, partial
        from operator import itemgetter
        from pathlib import Path
        from types import SimpleNamespace

        def one(a=1, b=1): return 1
        def two(a=1, b=1): return 2

        class Thing:
            def __init__(self, x): self.x = x
            def get(self): return self.x
            def put(self): return -self.x

        @dataclass
        class Data:
            x: int

        class Slots:
            __slots__ = ("x",)
            def __init__(self, x): self.x = x

        class Tone(Enum):
            LOW = 1
            HIGH = 2

        class MyDict(dict): pass

        VALUE = {}

        def step(): return VALUE
        """


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1", "2"),
        ("1", "1.0"),
        ("1", "True"),
        ("0.0", "-0.0"),
        ("'1'", "b'1'"),
        ("(1, 2)", "[1, 2]"),
        ("(1, (2,))", "(1, 2)"),
        ("{1: 2}", "{1: 3}"),
        ("{'a': {'b': 1}}", "{'a': {'b': 2}}"),
        ("re.compile('a')", "re.compile('b')"),
        ("re.compile('a')", "re.compile('a', re.I)"),
        ("Path('a.csv')", "Path('b.csv')"),
        ("datetime(2024, 1, 1)", "datetime(2024, 1, 2)"),
        ("Decimal('1.0')", "Decimal('1.00')"),
        ("range(3)", "range(4)"),
        ("OrderedDict(a=1)", "OrderedDict(a=2)"),
        ("deque([1])", "deque([2])"),
        ("Counter('ab')", "Counter('aab')"),
        ("SimpleNamespace(a=1)", "SimpleNamespace(a=2)"),
        ("itemgetter(1)", "itemgetter(2)"),
        ("math.sqrt", "math.exp"),
        ("math", "statistics"),
        ("int", "float"),
        ("[len]", "[min]"),
        ("{'f': one}", "{'f': two}"),
        ("[one, two]", "[two, one]"),
        ("{one}", "{two}"),
        ("partial(one, 1)", "partial(one, 2)"),
        ("partial(one, a=1)", "partial(one, b=1)"),
        ("partial(one)", "partial(two)"),
        ("Thing(1)", "Thing(2)"),
        ("Thing(one)", "Thing(two)"),
        ("Thing(1).get", "Thing(2).get"),
        ("Thing(1).get", "Thing(1).put"),
        ("Data(1)", "Data(2)"),
        ("Slots(1)", "Slots(2)"),
        ("Tone.LOW", "Tone.HIGH"),
        ("MyDict(a=1)", "MyDict(a=2)"),
        ("ValueError('a')", "ValueError('b')"),
        ("lru_cache(one)", "lru_cache(two)"),
        ("list[int]", "list[str]"),
        ("np.arange(3)", "np.arange(4)"),
        ("np.arange(3)", "np.arange(3.0)"),
        ("np.add", "np.subtract"),
        ("np.dtype('f4')", "np.dtype('f8')"),
        ("np.float32(1)", "np.float64(1)"),
        ("{'a': np.arange(3)}", "{'a': np.arange(4)}"),
        ("[one, np.arange(3)]", "[one, np.arange(4)]"),
        ("pd.DataFrame({'a': [1]})", "pd.DataFrame({'a': [2]})"),
        ("np.random.default_rng(1)", "np.random.default_rng(2)"),
        ("Ridge(alpha=1.0)", "Ridge(alpha=2.0)"),
        ("make_pipeline(FunctionTransformer(one))", "make_pipeline(FunctionTransformer(two))"),
    ],
)
def test_the_value_of_a_global_counts(module: Module, before: str, after: str) -> None:
    imports = {
        "np.": "import numpy as np",
        "pd.": "import pandas as pd",
        "Ridge": "from sklearn.linear_model import Ridge",
        "Function": "from sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer",
    }
    first = "\n".join(line for word, line in imports.items() if word in before)
    one = f"{first}\n{dedent(TEXT).replace('VALUE = {}', f'VALUE = {before}')}"
    two = f"{first}\n{dedent(TEXT).replace('VALUE = {}', f'VALUE = {after}')}"

    assert same(module, one, one)
    assert not same(module, one, two)


@pytest.mark.parametrize(
    "value",
    [
        "logging.getLogger('a')",
        "threading.Lock()",
        "threading.local()",
        "object()",
        "contextvars.ContextVar('a')",
        "{'log': logging.getLogger('a')}",
        "os.path.abspath(__file__)",
        "Path(__file__).parent / 'query.sql'",
        "weird",
    ],
)
def test_what_holds_no_result_is_the_same_in_every_checkout(module: Module, value: str) -> None:
    text = f"""
        import contextvars, logging, os, threading
        from pathlib import Path
        weird = lambda x: x
        VALUE = {value}
        def step(): return VALUE
        """

    assert same(module, text, text)


def test_a_value_that_contains_itself(module: Module) -> None:
    text = """
        RING = [1]
        RING.append(RING)
        TREE = {"f": len}
        TREE["self"] = TREE
        def step(): return RING, TREE
        """

    assert same(module, text, text)
    assert not same(module, text, text.replace("[1]", "[2]"))


def test_functions_that_refer_to_each_other_through_a_table(module: Module) -> None:
    text = """
        def ping(n): return TABLE["pong"](n)
        def pong(n): return n and TABLE["ping"](n - 1)
        TABLE = {"ping": ping, "pong": pong}
        def step(n): return ping(n)
        """

    assert same(module, text, text)
    assert not same(module, text, text.replace("n and", "n or"))


def test_implementations_of_a_singledispatch_function_count(module: Module) -> None:
    text = """
        from functools import singledispatch
        @singledispatch
        def show(x): return "?"
        @show.register
        def _(x: int): return "int"
        @show.register
        def _(x: str): return "str"
        def step(x): return show(x)
        """

    assert same(module, text, text)
    assert not same(module, text, text.replace('"int"', '"INT"'))


def test_an_annotation_counts_by_its_class_not_its_words(module: Module) -> None:
    text = """
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from nowhere import Nothing
        class Model:
            def predict(self): return 1
        def step(a: Model | None, b: dict[str, list[Model]], c: Nothing) -> Model: ...
        """

    assert same(module, text, text.replace("Model | None", "Model"))
    assert same(module, text, text.replace("from __future__ import annotations", "Nothing = 1"))
    assert not same(module, text, text.replace("return 1", "return 2"))


# ---- steps that are not functions


@pytest.mark.parametrize("name", ["bound", "called", "part", "wrapped", "marked"])
def test_every_callable_has_a_closure(module: Module, name: str) -> None:
    text = """
        import functools
        from penstock import step
        def helper(x): return x + 1
        class Thing:
            def __init__(self, by): self.by = by
            def method(self, x): return helper(x) + self.by
            def __call__(self, x): return helper(x) + self.by
        def trace(function):
            @functools.wraps(function)
            def inner(*args): return function(*args)
            return inner
        def plain(x, by): return helper(x) + by
        bound = Thing(1).method
        called = Thing(1)
        part = functools.partial(plain, by=1)
        wrapped = trace(lambda x: helper(x) + 1)
        marked = step(retries=3)(wrapped)
        """

    def digest(text: str) -> str:
        return of(module(text), name).digest

    assert digest(text) == digest(text)
    assert digest(text) == digest(text.replace("retries=3", "retries=4"))
    assert digest(text) != digest(text.replace("return x + 1", "return x + 2"))
    if name in ("bound", "called"):
        assert digest(text) != digest(text.replace("Thing(1)", "Thing(2)"))


def test_a_step_called_by_a_step_counts_without_its_options(module: Module) -> None:
    text = """
        from penstock import pipeline, step as a_step
        @a_step(retries=1)
        def other(x): return x + 1
        @pipeline
        def both(x): return other(x)
        def step(x): return both(x)
        """

    assert same(module, text, text.replace("retries=1", "retries=2"))
    assert not same(module, text, text.replace("x + 1", "x + 2"))


# ---- what cannot be known


COMPUTED = "'step' (made.py) imports a module by a computed name"
REFLECTED = "'step' (made.py) uses getattr() on a module with a computed name"
UNKNOWN = "the content of '{}' (made.py) cannot be known: it holds a {}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return eval('x')", "'step' (made.py) uses eval()"),
        ("exec('x = 1')", "'step' (made.py) uses exec()"),
        ("return globals()['x']", "'step' (made.py) looks names up in globals()"),
        ("return getattr(json, x)", None),
        ("return getattr(sub, x)", REFLECTED),
        ("import sub as s; return getattr(s, x)", REFLECTED),
        ("return getattr(sub, 'LIMIT')", None),
        ("return getattr(x, x)", None),
        ("return x.eval('a')", None),
        ("return importlib.import_module('json')", None),
        ("return importlib.import_module(x)", COMPUTED),
        ("return __import__(x)", COMPUTED),
        ("import importlib as i; return i.import_module(x)", COMPUTED),
        ("return sys.modules[x]", "'step' (made.py) looks modules up in sys.modules"),
        ("return x.__subclasses__()", "'step' (made.py) looks classes up in __subclasses__()"),
        ("return FILE", UNKNOWN.format("FILE", "_io.TextIOWrapper")),
        ("return LATER", UNKNOWN.format("LATER", "generator")),
        ("return TABLE", UNKNOWN.format("TABLE", "generator")),
    ],
)
def test_what_hides_code_is_said(module: Module, line: str, said: str | None) -> None:
    module("LIMIT = 1", "sub")
    made = module(
        f"""
        import importlib, json, sys
        import sub
        FILE = sys.__stdout__
        LATER = (x for x in ())
        TABLE = {{"later": [LATER]}}
        def step(x):
            {line}
        """
    )

    assert of(made).problems == ((said,) if said else ())


def test_a_problem_in_a_helper_names_the_helper(module: Module) -> None:
    made = module("def step(x): return helper(x)\ndef helper(x): return eval(x)")

    assert of(made).problems == ("'helper' (made.py) uses eval()",)


def test_a_module_that_is_not_there_is_no_mistake_of_the_plan(module: Module) -> None:
    text = """
        def step(x):
            try:
                import not_there_at_all
            except ImportError:
                return x
            return not_there_at_all.run(x)
        """

    assert same(module, text, text)


# ---- classes by name


def test_the_class_of_an_input_counts_by_its_code(module: Module) -> None:
    text = "class Model:\n    def predict(self): return 1\n"

    def digest(text: str, name: str) -> str:
        root = Path(str(module(text).__file__)).parent
        return Closures(root, content).class_digest(name)

    assert digest(text, "made:Model") == digest(text, "made:Model") != ""
    assert digest(text, "made:Model") != digest(text.replace("1", "2"), "made:Model")
    assert digest(text, "made:Gone") == ""
    assert digest(text, "builtins:int") == digest(text, "collections:Counter") == ""
    assert digest(text, "pandas:DataFrame") == digest(text, "pandas.core.series:Series") != ""


# ---- sources


SOURCE = '''
from dataclasses import dataclass
LIMIT = (
    1,
)

@dataclass
class Point:
    """A point."""
    x: int

    def norm(self):
        return self.x

def step(
    p: Point,
):
    return helper(
        p, LIMIT
    )

helper = lambda p, limit: p
'''


def test_sources_are_those_of_the_code_that_runs(module: Module) -> None:
    made = module(SOURCE)
    root = Path(str(made.__file__)).parent

    assert sources(of(made), root).sources == {
        "made.py:LIMIT": "LIMIT = (\n    1,\n)",
        "made.py:Point": "@dataclass\nclass Point:\n"
        '    """A point."""\n    x: int\n\n    def norm(self):\n        return self.x',
        "made.py:Point.norm": "def norm(self):\n    return self.x",
        "made.py:step": "def step(\n    p: Point,\n):\n    return helper(\n        p, LIMIT\n    )",
        "made.py:<lambda>": "helper = lambda p, limit: p",
    }


FIELDS = """
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from settings import (
    RATE,  # of learning
    NAMES as WORDS,
)

@dataclass
class Options:
    depth: int = 3

class Kind(Enum):
    TREE = 1

class Split(NamedTuple):
    ratio: float = 0.8

class Outer:
    class Options:
        depth = 5

def step():
    return Options(), Kind.TREE, Split(), Outer.Options.depth, RATE, WORDS
"""


def test_a_class_without_methods_and_an_imported_constant_have_a_source(module: Module) -> None:
    module('RATE = 0.1\nNAMES = ["a"]', name="settings")
    made = module(FIELDS)
    root = Path(str(made.__file__)).parent
    found = sources(of(made), root).sources

    assert found["made.py:Options"] == "@dataclass\nclass Options:\n    depth: int = 3"
    assert found["made.py:Kind"] == "class Kind(Enum):\n    TREE = 1"
    assert found["made.py:Split"] == "class Split(NamedTuple):\n    ratio: float = 0.8"
    assert found["made.py:Outer.Options"] == "class Options:\n    depth = 5"
    assert found["made.py:RATE"] == "RATE = 0.1"
    assert found["made.py:WORDS"] == 'NAMES = ["a"]'


def test_a_module_that_is_reloaded_has_its_new_source(module: Module) -> None:
    made = module("class A: pass\ndef step(x): return x + 1, A")
    file = Path(str(made.__file__))
    before = sources(of(made), file.parent).sources["made.py:step"]
    file.write_text("class A: x = 1\n\ndef step(x): return x + 2, A")
    stale = sources(of(made), file.parent).sources["made.py:step"]
    importlib.reload(made)
    after = sources(of(made), file.parent).sources

    assert before == stale == "def step(x): return x + 1, A"
    assert after == {"made.py:step": "def step(x): return x + 2, A", "made.py:A": "class A: x = 1"}


def test_a_function_that_is_reloaded_by_itself_has_its_new_source(module: Module) -> None:
    made = module("def other(): pass\ndef step(x): return x + 1")
    file = Path(str(made.__file__))
    sources(of(made), file.parent)
    file.write_text("def other(): pass\n\ndef step(x):\n    return x + 2")
    alone: dict[str, FunctionType] = {}
    exec(compile("def step(x):\n    return x + 2", str(file), "exec"), alone)
    made.step.__code__ = alone["step"].__code__

    assert sources(of(made), file.parent).sources == {
        "made.py:step": "def step(x):\n    return x + 2"
    }


def test_code_that_was_edited_before_anyone_looked_has_no_source(module: Module) -> None:
    made = module("def step(x): return x + 17")
    file = Path(str(made.__file__))
    file.write_text("def step(x): return x + 18")

    assert sources(of(made), file.parent).sources == {}


NESTED = """
import functools, operator

class Model:
    def __init__(self, rate): self.rates = [rate, abs]

class Scaled:
    def __init__(self, by): self.by = by
    def __call__(self, function):
        @functools.wraps(function)
        def inner(x): return function(x) * self.by
        return inner

def one(x): return x
def two(x): return -x
def make(model): return lambda x: model.rates

PLUS = functools.partial(operator.add, 10)
ORDER = [one, two]
MODELS = {"a": [Model(20)]}

@Scaled(30)
def scaled(x): return x
def filled(x, table={"a": [abs, 40]}): return table
class Holder:
    models = [Model(50)]
held = make(Model(60))

def step(x): return PLUS(x), ORDER, MODELS, scaled(x), filled(x), Holder, held(x)
"""


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("add, 10", "add, 11", "PLUS"),
        ("[one, two]", "[two, one]", "ORDER"),
        ("Model(20)", "Model(21)", "MODELS"),
        ("Scaled(30)", "Scaled(31)", "scaled"),
        ("abs, 40", "abs, 41", "filled"),
        ("Model(50)", "Model(51)", "Holder"),
        ("Model(60)", "Model(61)", "make.<locals>.<lambda>"),
    ],
)
def test_what_changes_deep_in_a_value_is_said_of_the_thing_that_holds_it(
    module: Module, old: str, new: str, name: str
) -> None:
    before, after = of(module(NESTED)), of(module(NESTED.replace(old, new)))

    assert {node.name for node in {*before.nodes} ^ {*after.nodes}} == {name}


def test_edited_code_that_is_not_reloaded_keeps_its_digest(module: Module) -> None:
    made = module("A = {k: 1 for k in ('a', 'b')}\ndef step(x): return x + 1, A")
    before = of(made)
    Path(str(made.__file__)).write_text("A = {'b': 1, 'a': 1}\ndef step(x): return x + 2")

    assert of(made).digest == before.digest
    assert before.digest != of(importlib.reload(made)).digest


def test_a_value_that_refuses_to_be_looked_at_is_only_unknown(module: Module) -> None:
    made = module(
        """
        class Shy:
            def __getattr__(self, name): raise RuntimeError(name)
        SHY = Shy()
        def step(): return SHY
        """
    )

    assert of(made).problems == (UNKNOWN.format("SHY", "made.Shy"),)
