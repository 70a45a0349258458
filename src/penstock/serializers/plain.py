"""The JSON family: plain values, and containers of anything, each part by its own serializer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.ports import Encoded, Family, Files, Part, Serializer
from penstock.core.records import Manifest
from penstock.core.walk import digest_plain, unfold
from penstock.errors import SerializationError
from penstock.serializers import tree, untree
from penstock.serializers.parts import Pooling, read_parts

FILE = "value.json"


@dataclass(frozen=True)
class Plain:
    """Tagged JSON. What has no form in it (arrays, frames, models) is a file of its own beside it;
    values of one pool are kept together: those that only a pickle can hold are in one, so that
    shared parts stay shared, and tensors are in one file.
    """

    name: str = field(default="json", init=False)
    walked: bool = field(default=True, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Plain:
        return Plain(family)

    def accepts(self, value: object) -> bool:
        return tree.is_plain(value)

    def encode(self, value: Any, files: Files) -> Encoded:
        leaves: list[object] = []

        def leaf(part: object) -> int:
            leaves.append(part)
            return len(leaves) - 1

        data = tree.dumps(value, leaf)
        with files.create(FILE, len(data)) as file:
            file.write(data)
        if not leaves:
            return Encoded(content=self.digest(value))
        places, parts = self._write(leaves, files)
        return Encoded(
            content=self.digest(value),
            meta={"leaves": places, "parts": [msgspec.to_builtins(part) for part in parts]},
            unsafe=any(part.unsafe for part in parts),
        )

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        data = _bytes(files[FILE])
        if not manifest.meta:
            return untree.loads(data, _no_leaf)
        parts = msgspec.convert(manifest.meta["parts"], list[Part])
        prefixed = {f"{n}/": part for n, part in enumerate(parts)}
        values = [*read_parts(self._joined(), prefixed, manifest, files)]
        places = manifest.meta["leaves"]

        def leaf(number: int) -> object:
            part, index = places[number]
            return values[part] if index is None else values[part][index]

        return untree.loads(data, leaf)

    def digest(self, value: Any) -> str:
        return digest_plain(value, unfold) if self.family is None else self.family.digest(value)

    def _write(
        self, leaves: list[object], files: Files
    ) -> tuple[list[tuple[int, int | None]], list[Part]]:
        """Each leaf's place, as (part, index in it); and the parts."""
        family = self._joined()
        places: list[tuple[int | str, int | None]] = []
        parts: list[Part] = []
        pools: dict[str, list[object]] = {}
        writers: dict[str, str] = {}
        for value in leaves:
            # A leaf of a class that has a form in JSON is an instance that has none.
            kind = family.pick(value)
            kind = "pickle" if kind == self.name else kind
            pool = _pool(family.named(kind), value) if kind else ""
            if pool:
                if kind != "pickle":  # who knows more than a pickle writes all that a pickle would
                    writers[pool] = kind
                pools.setdefault(pool, []).append(value)
                places.append((pool, len(pools[pool]) - 1))
            else:
                places.append((len(parts), None))
                parts.append(family.write(value, files, f"{len(parts)}/"))
        numbers = {}
        for pool, values in pools.items():
            numbers[pool] = len(parts)
            writer = writers.get(pool, "pickle")
            parts.append(family.write(values, files, f"{len(parts)}/", writer))
        return [
            (numbers[part] if isinstance(part, str) else part, index) for part, index in places
        ], parts

    def _joined(self) -> Family:
        if self.family is None:
            raise SerializationError(
                "a container of values that are not plain needs the other serializers",
                hint="Use it by way of a stack's artifacts, or of `joined`.",
            )
        return self.family


def _pool(serializer: Serializer, value: object) -> str:
    return serializer.pool(value) if isinstance(serializer, Pooling) else ""


def _bytes(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()


def _no_leaf(number: int) -> object:
    raise SerializationError(f"the record names no file for part {number} of the value")
