"""A small project whose steps use code in every way there is, and edits of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

FILES = {
    "pyproject.toml": '[project]\nname = "shop"\n',
    "shop/__init__.py": "",
    "shop/steps.py": '''
        """The steps."""

        import contextlib
        import functools
        import importlib
        import math

        import fakelib
        import oddname

        import editable
        from shop import cfg, near, registry
        from shop import cfg as settings
        from shop.kinds import Colour, Pair, Point, Row, Sized
        from shop.models import Base, Child, Loud
        from shop.near import helper as close
        from shop.near import left, right, scaled, wrapped

        LIMIT = 10
        UNUSED = 1
        NAMES = {"a", "b", "c"}
        TABLE = {name: 1 for name in NAMES}
        ORDER = ["b", "a"]
        RANKED = {name: 1 for name in ORDER}
        WRITTEN = {"a": 1, "b": 2}
        NESTED = {"deep": [{"er": (1, 2.0, None, True)}]}
        double = lambda x: x * 2
        triple = lambda x: x * 3
        half = functools.partial(math.isclose, b=5)


        def unrelated():
            return 0


        def body(x):
            y = x + 1
            return y


        def same_file(x):
            return own(x)


        def own(x):
            """Adds one."""
            return x + 1


        def two_away(x):
            return close(x)


        def method(x):
            return Child().speak(x)


        def base(x):
            return Base.base_only


        def constant(x):
            return x + LIMIT


        def alias(x):
            return settings.RATE * x


        def chain(x):
            return near.far.depth(x)


        def make(n):
            def inner(x):
                return x + n
            return inner


        closed = make(3)


        def default_of_helper(x):
            return with_default(x)


        def with_default(x, by=2, *, also=3):
            return x * by + also


        def lambdas(x):
            return double(triple(x))


        def partials(x):
            return half(x)


        def cached(x):
            return remembered(x)


        @functools.lru_cache(maxsize=8)
        def remembered(x):
            return near.far.seven() + x


        def generator(x):
            return list(numbers(x))


        def numbers(n):
            yield from range(n)


        def nested(x):
            def inner(y):
                return y + 1
            return inner(x)


        def decorated(x):
            return wrapped(x) + scaled(x)


        @contextlib.contextmanager
        def opened():
            yield 1


        def managed(x):
            with opened() as one:
                return one


        def lazy(x):
            from shop.late import arrive
            return arrive(x)


        def lazy_module(x):
            import shop.late as later
            return later.arrive(x)


        def literal(x):
            return importlib.import_module("shop.literal").read(x)


        def registered(x):
            return [entry(x) for entry in registry.ENTRIES.values()]


        def swapped(x):
            return left(right(x))


        def mutual(x):
            return even(x)


        def even(n):
            return n == 0 or odd(n - 1)


        def odd(n):
            return n != 0 and even(n - 1)


        def annotated(m: Loud):
            return m


        def quoted(m: "list[Loud]"):
            return m


        def edited_dependency(x):
            return editable.stretch(x)


        def library(x):
            return fakelib.run(x)


        def oddly_named(x):
            return oddname.run(x)


        def sets(x):
            return [n for n in x if n in {"p", "q", "r"}], sorted(NAMES)


        def tables(x):
            return TABLE[x]


        def ranked(x):
            return list(RANKED)


        def written(x):
            return list(WRITTEN)


        def deep(x):
            return NESTED


        def enum(x):
            return Colour.RED


        def point(x):
            return Point(1, 2)


        def row(x):
            return Row(1)


        def pair(x):
            return Pair(1)


        def sized(x):
            return Sized(1).size()


        def whole(x):
            return {name: value for name, value in vars(cfg).items() if name.isupper()}


        def caught(x):
            try:
                return math.sqrt(x)
            except (ValueError, TypeError):
                return None
            finally:
                near.far.seven()


        def matching(x):
            match x:
                case {"kind": kind, **rest} if kind and (rest or x):
                    return kind
                case [first, *_]:
                    return first
                case _:
                    return None


        def branches(a, b, c):
            while a and b or c:
                if a > 1 and b:
                    continue
                a -= 1
            return a


        def named(rows):
            total = rows.sum()
            other = total + 1
            return rows.query("x > @total") + other


        def instance(x):
            return near.COUNTER.count(x)


        def names(x):
            logger = near.logging.getLogger(__name__)
            logger.info("where: %s", __file__)
            return x
        ''',
    "shop/near.py": """
        import functools
        import logging

        from shop import far

        log = logging.getLogger(__name__)


        class Counter:
            def __init__(self, by):
                self.by = by

            def count(self, x):
                return x + self.by


        COUNTER = Counter(2)


        def helper(x):
            log.info("near")
            return far.far(x)


        def other(x):
            return x


        def plus(x):
            return x + 1


        def minus(x):
            return x - 1


        left, right = plus, minus


        def twice(function):
            @functools.wraps(function)
            def inner(*args):
                return function(*args) * 2
            return inner


        def scale(by):
            def decorate(function):
                def inner(x):
                    return function(x) * by
                return inner
            return decorate


        @twice
        def wrapped(x):
            return x + 5


        @scale(7)
        def scaled(x):
            return x
        """,
    "shop/far.py": '''
        """Far away."""


        def far(x: int) -> int:
            # a comment
            return x * 100


        def depth(x):
            return x + 1000


        def seven():
            return 7
        ''',
    "shop/cfg.py": """
        RATE = 0.5
        OTHER = 1
        """,
    "shop/models.py": """
        class Base:
            base_only = 1

            def speak(self, x):
                return self.word * x + self.volume

            @property
            def volume(self):
                return 3


        class Child(Base):
            word = 2


        class Loud:
            def predict(self, x):
                return x
        """,
    "shop/kinds.py": """
        from abc import ABC, abstractmethod
        from dataclasses import dataclass, field
        from enum import Enum
        from typing import NamedTuple

        import attrs


        class Colour(Enum):
            RED = 1
            BLUE = 2

            def shout(self):
                return self.name


        @dataclass(frozen=True)
        class Point:
            x: int
            y: int = 0
            tags: list = field(default_factory=list)

            def norm(self):
                return self.x + self.y


        @attrs.frozen
        class Pair:
            one: int
            two: int = attrs.field(default=2, hash=False)


        class Row(NamedTuple):
            value: int
            label: str = "none"


        class Meta(type(ABC)):
            def __call__(cls, *args):
                return super().__call__(*args)


        class Positive:
            def __set_name__(self, owner, name):
                self.name = name

            def __get__(self, instance, owner=None):
                return 1


        class Sized(ABC, metaclass=Meta):
            __slots__ = ("n",)
            least = Positive()

            def __init__(self, n):
                self.n = n

            def size(self):
                return self.n
        """,
    "shop/late.py": """
        def arrive(x):
            return x + 1


        def depart(x):
            return x
        """,
    "shop/literal.py": """
        def read(x):
            return x


        def write(x):
            return x
        """,
    "shop/registry.py": """
        ENTRIES = {}


        def register(function):
            ENTRIES[function.__name__] = function
            return function


        @register
        def first(x):
            return x + 1


        @register
        def second(x):
            return x + 2
        """,
}
BESIDE = {
    "elsewhere/editable/__init__.py": """
        def stretch(x):
            return x * 2
        """,
    "site-packages/fakelib/__init__.py": """
        def run(x):
            return x
        """,
    "site-packages/fakelib-1.0+cpu.dist-info/METADATA": "",
    "site-packages/oddname/__init__.py": """
        def run(x):
            return x
        """,
    "site-packages/Odd_Distribution-2.5.dist-info/top_level.txt": "oddname\n",
}


@dataclass(frozen=True)
class Edit:
    """A change of the project: texts replaced, each once, and the steps that must run again."""

    what: str
    file: str
    replaced: tuple[tuple[str, str], ...]
    runs: frozenset[str] = frozenset()


def edit(what: str, file: str, *replaced: tuple[str, str], runs: str = "") -> Edit:
    return Edit(what, file, replaced, frozenset(runs.split()))


STEPS, NEAR, FAR = "shop/steps.py", "shop/near.py", "shop/far.py"

REAL = (
    edit("body", STEPS, ("y = x + 1\n", "y = x + 2\n"), runs="body"),
    edit("operator", STEPS, ("y = x + 1\n", "y = x - 1\n"), runs="body"),
    edit("type of a constant", STEPS, ("y = x + 1\n", "y = x + 1.0\n"), runs="body"),
    edit("helper in the same file", STEPS, ('one."""\n    return x + 1', 'one."""\n    return x + 2'), runs="same_file"),
    edit("helper two modules away", FAR, ("x * 100", "x * 101"), runs="two_away"),
    edit("helper through two modules", FAR, ("x + 1000", "x + 1001"), runs="chain"),
    edit("base class's method", "shop/models.py", ("self.word * x", "self.word / x"), runs="method base"),
    edit("class attribute", "shop/models.py", ("word = 2", "word = 4"), runs="method"),
    edit("attribute of a base class", "shop/models.py", ("base_only = 1", "base_only = 2"), runs="method base"),
    edit("property", "shop/models.py", ("return 3", "return 4"), runs="method base"),
    edit("method overridden", "shop/models.py", ("    word = 2", "    word = 2\n\n    def speak(self, x):\n        return 1"), runs="method"),
    edit("base class exchanged", "shop/models.py", ("class Child(Base)", "class Child(Loud)"), ("class Base:", "class Loud:\n    def predict(self, x):\n        return x\n\n\nclass Base:"), runs="method"),
    edit("module constant", STEPS, ("LIMIT = 10", "LIMIT = 11"), runs="constant"),
    edit("constant through a module alias", "shop/cfg.py", ("RATE = 0.5", "RATE = 0.6"), runs="alias whole"),
    edit("a module used whole", "shop/cfg.py", ("OTHER = 1", "OTHER = 2"), runs="whole"),
    edit("closure variable", STEPS, ("make(3)", "make(4)"), runs="closed"),
    edit("function around a closure", STEPS, ("return x + n", "return x - n"), runs="closed"),
    edit("default argument of a helper", STEPS, ("by=2", "by=3"), runs="default_of_helper"),
    edit("keyword default of a helper", STEPS, ("also=3", "also=4"), runs="default_of_helper"),
    edit("lambda", STEPS, ("x: x * 2", "x: x * 5"), runs="lambdas"),
    edit("two lambdas swapped", STEPS, ("x: x * 2", "x: x * 9"), ("x: x * 3", "x: x * 2"), ("x: x * 9", "x: x * 3"), runs="lambdas"),
    edit("partial's keyword", STEPS, ("b=5", "b=6"), runs="partials"),
    edit("partial's function", STEPS, ("partial(math.isclose, b=5)", "partial(math.remainder, b=5)"), runs="partials"),
    edit("helper behind lru_cache", STEPS, ("far.seven() + x", "far.seven() - x"), runs="cached"),
    edit("helper of a helper behind lru_cache", FAR, ("return 7", "return 8"), runs="cached caught"),
    edit("generator", STEPS, ("yield from range(n)", "yield from range(n + 1)"), runs="generator"),
    edit("nested function", STEPS, ("return y + 1", "return y + 2"), runs="nested"),
    edit("the user's decorator", NEAR, ("(*args) * 2", "(*args) * 3"), runs="decorated"),
    edit("argument of a decorator", NEAR, ("@scale(7)", "@scale(8)"), runs="decorated"),
    edit("function under a decorator", NEAR, ("return x + 5", "return x + 6"), runs="decorated"),
    edit("function under a library's decorator", STEPS, ("yield 1", "yield 2"), runs="managed"),
    edit("import inside the step", "shop/late.py", ("x + 1", "x + 2"), runs="lazy lazy_module"),
    edit("literal import_module", "shop/literal.py", ("def read(x):\n    return x", "def read(x):\n    return -x"), runs="literal"),
    edit("registry: a function", "shop/registry.py", ("x + 2", "x + 3"), runs="registered"),
    edit("registry: an entry more", "shop/registry.py", ("@register\ndef second", "@register\ndef third(x):\n    return 3\n\n\n@register\ndef second"), runs="registered"),
    edit("registry: order", "shop/registry.py", ("first", "_"), ("second", "first"), ("def _", "def second"), runs="registered"),
    edit("two helper names swapped", NEAR, ("left, right = plus, minus", "left, right = minus, plus"), runs="swapped"),
    edit("mutual recursion", STEPS, ("n != 0 and even", "n > 0 and even"), runs="mutual"),
    edit("class of an annotation", "shop/models.py", ("return x\n", "return -x\n"), runs="annotated quoted"),
    edit("editable dependency", "../elsewhere/editable/__init__.py", ("x * 2", "x * 3"), runs="edited_dependency"),
    edit("set constant", STEPS, ('{"p", "q", "r"}', '{"p", "q", "s"}'), runs="sets"),
    edit("set global", STEPS, ('{"a", "b", "c"}', '{"a", "b", "d"}'), runs="sets tables"),
    edit("dict global", STEPS, ("{name: 1 for name in NAMES}", "{name: 2 for name in NAMES}"), runs="tables"),
    edit("order of a list that a dict is made from", STEPS, ('["b", "a"]', '["a", "b"]'), runs="ranked"),
    edit("order of a dict as written", STEPS, ('{"a": 1, "b": 2}', '{"b": 2, "a": 1}'), runs="written"),
    edit("nested constant", STEPS, ("2.0, None", "2, None"), runs="deep"),
    edit("enum value", "shop/kinds.py", ("RED = 1", "RED = 3"), runs="enum"),
    edit("enum order", "shop/kinds.py", ("RED = 1\n    BLUE = 2", "BLUE = 2\n    RED = 1"), runs="enum"),
    edit("enum method", "shop/kinds.py", ("return self.name", "return self.value"), runs="enum"),
    edit("dataclass default", "shop/kinds.py", ("y: int = 0", "y: int = 1"), runs="point"),
    edit("dataclass parameter", "shop/kinds.py", ("frozen=True", "order=True"), runs="point"),
    edit("dataclass field", "shop/kinds.py", ("x: int\n", "x: int\n    z: int\n"), runs="point"),
    edit("dataclass factory", "shop/kinds.py", ("default_factory=list", "default_factory=tuple"), runs="point"),
    edit("NamedTuple default", "shop/kinds.py", ('"none"', '"some"'), runs="row"),
    edit("NamedTuple fields swapped", "shop/kinds.py", ("value: int\n    label: str =", "label: int\n    value: str ="), runs="row"),
    edit("attrs default", "shop/kinds.py", ("default=2", "default=3"), runs="pair"),
    edit("attrs hash", "shop/kinds.py", ("hash=False", "hash=True"), runs="pair"),
    edit("metaclass", "shop/kinds.py", ("super().__call__(*args)", "super().__call__(*args[:1])"), runs="sized"),
    edit("descriptor", "shop/kinds.py", ("return 1", "return 2"), runs="sized"),
    edit("slots", "shop/kinds.py", ('("n",)', '("n", "m")'), runs="sized"),
    edit("except clause", STEPS, ("(ValueError, TypeError)", "(ValueError,)"), runs="caught"),
    edit("match statement", STEPS, ("case [first, *_]", "case [_, first, *_]"), runs="matching"),
    edit("condition", STEPS, ("a and b or c", "a or b and c"), runs="branches"),
    edit("loop", STEPS, ("            continue", "            break"), runs="branches"),
    edit("local names that a text looks up", STEPS, ("total = rows.sum()\n    other = total + 1", "other = rows.sum()\n    total = other + 1"), ("+ other", "+ total"), runs="named"),
    edit("state of an instance", NEAR, ("Counter(2)", "Counter(3)"), runs="instance"),
    edit("method of an instance's class", NEAR, ("x + self.by", "x - self.by"), runs="instance"),
)  # fmt: skip

HARMLESS = (
    edit("comment", FAR, ("# a comment", "# another one\n    #")),
    edit("docstring of a function", STEPS, ('"""Adds one."""', '"""Adds 1."""')),
    edit("docstring removed", STEPS, ('    """Adds one."""\n', "")),
    edit("docstring added", STEPS, ("def even(n):", 'def even(n):\n    """Even."""')),
    edit("docstring of a class", "shop/models.py", ("class Base:", 'class Base:\n    """Base."""\n')),
    edit("docstring of a module", FAR, ('"""Far away."""', '"""Far."""')),
    edit("formatting", STEPS, ("y = x + 1\n    return y", "y = (\n        x\n        + 1\n    )\n\n    return (y)")),
    edit("formatting of conditions", STEPS, ("while a and b or c:\n        if a > 1 and b:", "while (\n        a\n        and b\n        or c\n    ):\n        if (a > 1 and\n                b):")),
    edit("formatting of match and try", STEPS, ("if kind and (rest or x)", "if (\n            kind\n            and (rest\n                or x)\n        )")),
    edit("a pass", STEPS, ("finally:\n        near", "finally:\n        pass\n        near")),
    edit("annotation of a helper", FAR, ("(x: int) -> int", "(x: float) -> float")),
    edit("annotation of a local variable", STEPS, ("y = x + 1", "y: int = x + 1")),
    edit("unrelated function", STEPS, ("return 0", "return 1")),
    edit("unrelated function of a module imported inside", "shop/late.py", ("def depart(x):\n    return x", "def depart(x):\n    return 0")),
    edit("unrelated function of a literal import", "shop/literal.py", ("def write(x):\n    return x", "def write(x):\n    return 0")),
    edit("unused constant", STEPS, ("UNUSED = 1", "UNUSED = 2")),
    edit("unused constant in a function", STEPS, ("    y = x + 1", "    0\n    'text'\n    y = x + 1")),
    edit("local variable renamed", STEPS, ("y = x + 1\n    return y", "a = x + 1\n    return a")),
    edit("handler's variable", STEPS, ("with opened() as one:\n        return one", "with opened() as it:\n        return it")),
    edit("constant renamed", STEPS, ("LIMIT = 10", "MOST = 10"), ("x + LIMIT", "x + MOST")),
    edit("order of constants", STEPS, ("LIMIT = 10\nUNUSED = 1\n", "UNUSED = 1\nLIMIT = 10\n")),
    edit("order of helpers", STEPS, ("def even(n):\n    return n == 0 or odd(n - 1)\n\n\ndef odd(n):\n    return n != 0 and even(n - 1)", "def odd(n):\n    return n != 0 and even(n - 1)\n\n\ndef even(n):\n    return n == 0 or odd(n - 1)")),
    edit("order of methods", "shop/models.py", ("    base_only = 1\n\n", ""), ("        return 3\n", "        return 3\n\n    base_only = 1\n")),
    edit("order of a set", STEPS, ('{"a", "b", "c"}', '{"c", "a", "b"}')),
    edit("order of a set inside a function", STEPS, ('{"p", "q", "r"}', '{"r", "q", "p"}')),
    edit("default of the step itself", STEPS, ("def body(x):", "def body(x=1):")),
    edit("maxsize of lru_cache", STEPS, ("maxsize=8", "maxsize=9")),
    edit("from __future__ import annotations", FAR, ('"""Far away."""', '"""Far away."""\n\nfrom __future__ import annotations')),
    edit("an import more", STEPS, ("import math\n", "import math\nimport json\n")),
    edit("code of an installed package", "../site-packages/fakelib/__init__.py", ("return x", "return -x")),
)  # fmt: skip


def write(folder: Path, change: Edit | None = None) -> Path:
    """The project (in `folder/project`), with one change."""
    project = folder / "project"
    files = {f"project/{name}": text for name, text in FILES.items()} | BESIDE
    for name, text in files.items():
        files[name] = dedent(text).lstrip("\n")
    if change is not None:
        name = str(Path("project", change.file)) if change.file[0] != "." else change.file[3:]
        for old, new in change.replaced:
            assert old in files[name], f"{change.what}: {old!r} is not in {name}"
            files[name] = files[name].replace(old, new)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return project
