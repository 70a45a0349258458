"""Which installed distribution a module belongs to, and its version, without importlib.metadata.

One listing of a site-packages folder tells most; the files inside a `.dist-info` are read only for
a module that is not called like its distribution (`sklearn`), or shares its package (`google.*`).
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from itertools import takewhile

_INFO = re.compile(r"(.+?)-([^-]+?)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_FOLDERS = ("site-packages", "dist-packages")


def distribution(file: str) -> tuple[str, str] | None:
    """Name and version (without its local part) of what installed this file; None if nothing did."""
    parts = file.split(os.sep)
    at = max((i for i, part in enumerate(parts) if part in _FOLDERS), default=-1)
    if at < 0 or at + 1 >= len(parts):
        return None
    folder = os.sep.join(parts[: at + 1])
    return _owner(folder, os.stat(folder).st_mtime_ns, "/".join(parts[at + 1 :]))


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@lru_cache(maxsize=4096)
def _owner(folder: str, modified: int, path: str) -> tuple[str, str] | None:
    known, here = _installed(folder, modified)
    top = path.partition("/")[0].partition(".")[0]
    mine = known.get(normal(top))
    # A package without an __init__.py is shared by several distributions.
    shared = "/" in path and not os.path.exists(os.path.join(folder, top, "__init__.py"))
    if mine and not shared:
        return mine[0], mine[1]

    # Those whose own name is no module here must have brought modules of another name, and most
    # names have an ending in common: `yaml` and pyyaml, `sklearn` and scikit-learn.
    def unlikely(name: str) -> tuple[bool, int, str]:
        ends = zip(reversed(name), reversed(top.lower()), strict=False)
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))
        return name.replace("-", "_") in here, -common, name

    for name in sorted(known, key=unlikely):
        title, version, info = known[name]
        if _brought(os.path.join(folder, info), top, path, shared=shared):
            return title, version
    return None


@lru_cache(maxsize=64)
def _installed(
    folder: str, modified: int
) -> tuple[dict[str, tuple[str, str, str]], frozenset[str]]:
    """By normal name: name, version and info folder; and what else is there, in lower case."""
    known = {}
    entries = os.listdir(folder)
    for entry in entries:
        if entry.endswith("-info") and (found := _INFO.fullmatch(entry)):
            name = normal(found[1])
            known[name] = (name, found[2].partition("+")[0], entry)
    return known, frozenset(entry.partition(".")[0].lower() for entry in entries)


def _brought(info: str, top: str, path: str, *, shared: bool) -> bool:
    if not shared:
        names = _read(os.path.join(info, "top_level.txt"))
        if names:
            return top in names.split()
    return f"\n{path}," in "\n" + _read(os.path.join(info, "RECORD"))


@lru_cache(maxsize=256)
def _read(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as text:
            return text.read()
    except OSError:
        return ""
