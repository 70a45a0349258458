"""The one place where bytes become values by running code: nothing else reads a pickle.

Stored bytes are read only if they are those that their record names, and if the record is signed by
a key that this project trusts.
"""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from penstock.core.digest import digest_bytes
from penstock.core.gone import gone
from penstock.core.naming import MAIN, module_name, resolve, type_name
from penstock.core.records import FileRef, Manifest
from penstock.errors import ArtifactDamaged, DefinitionError, SerializationError, Untrusted

PROTOCOL = 5

Vouch = Callable[[Manifest], None]
"""Raises Untrusted unless a trusted key signed this manifest."""


Aside = Callable[[Any], Any]
"""In writing: a word for a part that is kept elsewhere, or None. In reading: the part of that word."""


def dump(value: object, file: BinaryIO, aside: Aside | None = None) -> None:
    """Write a value as a pickle. Classes and functions that no import would find go by value."""
    try:
        pickler = _pickler() if aside is None else _with_parts(_pickler(), aside)
        pickler(file, protocol=PROTOCOL).dump(value)
    except Exception as error:  # the value's own code runs here
        raise SerializationError(
            f"a value of '{type_name(type(value))}' cannot be pickled: {error}",
            hint="Return what it is made of, or register a serializer for it.",
        ) from error


def load(
    data: bytes | Path,
    file: FileRef,
    manifest: Manifest,
    vouch: Vouch,
    aside: Aside | None = None,
) -> object:
    """Read a stored pickle, after its record was vouched for and its bytes were found to be those recorded."""
    if not manifest.unsafe:
        raise Untrusted(
            f"artifact '{manifest.id[:12]}' holds a pickle and is not marked as one",
            hint="Its record was changed by hand; make it again by running its step.",
        )
    vouch(manifest)
    raw = data.read_bytes() if isinstance(data, Path) else data
    if digest_bytes(raw) != file.digest:
        raise ArtifactDamaged(f"'{file.name}' of artifact '{manifest.id[:12]}' was changed")
    try:
        return _Reader(io.BytesIO(raw), manifest.classes, aside).load()
    except ImportError:
        raise
    except Exception as error:  # the value's own code runs here
        raise SerializationError(
            f"a stored '{manifest.type}' cannot be read: {type(error).__name__}: {error}",
            hint="Run its step again with the packages that are installed now.",
        ) from error


def pack(value: object) -> bytes:
    """A value for a process of our own, over a private pipe."""
    buffer = io.BytesIO()
    dump(value, buffer)
    return buffer.getvalue()


def unpack(data: bytes) -> Any:
    """What a process of our own packed, and sent over a private pipe. Never for stored bytes."""
    return _Receiver(io.BytesIO(data)).load()


# ---- names, the same however a file was started


class _Reader(pickle.Unpickler):
    def __init__(self, file: BinaryIO, classes: tuple[str, ...], aside: Aside | None) -> None:
        super().__init__(file)
        self._aside = aside
        self._ours = {name.partition(":")[0].partition(".")[0] for name in classes}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError):
            # A package that is not installed is said; only a class of the project's can be gone.
            if module.partition(".")[0] not in self._ours:
                raise
            return _found(f"{module}:{name}")

    def persistent_load(self, word: Any) -> Any:
        if self._aside is None:
            raise pickle.UnpicklingError("a part of it was kept elsewhere")
        return self._aside(word)


class _Receiver(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # What a worker imports by its name may be the script that runs here: never import it twice.
        main = sys.modules.get(MAIN)
        if main is not None and module != MAIN and module not in sys.modules:
            own = module_name(main)
            if own == module or own.endswith(f".{module}"):
                module = MAIN
        return super().find_class(module, name)


def _found(name: str) -> Any:
    """By its name under the project's root; a record of what it was if there is none."""
    try:
        return resolve(name)
    except DefinitionError:
        return gone(name)


_made: list[type[pickle.Pickler]] = []


def _pickler() -> type[pickle.Pickler]:
    if not _made:
        import cloudpickle  # 20 ms, and most runs never need it

        class Writer(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
            def reducer_override(self, value: Any) -> Any:
                # A class of the script that runs is found again by import: it keeps its identity.
                if isinstance(value, type) and value.__module__ == MAIN:
                    name = type_name(value)
                    if not name.startswith(f"{MAIN}:") and _is(name, value):
                        return _found, (name,)
                return super().reducer_override(value)

        _made.append(Writer)
    return _made[0]


def _with_parts(pickler: type[pickle.Pickler], aside: Aside) -> type[pickle.Pickler]:
    """A class of its own: asking for every part of a value takes time."""

    class Writer(pickler):  # type: ignore[misc, valid-type]  # a class that is made at run time
        def persistent_id(self, value: Any) -> Any:
            return aside(value)

    return Writer


def _is(name: str, value: object) -> bool:
    try:
        return resolve(name) is value
    except DefinitionError:
        return False
