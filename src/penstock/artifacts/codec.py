"""Artifacts: values to manifests and back, over an artifact store and the serializers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from types import GeneratorType
from typing import Any, overload

import msgspec

from penstock.artifacts.deferred import Deferred
from penstock.artifacts.extras import missing
from penstock.artifacts.files import Below, NewFiles, fetched
from penstock.artifacts.paths import Memo, digest_path, remembering, temporary
from penstock.artifacts.streams import (
    CHUNK,
    INDEX,
    STREAM,
    Contents,
    StreamReader,
    StreamWriter,
    is_stream,
)
from penstock.core.calls import follow
from penstock.core.digest import digest_files, digest_struct
from penstock.core.graph import Access
from penstock.core.naming import MAIN, is_first_party, type_name
from penstock.core.ports import ArtifactStore, Encoded, Files, Joining, Part, Serializer
from penstock.core.records import FileRef, Made, Manifest, made
from penstock.core.registered import registered
from penstock.core.signing import sign, signed
from penstock.core.walk import ATOMS, Fields, digest_plain, unfold
from penstock.errors import PenstockError, SerializationError, Unfit, Untrusted

COLLECTION = "collection"
LISTED = "items.json"
_json = msgspec.json.Encoder(order="deterministic")
_listed = msgspec.json.Decoder(tuple[Made, ...])


class Artifacts:
    """Encodes, decodes and digests; used by one thread at a time.

    `key` gives the signing key, or None where there is none; `lookup` finds the manifests of a
    collection's items; `memo` remembers the digests of files (`Catalog.memo`).
    """

    def __init__(
        self,
        store: ArtifactStore,
        serializers: Sequence[Serializer | Deferred],
        *,
        root: Path,
        key: Callable[[], bytes | None],
        lookup: Callable[[str], Manifest],
        memo: Memo | None = None,
    ) -> None:
        self.store = store
        self.root = root.resolve()
        self._given = [self._joined(serializer) for serializer in serializers]
        last = len(self._given) - 1
        self._named = {one.name: last - back for back, one in enumerate(reversed(self._given))}
        self._key = key
        self._lookup = lookup
        self._memo = remembering(memo)
        self._scratch: Path | None = None
        self._met: set[Any] = set()
        """Classes and functions met by the walk since the last value was begun."""
        self._written: dict[int, str] = {}
        """Contents of the parts of the value that is being written."""

    # ---- values to artifacts

    def encode(
        self, value: object, *, serializer: str = "", scratch: Path | None = None
    ) -> tuple[Manifest, tuple[Manifest, ...]]:
        """The artifact of a value, and the items' if it is a collection; `scratch` is the step's folder.

        `serializer` is a name; without it the first that accepts the value and can write it. Raises
        SerializationError, or Untrusted for a value that must be signed where there is no key.
        """
        if not serializer and type(value) is list and self._gathers(value):
            pairs = [self.encode(item, scratch=scratch) for item in value]
            inner = tuple(manifest for item, below in pairs for manifest in (item, *below))
            return self.collection([made(item) for item, _ in pairs]), inner
        if is_stream(value):
            return self._stream(value, serializer, scratch), ()
        self._scratch, self._met, self._written = scratch, set(), {}
        files = NewFiles(self.store)
        try:
            name, encoded = self._write(value, files, serializer)
            refs, inline = files.finish()
        except BaseException:
            files.discard()
            raise
        finally:
            self._scratch, self._written = None, {}
        content = encoded.content or digest_files(name, [(f.name, f.digest) for f in refs])
        return self._manifest(type(value), name, encoded, content, refs, inline), ()

    def collection(self, items: Sequence[Made]) -> Manifest:
        """A list by reference."""
        files = NewFiles(self.store)
        data = _json.encode(items)
        with files.create(LISTED, len(data)) as file:
            file.write(data)
        refs, inline = files.finish()
        manifest = Manifest(
            id="",
            content=_gathered(item.content for item in items),
            serializer=COLLECTION,
            type="builtins:list",
            files=refs,
            inline=inline,
            items=len(items),
            classes=tuple(sorted({name for item in items for name in item.classes})),
        )
        return msgspec.structs.replace(manifest, id=manifest_id(manifest))

    # ---- artifacts to values

    def decode(self, manifest: Manifest, *, scratch: Path | None = None) -> Any:
        """A fresh value. Raises ArtifactMissing, ArtifactDamaged, Untrusted, SerializationError.

        A stored file or folder appears below `scratch`, else in a folder that goes when Python ends.
        """
        if manifest.items is not None:
            return [
                self.decode(self._lookup(item.artifact), scratch=scratch)
                for item in self.items(manifest)
            ]
        if manifest.serializer == STREAM:
            for file in manifest.files if manifest.inline is None else ():
                # Each is read when its turn comes: what is gone is better said before anything runs.
                self.store.path(file, verify=False)
            return self._reader(manifest, scratch).items()
        if manifest.unsafe:
            self._check(manifest)
        return self._decode(scratch, manifest, fetched(self.store, manifest))

    def at(
        self, manifest: Manifest, path: tuple[Access, ...], *, scratch: Path | None = None
    ) -> Any:
        """A fresh value, some steps into an artifact; of a stream an item by its number."""
        if manifest.serializer == STREAM and path and isinstance(path[0].name, int):
            item = self._reader(manifest, scratch).item(path[0].name)
            return follow(item, path[1:])
        return follow(self.decode(manifest, scratch=scratch), path)

    def contents(self, manifest: Manifest) -> Contents:
        """Of a stream: the content of each item."""
        return Contents(fetched(self.store, manifest)[INDEX])

    def items(self, manifest: Manifest) -> Sequence[Made]:
        """What a collection lists."""
        data = fetched(self.store, manifest)[LISTED]
        return _listed.decode(data if isinstance(data, bytes) else data.read_bytes())

    def check(self, one: Made) -> None:
        """Raise what `decode` would raise of its files and its signature."""
        manifest = self._lookup(one.artifact)
        if manifest.unsafe:
            self._check(manifest)
        files = fetched(self.store, manifest)
        for name in files:
            files[name]

    # ---- contents

    def digest(self, value: object) -> str:
        """The content that `encode` would give, without writing. Raises SerializationError."""
        if type(value) is list and self._gathers(value):
            return _gathered(self.digest(item) for item in value)
        if type(value) not in ATOMS:
            leaf = self._leaf(value)
            if leaf is not None:
                return leaf
        return digest_plain(value, self._other, classes=self._met)

    def examine(self, value: object) -> tuple[str, tuple[str, ...]]:
        """Its digest, and the first-party classes and functions that it holds."""
        before, self._met = self._met, set()
        try:
            return self.digest(value), _first_party(self._met)
        finally:
            self._met = before

    def file_digest(self, path: Path) -> str:
        return digest_path(path, self._memo)

    def _other(self, value: object) -> str | Fields:
        leaf = self._leaf(value)
        return unfold(value) if leaf is None else leaf

    def _leaf(self, value: object) -> str | None:
        """The digest of a value whose serializer knows it; None if it is for the walk."""
        self._met.add(type(value))
        if id(value) in self._written:
            return self._written[id(value)]
        for serializer in self._accepting(value):
            if getattr(serializer, "walked", False):
                return None
            try:
                return serializer.digest(value)
            except Unfit:
                continue
            except ImportError as error:
                name = type_name(type(value))
                raise missing(error, f"the content of a '{name}'", serializer.name) from error
        return None

    # ---- the family

    def pick(self, value: object) -> str:
        return next((serializer.name for serializer in self._accepting(value)), "")

    def named(self, name: str) -> Serializer:
        for serializer in registered():
            if serializer.name == name:
                return self._joined(serializer)
        if name in self._named:
            return self._loaded(self._named[name])
        known = ", ".join(sorted({s.name for s in (*registered(), *self._given)}))
        raise SerializationError(
            f"there is no serializer '{name}'",
            hint=f"Known are {known}. Is the package that adds it installed and imported?",
        )

    def write(self, value: object, files: Files, prefix: str, serializer: str = "") -> Part:
        assert isinstance(files, NewFiles | Below)  # those that `encode` handed out
        below = Below(files, prefix)
        name, encoded = self._write(value, below, serializer)
        if not getattr(self.named(name), "walked", False):
            # The walk will meet this value again: it was hashed while it was written.
            self._written[id(value)] = encoded.content or below.content(name, below.written)
        return Part(
            name, type_name(type(value)), tuple(below.written), encoded.meta, encoded.unsafe
        )

    def owns(self, path: Path) -> bool:
        return self._scratch is not None and Path(os.path.abspath(path)).is_relative_to(
            os.path.abspath(self._scratch)
        )

    def folder(self) -> Path:
        if self._scratch is not None:
            self._scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(self._scratch or temporary()) / f"input-{os.urandom(6).hex()}"
        folder.mkdir()
        return folder

    def vouch(self, manifest: Manifest) -> None:
        key = self._key()
        if key is None or not signed(key, manifest.id, manifest.signature):
            raise Untrusted(
                f"artifact '{manifest.id[:12]}' is a pickle ('{manifest.type}') "
                + ("and there is no key to tell whose" if key is None else "of another project"),
                hint="Reading it could run any code. If its makers are your team, share their "
                "signing key: PENSTOCK_SIGNING_KEY, or the file .penstock/key.",
            )

    # ---- streams

    def _stream(self, items: Any, serializer: str, scratch: Path | None) -> Manifest:
        """Store items as they come. The user's code that makes them runs in between."""
        self._met = set()
        files = NewFiles(self.store)

        def digested(batch: object) -> None:
            self._written[id(batch)] = ""

        hold = partial(NewFiles, self.store, CHUNK)
        writer = StreamWriter(self, files, hold, digested, serializer)
        try:
            for item in items:
                self._scratch, self._written = scratch, {}
                writer.add(item)
                # Nothing holds this one while the next is made; that may have its place in memory.
                self._scratch, self._written = None, {}
                del item
            encoded = writer.finish()
            refs, inline = files.finish()
        except BaseException:
            files.discard()
            raise
        finally:
            self._scratch, self._written = None, {}
        return self._manifest(GeneratorType, STREAM, encoded, encoded.content, refs, inline)

    def _reader(self, manifest: Manifest, scratch: Path | None) -> StreamReader:
        if manifest.unsafe:
            self._check(manifest)
        files = fetched(self.store, manifest)
        return StreamReader(manifest, files, partial(self._decode, scratch))

    # ---- how it is done

    def _decode(
        self, scratch: Path | None, manifest: Manifest, files: Mapping[str, Path | bytes]
    ) -> Any:
        before, self._scratch = self._scratch, scratch
        try:
            return self.named(manifest.serializer).decode(manifest, files)
        except ImportError as error:
            raise missing(error, f"a stored '{manifest.type}'", manifest.serializer) from error
        finally:
            self._scratch = before

    @overload
    def _joined(self, serializer: Serializer) -> Serializer: ...
    @overload
    def _joined(self, serializer: Serializer | Deferred) -> Serializer | Deferred: ...
    def _joined(self, serializer: Serializer | Deferred) -> Serializer | Deferred:
        return serializer.joined(self) if isinstance(serializer, Joining) else serializer

    def _loaded(self, position: int) -> Serializer:
        """The serializer that was given at this place, imported by now."""
        serializer = self._given[position]
        if isinstance(serializer, Deferred):
            self._given[position] = serializer = self._joined(serializer.load())
        return serializer

    def _accepting(self, value: object) -> Iterator[Serializer]:
        for serializer in registered():
            if serializer.accepts(value):
                yield self._joined(serializer)
        for position, given in enumerate(self._given):
            if isinstance(given, Deferred):
                if not given.due():
                    continue
                given = self._loaded(position)
            if given.accepts(value):
                yield given

    def _gathers(self, values: list[Any]) -> bool:
        """Whether a list is better kept as one artifact an item: none is plain only, none a pickle."""
        kinds = {type(value): value for value in values}
        if ATOMS.issuperset(kinds):
            return False
        names = {self.pick(value) for value in kinds.values()}
        return "pickle" not in names and names != {"json"}

    def _write(
        self, value: object, files: NewFiles | Below, serializer: str
    ) -> tuple[str, Encoded]:
        kind = type_name(type(value))
        failed: SerializationError | None = None
        for candidate in [self.named(serializer)] if serializer else self._accepting(value):
            try:
                return candidate.name, candidate.encode(value, files)
            except Unfit as error:
                failed = error
                files.discard()
            except ImportError as error:
                raise missing(error, f"storing a '{kind}'", candidate.name) from error
            except Exception as error:  # the serializer's own code runs here
                if isinstance(error, PenstockError) or candidate.accepts(value):
                    raise
                raise SerializationError(
                    f"the serializer '{serializer}' takes no '{kind}'",
                    hint="Name another one in the step's options, or none: the value then chooses.",
                ) from error
        raise failed or SerializationError(
            f"no serializer takes a '{kind}'", hint="Register one for it."
        )

    def _manifest(
        self,
        kind: type,
        name: str,
        encoded: Encoded,
        content: str,
        files: tuple[FileRef, ...],
        inline: bytes | None,
    ) -> Manifest:
        manifest = Manifest(
            id="",
            content=content,
            serializer=name,
            type=type_name(kind),
            files=files,
            inline=inline,
            meta=encoded.meta,
            classes=_first_party(self._met),
            unsafe=encoded.unsafe,
        )
        id = manifest_id(manifest)
        return msgspec.structs.replace(
            manifest, id=id, signature=self._sign(manifest, id) if encoded.unsafe else ""
        )

    def require_key(self, what: str) -> bytes:
        """The signing key. Raises Untrusted, naming what would have to be signed."""
        key = self._key()
        if key is None:
            raise Untrusted(
                f"{what} is kept as a pickle, and there is no key to sign it",
                hint="Set PENSTOCK_SIGNING_KEY, or return a value of a safe format.",
            )
        return key

    def _sign(self, manifest: Manifest, id: str) -> str:
        return sign(self.require_key(f"a '{manifest.type}'"), id)

    def _check(self, manifest: Manifest) -> None:
        if manifest_id(manifest) != manifest.id:
            raise Untrusted(
                f"the record of artifact '{manifest.id[:12]}' was changed",
                hint="Run its step again; a pickle is read only as it was recorded.",
            )
        self.vouch(manifest)


def manifest_id(manifest: Manifest) -> str:
    """The digest of all that a manifest says, but its inline bytes and its signature."""
    return digest_struct(
        "artifact",
        manifest.content,
        manifest.serializer,
        manifest.type,
        [(file.name, file.digest, file.size) for file in manifest.files],
        _json.encode(manifest.meta),
        manifest.items,
        manifest.classes,
        manifest.unsafe,
    )


def _gathered(contents: Iterable[str]) -> str:
    return digest_struct("collection", tuple(contents))


def _first_party(met: set[Any]) -> tuple[str, ...]:
    """By name; what is a name already was met in first-party code."""
    names = (one if isinstance(one, str) else type_name(one) for one in met if _is_ours(one))
    # A generic model of pydantic, `Box[int]`, is made where it is written: its code is that of `Box`.
    return tuple(sorted({name.partition("[")[0] for name in names}))


@lru_cache(maxsize=4096)
def _is_ours(cls: Hashable) -> bool:
    if isinstance(cls, str):
        return True
    module = getattr(cls, "__module__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    return module == MAIN or (not module.startswith("penstock.") and is_first_party(file))
