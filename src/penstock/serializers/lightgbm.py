"""Boosters of lightgbm in its own format (text), with what Python knows of their training."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.ports import Encoded, Family, Files, Part
from penstock.core.records import Manifest
from penstock.core.walk import digest_plain, unfold
from penstock.errors import SerializationError
from penstock.serializers.parts import read_part

MODEL, BESIDE = "model.txt", "beside/"
KEPT = ("best_iteration", "best_score", "params", "name_valid_sets")
"""Attributes that the text does not hold; the others are found anew when it is read."""


@dataclass(frozen=True)
class LightGBM:
    name: str = field(default="lightgbm", init=False)
    walked: bool = field(default=False, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> LightGBM:
        return LightGBM(family)

    def accepts(self, value: object) -> bool:
        lightgbm = sys.modules.get("lightgbm")
        return lightgbm is not None and type(value) is getattr(lightgbm, "Booster", None)

    def encode(self, value: Any, files: Files) -> Encoded:
        if self.family is None:
            raise SerializationError(
                "a booster needs the other serializers, for what stands beside it",
                hint="Use it by way of a stack's artifacts, or of `joined`.",
            )
        text, beside = _text(value), _beside(value)
        with files.create(MODEL, len(text)) as file:
            file.write(text)
        part = self.family.write(beside, files, BESIDE, "json")
        meta = {
            "rounds": value.num_trees() // max(value.num_model_per_iteration(), 1),
            "features": value.num_feature(),
            "beside": msgspec.to_builtins(part),
        }
        return Encoded(meta=meta, content=self._content(text, beside), unsafe=part.unsafe)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        import lightgbm

        file = files[MODEL]
        text = file if isinstance(file, bytes) else file.read_bytes()
        booster = lightgbm.Booster(model_str=text.decode())
        part = msgspec.convert(manifest.meta["beside"], Part)
        assert self.family is not None  # without it nothing was written
        for name, attribute in read_part(self.family, part, BESIDE, manifest, files).items():
            setattr(booster, name, attribute)
        return booster

    def digest(self, value: Any) -> str:
        return self._content(_text(value), _beside(value))

    def _content(self, text: bytes, beside: dict[str, Any]) -> str:
        inner = digest_plain(beside, unfold) if self.family is None else self.family.digest(beside)
        return digest_struct("lightgbm", digest_bytes(text), inner)


def _text(value: Any) -> bytes:
    # All trees: by default those after the best iteration are left out.
    return bytes(value.model_to_string(num_iteration=-1).encode())


def _beside(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in KEPT if hasattr(value, name)}
