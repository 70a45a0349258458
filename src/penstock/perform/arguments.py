"""A call's arguments, loaded: each call gets its own, so that no step changes what another sees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path, PurePath
from types import FunctionType, GeneratorType
from typing import Any

from msgspec import Struct, field

from penstock.artifacts.codec import Artifacts
from penstock.artifacts.paths import MANY, paths_in, walked
from penstock.core.calls import Argument, Assemble, Given, Load, Reveal, assemble
from penstock.core.graph import Access
from penstock.core.records import Made, Manifest, made
from penstock.core.secret import reveal
from penstock.errors import ArtifactDamaged, ArtifactMissing, PenstockError, Untrusted
from penstock.perform import audit

IMMUTABLE = frozenset(
    (int, str, float, bool, bytes, complex, type(None), date, datetime, timedelta)
)
LOST = (ArtifactMissing, ArtifactDamaged, Untrusted)
"""What making an artifact again can help against: also that its signature is of another key."""


class Lost(Exception):
    """Artifacts that a call needs are missing, damaged, or not to be trusted."""

    def __init__(self, artifacts: tuple[str, ...], error: PenstockError) -> None:
        super().__init__(str(error))
        self.artifacts = artifacts
        self.error = error


class Loader(Struct):
    """Loads the arguments of one call; remembers the secrets and files that it met."""

    artifacts: Artifacts
    scratch: Path
    copies: bool = True
    """Whether others see the plain values, too: not where they came by a pipe."""
    secrets: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    streams: list[Manifest] = field(default_factory=list)

    def load(self, arguments: Mapping[str, Argument]) -> dict[str, Any]:
        """By parameter. Raises Lost, StoreError, UsageError."""
        return {name: self.value(argument) for name, argument in arguments.items()}

    def value(self, argument: Argument) -> Any:
        match argument:
            case Given(value=value):
                if type(value) in IMMUTABLE:
                    return value
                self.paths += paths_in(value, MANY)
                return deepcopy(value) if self.copies else value
            case Load(manifest=manifest, path=path):
                value = self._decode(manifest, path)
                self.paths += paths_in(value, 1)
                if isinstance(value, GeneratorType):
                    self.streams.append(manifest)
                    return _unwatched(value)
                return value
            case Assemble(kind=kind, items=items, keys=keys, cls=cls):
                return assemble(kind, [self.value(item) for item in items], keys, cls)
            case Reveal(source=source, name=name):
                secret = reveal(source, name)
                self.secrets.append(secret)
                return secret

    def lost(self) -> tuple[str, ...]:
        """Streams, read while the step runs, of which something is missing or damaged."""
        return tuple(stream.id for stream in self.streams if not self._is_whole(made(stream)))

    def _decode(self, manifest: Manifest, path: tuple[Access, ...]) -> Any:
        try:
            return self.artifacts.at(manifest, path, scratch=self.scratch)
        except LOST as error:
            raise Lost(self._lost(manifest), error) from error
        except OSError as error:
            # A file that was there a moment ago may have gone before it was read.
            if manifest.items is None and self._is_whole(made(manifest)):
                raise
            gone = ArtifactMissing(f"a stored file went away while it was read: {error}")
            raise Lost(self._lost(manifest), gone) from error

    def _lost(self, manifest: Manifest) -> tuple[str, ...]:
        """Of a collection the items that are lost; else the artifact itself."""
        if manifest.items is None:
            return (manifest.id,)
        try:
            items = self.artifacts.items(manifest)
        except LOST:
            return (manifest.id,)
        lost = [item.artifact for item in items if not self._is_whole(item)]
        return tuple(lost) or (manifest.id,)

    def _is_whole(self, one: Made) -> bool:
        try:
            self.artifacts.check(one)
        except LOST:
            return False
        return True


def _unwatched(stream: Iterator[Any]) -> Iterator[Any]:
    """What we read for the step, item by item, is not what the step reads."""
    while True:
        before = audit.watch(None)
        try:
            item = next(stream)
        except StopIteration:
            return
        finally:
            audit.watch(before)
        yield item
        del item


def invoke(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call with arguments by parameter; what follows "*rest" by name, what stands before by position."""
    star = next((name for name in arguments if name.startswith("*")), None)
    by_position = _by_position(function)
    if star is None and not by_position:
        return function(**arguments)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    before = star is not None
    for name, value in arguments.items():
        if name == star:
            args += value
            before = False
        elif before or name in by_position:
            args.append(value)
        else:
            kwargs[name] = value
    return function(*args, **kwargs)


def _by_position(function: Callable[..., Any]) -> frozenset[str]:
    """Parameters that the function cannot be given by name."""
    if type(function) is FunctionType and not hasattr(function, "__wrapped__"):
        code = function.__code__
        return frozenset(code.co_varnames[: code.co_posonlyargcount])
    try:
        return _asked(function)
    except TypeError:  # it has no hash
        return _asked.__wrapped__(function)


@lru_cache(maxsize=256)
def _asked(function: Callable[..., Any]) -> frozenset[str]:
    from inspect import Parameter, signature

    positional = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    try:
        shown = signature(function).parameters
        taken = signature(function, follow_wrapped=False).parameters
    except (TypeError, ValueError):
        return frozenset()
    only = {p.name for p in shown.values() if p.kind is Parameter.POSITIONAL_ONLY}
    if list(shown) != list(taken):
        # A wrapper may call them otherwise, `def wrapper(table, *args)`, or have no names for them.
        kinds = [p.kind for p in taken.values()]
        places = sum(kind in positional for kind in kinds)
        names = [p.name for p in shown.values() if p.kind in positional]
        only |= {*(names if Parameter.VAR_POSITIONAL in kinds else names[:places])}
    return frozenset(only)


# ---- input files


Look = tuple[Any, ...] | None


def look(path: PurePath) -> Look:
    """A file or folder as it is now, without reading it; None if it is not there."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    look: list[Any] = [seen.st_ino, seen.st_size, seen.st_mtime_ns]
    if os.path.isdir(path):
        for folder, _, names in walked(path):
            for name in sorted(names):
                full = os.path.join(folder, name)
                try:
                    inner = os.stat(full)
                except OSError:
                    continue
                look.append((full, inner.st_size, inner.st_mtime_ns))
        look[3:] = sorted(look[3:])
        # The folder's own size and time change with hidden files that are not its content.
        look[:3] = ()
    return tuple(look)
