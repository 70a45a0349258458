"""Names: what a module, a class or a function is called, however its file was started.

A module's name is its dotted path under its project's root (without a leading `src`), the same for
`python f.py`, `penstock run f.py:p` and an import; a notebook or a prompt is "__main__". Modules
from elsewhere (the standard library, installed packages) keep the name that they are imported by.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from penstock.core.project import MARKS
from penstock.errors import DefinitionError

MAIN = "__main__"
STARTED = time.time()
"""When this process began to load code: a file younger than this may not be what was loaded."""
INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
STANDARD = os.path.dirname(os.path.realpath(os.__file__)) + os.sep


def module_name(module_or_name: ModuleType | str, root: Path | None = None) -> str:
    """The dotted path under the root; without `root`, under the project that the file stands in."""
    if isinstance(module_or_name, str):
        module = sys.modules.get(module_or_name)
        if module is None:
            return module_or_name
    else:
        module = module_or_name
    file = getattr(module, "__file__", None)
    name = getattr(module, "__name__", MAIN)
    return dotted(name, file, str(root) if root else "") if isinstance(file, str) else name


def type_name(cls: type) -> str:
    """A class (or function) as "module:qualname", the module by its dotted path under the root."""
    return f"{module_name(cls.__module__)}:{cls.__qualname__}"


def resolve(name: str) -> object:
    """What "module:qualname" names, importing its module if need be. Raises DefinitionError."""
    module, _, qualname = name.partition(":")
    found: object = _loaded(module) or _imported(module)
    if found is None:
        raise DefinitionError(
            f"cannot find the module '{module}' of '{name}'",
            hint="Is its folder on sys.path? Was the file moved or renamed?",
        )
    for part in qualname.split(".") if qualname else ():
        try:
            found = getattr(found, part)
        except AttributeError:
            raise DefinitionError(
                f"cannot find '{qualname}' in the module '{module}'",
                hint="It was renamed or removed, or it is defined inside a function.",
            ) from None
    return found


@lru_cache(maxsize=16384)  # asked of every loaded module, for every run of a sweep
def is_first_party(file: str | None) -> bool:
    """Whether a file is neither the standard library's nor an installed package's.

    What an editable install points at is first-party, and so is a notebook's cell.
    """
    if not file:
        return False
    return not (any(mark in file for mark in INSTALLED) or file.startswith((STANDARD, "<frozen")))


# ---- the name of a file


@lru_cache(maxsize=4096)
def dotted(name: str, file: str, root: str = "") -> str:
    """The name of the module that is imported as `name` from this file, whatever is on sys.path."""
    # A cell of a notebook has a file that is not there.
    if not is_first_party(file) or not os.path.isfile(file):
        return name
    path = Path(os.path.realpath(file))
    base = _base(path.parent, Path(root).resolve() if root else None)
    if base is None:
        return path.stem if name == MAIN else name
    parts = path.relative_to(base).with_suffix("").parts
    if parts[0] == "src" and len(parts) > 1 and not (base / "src" / "__init__.py").exists():
        parts = parts[1:]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts = parts[:-1]
    return ".".join(parts)


def _base(folder: Path, root: Path | None) -> Path | None:
    """The nearest folder above with a project's mark, not beyond the root."""
    for parent in (folder, *folder.parents):
        if parent == root or _marked(str(parent)):
            return parent
    return None


@lru_cache(maxsize=4096)
def _marked(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, mark)) for mark in MARKS)


# ---- the module of a name


def _loaded(name: str) -> ModuleType | None:
    main = sys.modules.get(MAIN)
    if main is not None and (name == MAIN or module_name(main) == name):
        return main
    module = sys.modules.get(name)
    if module is not None and module_name(module) == name:
        return module
    # It may have been imported by a shorter name, from a folder on sys.path below the root.
    last = name.rpartition(".")[2]
    for known, module in tuple(sys.modules.items()):
        if known.rpartition(".")[2] == last and module_name(module) == name:
            return module
    return None


def _imported(name: str) -> ModuleType | None:
    parts = name.split(".")
    for start in range(len(parts)):
        short = ".".join(parts[start:])
        if _reaches(parts[start:], "/".join(parts)):
            return importlib.import_module(short)
    return None


def _reaches(parts: list[str], path: str) -> bool:
    """Whether importing these parts would load the file of that path, without running anything."""
    folders: list[str] | None = None
    spec = None
    for count in range(1, len(parts) + 1):
        # The last part alone: a folder without __init__.py would look for its parent's module.
        spec = PathFinder.find_spec(parts[count - 1], folders)
        if spec is None:
            break
        folders = list(spec.submodule_search_locations or ())
    if spec is None:
        return len(parts) == path.count("/") + 1 and _importable(".".join(parts))
    if len(parts) == path.count("/") + 1:
        return True
    file = os.path.splitext(spec.origin or "")[0].replace(os.sep, "/").removesuffix("/__init__")
    return file.endswith("/" + path)


def _importable(name: str) -> bool:
    """For modules that the path does not hold: built-in, frozen, of editable installs."""
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
