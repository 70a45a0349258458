"""Pipelines and steps found in source text: files are parsed, and nobody's code is executed."""

from __future__ import annotations

import ast
import os
import subprocess
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal as OneOf

import msgspec

Kind = OneOf["pipeline", "step"]
KINDS: Mapping[str, Kind] = {"pipeline": "pipeline", "step": "step"}
SUFFIXES = (".py", ".ipynb")
MARK = b"penstock"
"""A file without this word names no decorator of ours."""
SKIPPED = frozenset(
    ("__pycache__", "node_modules", "site-packages", "build", "dist", "venv", "env")
)
LARGEST = 50_000_000
"""Bytes: a notebook with its pictures may be large, source is not."""


class Parameter(msgspec.Struct, frozen=True):
    """A parameter as it is written; "" where nothing is."""

    name: str
    annotation: str = ""
    default: str = ""

    def __str__(self) -> str:
        text = f"{self.name}: {self.annotation}" if self.annotation else self.name
        if not self.default:
            return text
        return f"{text} = {self.default}" if self.annotation else f"{text}={self.default}"


class Found(msgspec.Struct, frozen=True):
    """A decorated function, where it stands."""

    kind: Kind
    name: str
    """As `penstock run FILE:NAME` takes it."""
    file: str
    line: int
    cell: int = 0
    """Of a notebook the number of its cell, from 1; the line is counted in it."""
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    doc: str = ""
    """The first line of its docstring."""

    @property
    def where(self) -> str:
        return f"{self.file}[{self.cell}]:{self.line}" if self.cell else f"{self.file}:{self.line}"


class Unread(msgspec.Struct, frozen=True):
    """A file that cannot be parsed, and why."""

    file: str
    line: int
    why: str


def find(files: Iterable[Path]) -> Iterator[Found | Unread]:
    """What the files define, in their order; of those that cannot be read, why not."""
    for path in files:
        try:
            if path.stat().st_size > LARGEST:
                continue
            data = path.read_bytes()
        except OSError:
            continue
        if MARK not in data:
            continue
        read = _notebook if path.suffix == ".ipynb" else _source
        try:
            with warnings.catch_warnings():
                # Of an odd escape, say: that is for whoever runs the file.
                warnings.simplefilter("ignore")
                found = list(read(Reader(str(path)), data))
        except SyntaxError as error:
            yield Unread(str(path), error.lineno or 0, error.msg)
        except (ValueError, RecursionError, MemoryError, msgspec.MsgspecError) as error:
            yield Unread(str(path), 0, str(error) or type(error).__name__)
        else:
            yield from found


def _source(reader: Reader, data: bytes) -> Iterator[Found]:
    yield from reader.read(ast.parse(data))


def _notebook(reader: Reader, data: bytes) -> Iterator[Found]:
    cells = msgspec.json.decode(data, type=_Notebook).cells
    for number, cell in enumerate(cells, 1):
        if cell.cell_type != "code":
            continue
        text = cell.source if isinstance(cell.source, str) else "".join(cell.source)
        try:
            tree = ast.parse(_plain(text))
        except SyntaxError:
            # A cell in another language (%%bash), or one that its author has not finished.
            continue
        yield from reader.read(tree, number)


class _Cell(msgspec.Struct):
    cell_type: str = ""
    source: str | list[str] = ""


class _Notebook(msgspec.Struct):
    cells: list[_Cell] = []


def _plain(cell: str) -> str:
    """Without IPython's own lines: magics and shell commands."""
    lines = cell.splitlines()
    return "\n".join("pass" if line.startswith(("%", "!", "?")) else line for line in lines)


# ---- one file


class Reader:
    """Follows what a file calls our decorators: `import penstock as ps`, `from penstock import step as s`."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._modules: set[str] = set()
        """Dotted names by which the package is known."""
        self._names: dict[str, Kind] = {}

    def read(self, tree: ast.Module, cell: int = 0) -> Iterator[Found]:
        yield from self._body(tree.body, "", cell)

    def _body(self, body: Sequence[ast.stmt], prefix: str, cell: int) -> Iterator[Found]:
        for node in body:
            match node:
                case ast.Import(names=names):
                    self._import(names)
                case ast.ImportFrom(module=str(module), names=names, level=0):
                    self._import_from(module, names)
                case (
                    ast.FunctionDef(decorator_list=marks)
                    | ast.AsyncFunctionDef(decorator_list=marks)
                ):
                    for kind in [kind for mark in marks if (kind := self._kind(mark))]:
                        yield self._found(kind, node, prefix, cell)
                case ast.ClassDef(name=name):
                    yield from self._body(node.body, f"{prefix}{name}.", cell)
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call)
                    | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as call)
                ):
                    yield from self._made(name, call, prefix, cell)
                case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                    # What only a script has cannot be run by its name.
                    continue
                case ast.If() | ast.Try() | ast.With():
                    for inner in _blocks(node):
                        yield from self._body(inner, prefix, cell)

    def _import(self, names: Sequence[ast.alias]) -> None:
        for alias in names:
            if alias.name.partition(".")[0] == "penstock":
                self._modules.add(alias.asname or "penstock")

    def _import_from(self, module: str, names: Sequence[ast.alias]) -> None:
        if module.partition(".")[0] != "penstock":
            return
        for alias in names:
            if alias.name == "*":
                self._names |= KINDS
            elif alias.name in KINDS:
                self._names[alias.asname or alias.name] = KINDS[alias.name]

    def _kind(self, mark: ast.expr) -> Kind | None:
        """Of `@pipeline`, `@pipeline(…)`, `@penstock.pipeline` and their other names."""
        while isinstance(mark, ast.Call):
            mark = mark.func
        match mark:
            case ast.Name(id=name):
                return self._names.get(name)
            case ast.Attribute(value=ast.Name(id=owner), attr=attr) if owner in self._modules:
                return KINDS.get(attr)
        return None

    def _found(
        self,
        kind: Kind,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        prefix: str,
        cell: int,
    ) -> Found:
        doc = (ast.get_docstring(node) or "").strip().partition("\n")[0]
        returns = ast.unparse(node.returns) if node.returns else ""
        return Found(
            kind,
            prefix + node.name,
            self._file,
            node.lineno,
            cell,
            tuple(_parameters(node.args)),
            returns,
            doc,
        )

    def _made(self, name: str, call: ast.Call, prefix: str, cell: int) -> Iterator[Found]:
        """`training = pipeline(train)`, `training = pipeline(name="x")(train)`."""
        kind = self._kind(call)
        if kind and call.args:
            yield Found(kind, prefix + name, self._file, call.lineno, cell)


def _blocks(node: ast.If | ast.Try | ast.With) -> Iterator[list[ast.stmt]]:
    yield node.body
    if isinstance(node, ast.If | ast.Try):
        yield node.orelse
    if isinstance(node, ast.Try):
        yield from (handler.body for handler in node.handlers)
        yield node.finalbody


def _parameters(arguments: ast.arguments) -> Iterator[Parameter]:
    plain = [*arguments.posonlyargs, *arguments.args]
    missing = len(plain) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*[None] * missing, *arguments.defaults]
    for one, default in zip(plain, defaults, strict=True):
        yield _parameter(one, default)
    if arguments.vararg:
        yield _parameter(arguments.vararg, None, "*")
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(one, default)
    if arguments.kwarg:
        yield _parameter(arguments.kwarg, None, "**")


def _parameter(one: ast.arg, default: ast.expr | None, stars: str = "") -> Parameter:
    return Parameter(
        stars + one.arg,
        ast.unparse(one.annotation) if one.annotation else "",
        ast.unparse(default) if default is not None else "",
    )


# ---- the files of a project


def sources(root: Path) -> list[Path]:
    """Python files and notebooks below a folder, sorted: what git ignores is left out, and so are
    hidden folders, virtual environments and what tools have built."""
    return sorted(_by_git(root) or _by_walk(root))


def _by_git(root: Path) -> list[Path]:
    if not any((folder / ".git").exists() for folder in (root, *root.parents)):
        return []
    patterns = [f"*{suffix}" for suffix in SUFFIXES]
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    try:
        said = subprocess.run(
            [*command, *patterns], cwd=root, capture_output=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        # No git here, or it does not trust this folder's owner.
        return []
    names = {os.fsdecode(name) for name in said.stdout.split(b"\0") if name}
    return [root / name for name in names if not _hidden(Path(name).parts[:-1])]


def _hidden(folders: Sequence[str]) -> bool:
    return any(name.startswith(".") or name == "site-packages" for name in folders)


def _by_walk(root: Path) -> list[Path]:
    found: list[Path] = []
    waiting = [os.fspath(root)]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in SKIPPED:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            elif entry.name.endswith(SUFFIXES) and entry.is_file():
                found.append(Path(entry.path))
    return found
