"""What every serializer must do, as tests that yours inherits.

class TestMySerializer(SerializerContract):
    serializer = MySerializer()
    values = {"small": MyValue(1), "empty": MyValue(None)}      # by name, each another content

    def same(self, one, other):                                 # if == is not enough
        ...
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from penstock.artifact_stores.memory import MemoryStore
from penstock.artifacts.codec import Artifacts
from penstock.core.ports import Serializer
from penstock.core.records import Manifest
from penstock.errors import ArtifactDamaged, ArtifactMissing

KEY = bytes(range(32))


def artifacts(*serializers: Serializer, root: Path, key: bytes | None = KEY) -> Artifacts:
    """These serializers over a store in memory, with collections whose items are found."""
    return Shelf(serializers, root, key)


class Shelf(Artifacts):
    """Artifacts that remember the manifests that they gave."""

    def __init__(self, serializers: tuple[Serializer, ...], root: Path, key: bytes | None) -> None:
        self.known: dict[str, Manifest] = {}
        super().__init__(
            MemoryStore(), serializers, root=root, key=lambda: key, lookup=self.known.__getitem__
        )

    def encode(
        self, value: object, *, serializer: str = "", scratch: Path | None = None
    ) -> tuple[Manifest, tuple[Manifest, ...]]:
        manifest, items = super().encode(value, serializer=serializer, scratch=scratch)
        self.known.update({one.id: one for one in (manifest, *items)})
        return manifest, items


class SerializerContract:
    """Subclass it; give it `serializer`, `values`, and `same` where `==` does not do."""

    serializer: Serializer
    values: Mapping[str, Any] = {}

    def same(self, one: Any, other: Any) -> bool:
        return type(one) is type(other) and bool(one == other)

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Artifacts:
        return artifacts(self.serializer, root=tmp_path)

    def test_its_values_are_accepted_and_others_are_not(self) -> None:
        assert self.values, "give your subclass some values"
        refused = [
            name for name, value in self.values.items() if not self.serializer.accepts(value)
        ]
        assert refused == []
        assert not self.serializer.accepts(_Foreign())

    def test_what_is_read_equals_what_was_written(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            manifest, _ = shelf.encode(value, serializer=self.serializer.name)
            assert self.same(shelf.decode(manifest), value), name

    def test_a_digest_is_the_content_that_writing_gives(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            manifest, _ = shelf.encode(value, serializer=self.serializer.name)
            assert shelf.digest(value) == manifest.content, name
            assert shelf.digest(shelf.decode(manifest)) == manifest.content, name

    def test_a_copy_has_the_content_of_its_original(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            assert shelf.digest(copy.deepcopy(value)) == shelf.digest(value), name

    def test_other_values_have_other_contents(self, shelf: Artifacts) -> None:
        contents = {name: shelf.digest(value) for name, value in self.values.items()}
        assert len(set(contents.values())) == len(contents), contents

    def test_each_reader_gets_a_value_of_its_own(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            manifest, _ = shelf.encode(value, serializer=self.serializer.name)
            first, second = shelf.decode(manifest), shelf.decode(manifest)
            if not _is_immutable(first):
                assert first is not second, name

    def test_writing_the_same_twice_gives_the_same_artifact(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            one, _ = shelf.encode(value, serializer=self.serializer.name)
            two, _ = shelf.encode(value, serializer=self.serializer.name)
            assert one == two, name

    def test_a_manifest_survives_its_journey_through_json(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            manifest, _ = shelf.encode(value, serializer=self.serializer.name)
            back = msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest)
            assert self.same(shelf.decode(back), value), name

    def test_changed_and_missing_bytes_are_noticed(self, shelf: Artifacts) -> None:
        for name, value in self.values.items():
            manifest, _ = shelf.encode(value, serializer=self.serializer.name)
            if manifest.inline is not None:
                spoilt = msgspec.structs.replace(manifest, inline=manifest.inline + b" ")
                with pytest.raises(ArtifactDamaged):
                    shelf.decode(spoilt)
            elif manifest.files:
                shelf.store.remove(manifest.files[0].digest)
                with pytest.raises(ArtifactMissing):
                    shelf.decode(manifest)
            else:
                assert manifest.size == 0, name


class _Foreign:
    """A value of nobody's family."""


def _is_immutable(value: object) -> bool:
    """Whether it may be shared: Python itself keeps one of each small number, and copies no tuple."""
    return copy.deepcopy(value) is value
