"""Where code comes from: the project or something editable, an installed package, Python, or penstock."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any
from typing import Literal as OneOf

from msgspec import Struct

from penstock.core.naming import MAIN, dotted, is_first_party
from penstock.define.closure.distributions import distribution

_OURS = f"{Path(__file__).resolve().parents[2]}{os.sep}"


class Origin(Struct, frozen=True):
    """`path` is a first-party file's, relative to the root; `module` the name it was imported by."""

    kind: OneOf["first", "installed", "standard", "ours"]
    module: str
    path: str = ""
    file: str = ""

    @property
    def first_party(self) -> bool:
        return self.kind == "first"

    @property
    def distribution(self) -> tuple[str, str] | None:
        if self.kind != "installed":
            return None
        found = distribution(self.file) if self.file else None
        return found or (self.module.partition(".")[0], "")


def origin(namespace: Mapping[str, Any], root: str) -> Origin:
    """Of a module's or a function's globals."""
    name = namespace.get("__name__")
    file = namespace.get("__file__")
    if file is None:
        # A package without __init__.py, or one whose file is not told.
        file = next(iter(namespace.get("__path__", ())), None)
    name = name if isinstance(name, str) else ""
    return _origin(name, file if isinstance(file, str) else "", root)


def origin_of(name: str, root: str) -> Origin:
    """Of a module by its name, loaded or not; it is not imported for this."""
    module = sys.modules.get(name)
    if module is not None:
        return origin(vars(module), root)
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        return _origin(name, "", root)
    parent = sys.modules.get(top)
    if parent is not None:
        return origin(vars(parent), root)
    spec = PathFinder.find_spec(top)
    if spec is None:
        return _origin(name, "", root)
    places = list(spec.submodule_search_locations or ())
    return _origin(name, spec.origin or (places[0] if places else ""), root)


@lru_cache(maxsize=8192)
def _origin(name: str, file: str, root: str) -> Origin:
    if not file or file.startswith("<"):
        top = name.partition(".")[0]
        standard = top in sys.stdlib_module_names and name != MAIN
        return Origin("standard", name) if standard else Origin("first", name, name.split(".")[0])
    real = os.path.realpath(file)
    if real.startswith(_OURS):
        return Origin("ours", name, file=file)
    if not is_first_party(file):
        from_packages = distribution(file) is not None or "-packages" in file
        return Origin("installed" if from_packages else "standard", name, file=file)
    inside = real.startswith(root + os.sep)
    path = Path(real).relative_to(root).as_posix() if inside else _outside(name, file)
    return Origin("first", name, path, file)


def _outside(name: str, file: str) -> str:
    """For what is editable elsewhere: its path below the folder that it is imported from."""
    if not name:
        return os.path.basename(file)
    # Another process may import it by another name: pytest has the folder of a test on its path.
    name = dotted(name, file)
    depth = name.count(".") + (os.path.basename(file) == "__init__.py")
    return "/".join(file.split(os.sep)[-depth - 1 :])
