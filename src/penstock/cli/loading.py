"""The pipeline that `FILE.py:PIPELINE` or `module:PIPELINE` means, loaded as Python would load it."""

from __future__ import annotations

import importlib
import linecache
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from penstock.config import near
from penstock.core.failing import OURS
from penstock.core.importing import import_file
from penstock.core.naming import module_name
from penstock.core.project import MARKS, Project, find_project
from penstock.define.pipeline import Composed
from penstock.errors import NotFound, PenstockError, UsageError

Pipeline = Composed[..., Any]
SPECS = (".yaml", ".yml")
"""How the files end that `penstock compile` writes."""
HIDDEN = (OURS, "<frozen importlib", importlib.__file__)
"""How the files of those frames begin that stand between a command and the user's module."""


class LoadFailed(PenstockError):
    """The user's module raised while it was imported; the hint is its own traceback."""


@dataclass(frozen=True, slots=True)
class Target:
    """A module by file or by name, and a pipeline in it; "" if it is the only one."""

    file: Path | None
    module: str
    pipeline: str

    @property
    def is_spec(self) -> bool:
        """Whether it is a pipeline's YAML."""
        return self.file is not None and self.file.suffix in SPECS

    @property
    def shown(self) -> str:
        return str(self.file) if self.file else self.module


def parse(text: str) -> Target:
    """A path may hold spaces and colons; what follows the last colon is the pipeline's name."""
    if text.endswith((".py", *SPECS)) and Path(text).is_file():
        return Target(Path(text), "", "")
    head, colon, name = text.rpartition(":")
    if not colon:
        head, name = text, ""
    file = Path(head)
    if file.is_file():
        return Target(file, "", name)
    if head and file.is_dir() and not _is_module(head):
        raise NotFound(f"'{head}' is a folder", hint="Name a file in it.")
    if file.suffix in (".py", *SPECS) or "/" in head or not head:
        here = file.parent if file.parent.is_dir() else Path()
        alike = file.suffix or ".py"
        names = [str(path) for path in sorted(here.glob(f"*{alike}")) if path.is_file()]
        raise NotFound(f"no file '{head}'", hint=near(head, names))
    return Target(None, head, name)


def _is_module(folder: str) -> bool:
    """Whether this is the name of a package, or of a module beside the folder."""
    files = (Path(folder, "__init__.py"), Path(f"{folder}.py"))
    return folder.isidentifier() and any(file.is_file() for file in files)


def project_of(target: Target) -> Project:
    """The project of the file; of a module, that of the working directory.

    A spec may lie anywhere: one that lies in no project is run in that of the working directory.
    """
    if target.is_spec and target.file is not None:
        found = find_project(target.file.resolve().parent)
        marked = any((found.root / mark).exists() for mark in MARKS)
        return found if marked else find_project(Path.cwd())
    return find_project(target.file.resolve().parent if target.file else Path.cwd())


def load(target: Target, project: Project) -> Pipeline:
    """Import the module and find the pipeline. Raises LoadFailed, NotFound, UsageError."""
    reach(project, target.file.resolve().parent if target.file else Path.cwd())
    with importing(target.shown):
        module = _file(target.file.resolve(), project) if target.file else _named(target.module)
    return _pipeline(module, target)


def reach(project: Project, first: Path) -> None:
    """Have the project's modules importable, those of one folder before the others."""
    source = project.root / "src"
    folders = [str(first), *([str(source)] if source.is_dir() else []), str(project.root)]
    sys.path[:0] = [folder for folder in dict.fromkeys(folders) if folder not in sys.path]


@contextmanager
def importing(shown: str) -> Iterator[None]:
    """What a module raises when it is imported becomes a LoadFailed that says where."""
    try:
        yield
    except PenstockError:
        raise
    except SystemExit as stop:  # of a script that reads its arguments, most often
        raise LoadFailed(
            f"'{shown}' ends Python while it is imported: sys.exit({stop.code!r})",
            hint='Put what only a script does below `if __name__ == "__main__":`.',
        ) from None
    except Exception as error:  # the module is the user's own code
        raise LoadFailed(f"'{shown}' could not be imported", hint=_traceback(error)) from None


def _named(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise NotFound(
                f"no module '{name}'", hint="Give the path of a file, or a module on the path."
            ) from None
        raise


def _file(path: Path, project: Project) -> ModuleType:
    """Import a file by its dotted name under the root, so that its classes are named as elsewhere."""
    blank = ModuleType("__penstock__")
    blank.__file__ = str(path)
    name = module_name(blank, project.root)
    if _finds(name, path):
        return importlib.import_module(name)
    # Its name is no identifier, or something else on the path has the same one.
    return import_file(name, str(path))


def _finds(name: str, path: Path) -> bool:
    """Whether an import of this name loads this file; nothing is executed to find out."""
    folders: list[str] | None = None
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        # The last part alone: a folder without __init__.py would look for its parent's module.
        spec = PathFinder.find_spec(parts[count - 1], folders)
        if spec is None:
            return False
        folders = [*(spec.submodule_search_locations or ())]
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == path


def _pipeline(module: ModuleType, target: Target) -> Pipeline:
    found = {name: value for name, value in vars(module).items() if isinstance(value, Composed)}
    if target.pipeline:
        value: Any = module
        for part in target.pipeline.split("."):
            value = getattr(value, part, None)
        if isinstance(value, Composed):
            return value
        for known in found.values():
            if known.name == target.pipeline:
                return known
        what = "is not a pipeline" if value is not None else "does not exist"
        raise NotFound(
            f"'{target.pipeline}' {what} in '{target.shown}'", hint=near(target.pipeline, found)
        )
    own = {name: one for name, one in found.items() if one.callee.module == module.__name__}
    choice = own or found
    if len({id(one) for one in choice.values()}) == 1:
        return next(iter(choice.values()))
    if not choice:
        raise NotFound(f"'{target.shown}' has no pipeline", hint="Put @pipeline above a function.")
    names = ", ".join(choice)
    raise UsageError(
        f"'{target.shown}' has several pipelines: {names}",
        hint=f"Name one: {target.shown}:{next(iter(choice))}",
    )


def _traceback(error: BaseException) -> str:
    """As Python shows it, without the frames of penstock and of the import machinery."""
    linecache.checkcache()
    told = traceback.TracebackException.from_exception(error)
    _hide(told)
    return "".join(told.format()).rstrip()


def _hide(told: traceback.TracebackException | None) -> None:
    if told is None:
        return
    told.stack[:] = [frame for frame in told.stack if not frame.filename.startswith(HIDDEN)]
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        _hide(other)
