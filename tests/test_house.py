"""The house rules that a machine can read: what each module may hold, import, catch and print."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "penstock"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
LONGEST = 450
UNSAFE = "core/unsafe.py"
"""The one reader and writer of pickles."""

SAYS_NOTHING = {
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "misc",
    "base",
    "manager",
    "managers",
}
RUNS_BYTES = {"pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
"""Modules whose readers run what they read, or trust it."""
RUNS_TEXT = {"eval", "exec"}
READS_PICKLES = {"torch.load", "read_pickle"}
SAFE_UNLESS = {"allow_pickle": False, "weights_only": True}
"""Keywords of NumPy and torch that keep pickles out, if they are this."""

# What each part of the house may import beside the standard library and the layers below it.
CORE = {"msgspec", "blake3"}
ALLOWED = {
    "errors": set[str](),
    "core": CORE,
    "define": CORE,
    "config": CORE | {"yaml"},
    "spec": CORE | {"yaml"},
    "cli": CORE | {"click", "yaml"},
    "testing": CORE | {"pytest", "hypothesis", "numpy", "torch"},
    "pytest_plugin": {"pytest"},
}
OF_USERS = {
    "numpy",
    "pandas",
    "pyarrow",
    "sklearn",
    "scipy",
    "joblib",
    "torch",
    "polars",
    "xgboost",
    "lightgbm",
    "IPython",
    "PIL",
    "plotly",
}
"""Libraries of values: only a serializer knows them."""


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text())


def part(module: str) -> str:
    return module.partition("/")[0].removesuffix(".py")


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The top-level packages that a module imports anywhere, with the line."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((alias.name.partition(".")[0], node.lineno) for alias in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name.partition(".")[0], node.lineno


def called(module: str) -> Iterator[tuple[str, str, int]]:
    """Calls written `name(…)` or `module.name(…)`, as (module, name, line)."""
    for node in ast.walk(tree(module)):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                yield "builtins", name, node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
                yield owner, name, node.lineno


def places(found: Iterator[tuple[str, int]] | list[tuple[str, int]]) -> list[str]:
    return [f"{module}:{line}" for module, line in found]


def test_every_module_opens_with_a_sentence_of_its_own() -> None:
    sentences = {m: (ast.get_docstring(tree(m)) or "").partition("\n\n")[0] for m in MODULES}
    assert {m: s for m, s in sentences.items() if not s.endswith((".", "?", ":"))} == {}
    same = [m for m, s in sentences.items() if list(sentences.values()).count(s) > 1]
    assert same == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [m for m in MODULES if SAYS_NOTHING & set(m.removesuffix(".py").split("/"))] == []


def test_no_module_is_too_long() -> None:
    lines = {m: len((PACKAGE / m).read_text().splitlines()) for m in MODULES}
    assert {m: n for m, n in lines.items() if n > LONGEST} == {}


def test_only_the_terminal_prints() -> None:
    prints = [
        (m, line)
        for m in MODULES
        if m != "cli/terminal.py"
        for owner, name, line in called(m)
        if (owner, name) == ("builtins", "print")
    ]
    assert places(prints) == []


def test_whoever_catches_every_exception_raises_it_again_or_says_whose_code_runs_there() -> None:
    silent = []
    for module in MODULES:
        lines = (PACKAGE / module).read_text().splitlines()
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ExceptHandler) and catches_all(node):
                raises = any(isinstance(n, ast.Raise) and n.exc is None for n in ast.walk(node))
                comment = "".join(lines[node.lineno - 2 : node.body[0].lineno])
                if not raises and not any(
                    word in comment for word in ("user", "own code", "listen")
                ):
                    silent.append((module, node.lineno))
    assert places(silent) == []


def catches_all(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {getattr(node, "id", "") for node in ast.walk(handler.type)}
    return bool(names & {"Exception", "BaseException"})


def test_bytes_that_run_code_are_read_in_one_module() -> None:
    assert {m for m in MODULES if runs_what_it_reads(tree(m))} == {UNSAFE}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "import pickle as p", "from pickle import loads", "import joblib.numpy_pickle",
        "def f():\n    from cloudpickle import load", "run = eval", "exec(text)", "np.load(f, allow_pickle=True)",
        "np.load(f, allow_pickle=x)", "frame = pd.read_pickle", "from pandas import read_pickle", "torch.load(f)",
        "from torch import load", "load(f, weights_only=False)", "import_module('pickle')", "__import__('dill')",
    ],
)  # fmt: skip
def test_a_reader_of_pickles_is_found_however_it_is_written(text: str) -> None:
    assert runs_what_it_reads(ast.parse(text))


def runs_what_it_reads(tree: ast.Module) -> bool:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) if name in RUNS_TEXT:
                return True
            case ast.Attribute(value=owner, attr=name):
                names |= {name, f"{getattr(owner, 'id', '')}.{name}"}
            case ast.ImportFrom(module=module, names=found):
                names |= {one.name for one in found} | {f"{module}.{one.name}" for one in found}
            case ast.keyword(arg=str(name), value=value) if name in SAFE_UNLESS:
                if getattr(value, "value", None) is not SAFE_UNLESS[name]:
                    return True
            case ast.Call(func=ast.Name(id="__import__" | "import_module"), args=[first, *_]):
                names.add(str(getattr(first, "value", "")))
    packages = {name for name, _ in imported(tree)} | names
    return bool(packages & RUNS_BYTES or names & READS_PICKLES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_layer_may(module: str) -> None:
    foreign = {
        (name, line)
        for name, line in imported(tree(module))
        if name not in sys.stdlib_module_names and name != "penstock"
    }
    allowed = ALLOWED.get(part(module), CORE)
    if module == UNSAFE:
        allowed = allowed | {"cloudpickle"}
    if module == "experiments/frames.py":
        allowed = allowed | {"pandas"}
    if part(module) == "serializers":
        allowed = allowed | OF_USERS
    assert {f"{name} in line {line}" for name, line in foreign if name not in allowed} == set()


def test_libraries_of_users_are_imported_inside_functions_only() -> None:
    at_top = [
        (m, node.lineno)
        for m in MODULES
        for node in tree(m).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
        if name.partition(".")[0] in OF_USERS
    ]
    assert places(at_top) == []


def test_only_the_faces_import_for_type_checkers_alone() -> None:
    """Elsewhere it would hide a circle, or an import upwards, from the contract of the layers."""
    hiding = {m for m in MODULES if "TYPE_CHECKING" in (PACKAGE / m).read_text()}
    assert {m for m in hiding if m != "__init__.py" and part(m) != "api"} == set()


def test_nothing_is_left_for_later() -> None:
    unfinished = [
        f"{m}:{number}"
        for m in MODULES
        for number, line in enumerate((PACKAGE / m).read_text().splitlines(), 1)
        if any(word in line for word in ("TODO", "FIXME", "XXX"))
    ]
    assert unfinished == []
