"""What hides in values that look like something else: each edit changes the digest, or is said."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from penstock.core.graph import Closure
from penstock.define.closure import Closures


@pytest.fixture
def closure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Closure]]:
    """The closure of `step` in a module of this text."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def made(text: str) -> Closure:
        (tmp_path / "hidden.py").write_text(dedent(text))
        sys.modules.pop("hidden", None)
        importlib.invalidate_caches()
        step = importlib.import_module("hidden").step
        return Closures(tmp_path, lambda value: f"{type(value).__name__} {value!r}").closure(step)

    yield made
    sys.modules.pop("hidden", None)


EDITS = {
    "a path of a class of one's own": (
        """
        from pathlib import PurePosixPath
        class Place(PurePosixPath):
            def rate(self): return 1
        PLACE = Place("x")
        def step(): return PLACE.rate()
        """,
        ("return 1", "return 2"),
    ),
    "the system of a path": (
        """
        from pathlib import PurePosixPath, PureWindowsPath
        PLACE = PurePosixPath("a/b")
        def step(): return str(PLACE)
        """,
        ("= PurePosixPath", "= PureWindowsPath"),
    ),
    "a class under what holds no result": (
        """
        import threading
        class Client(threading.local):
            rate = 2
        CLIENT = Client()
        def step(): return CLIENT.rate
        """,
        ("rate = 2", "rate = 3"),
    ),
    "the state of what holds no result otherwise": (
        """
        import threading
        class Client(threading.local):
            def __init__(self, rate): self.rate = rate
        CLIENT = Client(1)
        def step(): return CLIENT.rate
        """,
        ("Client(1)", "Client(2)"),
    ),
    "the state of a wrapper": (
        """
        import functools
        class Scaled:
            def __init__(self, function, by):
                functools.update_wrapper(self, function)
                self.by = by
            def __call__(self, x): return self.__wrapped__(x) * self.by
        def helper(x): return x
        helper = Scaled(helper, 2)
        def step(x): return helper(x)
        """,
        ("helper, 2", "helper, 3"),
    ),
    "an object of the project with a name": (
        """
        class Model:
            def __init__(self, by): self.by, self.__name__ = by, "MODEL"
        MODEL = Model(1)
        def step(): return MODEL.by
        """,
        ("Model(1)", "Model(2)"),
    ),
    "a default of a Struct": (
        """
        import msgspec
        class Options(msgspec.Struct):
            depth: int = 1
        def step(): return Options().depth
        """,
        ("= 1", "= 2"),
    ),
    "what makes a default of a Struct": (
        """
        import msgspec
        def made(): return [1]
        class Options(msgspec.Struct):
            depths: list = msgspec.field(default_factory=made)
        def step(): return Options().depths
        """,
        ("[1]", "[2]"),
    ),
    "an option of a Struct": (
        """
        import msgspec
        class Options(msgspec.Struct, rename="camel"):
            max_depth: int = 1
        def step(): return msgspec.json.encode(Options())
        """,
        ("camel", "kebab"),
    ),
    "an expression of polars": (
        """
        import polars
        TWICE = polars.col("a") * 2
        def step(table): return table.select(TWICE)
        """,
        ("* 2", "* 3"),
    ),
    "a method of an array of one's own": (
        """
        import numpy
        class Image(numpy.ndarray):
            def rate(self): return 1
        IMAGE = numpy.ones(2).view(Image)
        def step(): return IMAGE.rate()
        """,
        ("return 1", "return 2"),
    ),
    "the cells of a table of one's own": (
        """
        import pandas
        class Table(pandas.DataFrame): pass
        TABLE = Table({"a": [1]})
        def step(): return TABLE.a[0]
        """,
        ("[1]", "[2]"),
    ),
    "a zone of one's own": (
        """
        import datetime as dt
        class Zone(dt.tzinfo):
            def utcoffset(self, moment): return dt.timedelta(hours=1)
            def __repr__(self): return "Zone()"
        START = dt.datetime(2020, 1, 1, tzinfo=Zone())
        def step(): return START.utcoffset()
        """,
        ("hours=1", "hours=2"),
    ),
    "a default of a dataclass that a call makes": (
        """
        from dataclasses import field, make_dataclass
        Options = make_dataclass("Options", [("depth", int, field(default=1))])
        def step(): return Options().depth
        """,
        ("default=1", "default=2"),
    ),
    "a method of a class that a call makes": (
        """
        import types
        def rate(self): return 1
        Model = types.new_class("Model", (), {}, lambda names: names.update(rate=rate))
        def step(): return Model().rate()
        """,
        ("return 1", "return 2"),
    ),
    "a number too long to be written": (
        """
        LONG = 10**5000
        TABLE = [LONG]
        def helper(x=LONG): return x
        def step(): return LONG % 7, TABLE, helper()
        """,
        ("5000", "5001"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_of_what_hides_changes_the_digest(
    closure: Callable[[str], Closure], what: str
) -> None:
    text, (old, new) = EDITS[what]
    before, again, after = closure(text), closure(text), closure(text.replace(old, new))

    assert before.digest == again.digest != after.digest
    assert before.problems == ()


def test_a_function_that_pydantic_checks_leads_to_what_it_uses_and_no_further(
    closure: Callable[[str], Closure],
) -> None:
    text = """
        import pydantic
        def rate(): return 2
        @pydantic.validate_call
        def scaled(x: int): return x * rate()
        def unrelated(): return 1
        def step(x): return scaled(x)
        """

    assert closure(text).digest == closure(text.replace("return 1", "return 2")).digest
    assert closure(text).digest != closure(text.replace("return 2", "return 3")).digest
    assert closure(text).digest != closure(text.replace("x: int", "x: float")).digest


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "getattr(importlib.import_module(x), 'a')",
            "'step' (hidden.py) imports a module by a computed name",
        ),
        ("getattr(importlib.import_module('json'), x)", None),
        ("pkgutil.resolve_name(x)", "'step' (hidden.py) looks names up by their text"),
        ("pydoc.locate(x)", "'step' (hidden.py) looks names up by their text"),
        ("step.__globals__[x]", "'step' (hidden.py) looks names up in the globals of code"),
        (
            "sys._getframe().f_globals[x]",
            "'step' (hidden.py) looks names up in the globals of code",
        ),
    ],
)
def test_a_look_up_by_text_is_said(
    closure: Callable[[str], Closure], line: str, said: str | None
) -> None:
    found = closure(f"import importlib, pkgutil, pydoc, sys\ndef step(x): return {line}")

    assert found.problems == ((said,) if said else ())


def test_a_function_in_an_expression_of_polars_cannot_be_known(
    closure: Callable[[str], Closure],
) -> None:
    found = closure(
        """
        import polars
        def triple(x): return len(str(x)) * 3
        THRICE = polars.col("a").map_elements(triple, return_dtype=polars.Int64)
        def step(table): return table.select(THRICE)
        """
    )

    (said,) = found.problems
    assert said.startswith("the content of 'THRICE' (hidden.py) cannot be known")
