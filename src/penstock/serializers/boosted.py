"""The estimators of xgboost and lightgbm: their attributes as plain values, their booster in its own format."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.ports import Encoded, Family, Files, Part
from penstock.core.records import Manifest
from penstock.core.walk import digest_plain, unfold
from penstock.errors import SerializationError
from penstock.serializers.parts import read_part

KINDS = {"xgboost": "XGBModel", "lightgbm": "LGBMModel"}
STATE = "state/"
BOOSTER = "_Booster"


@dataclass(frozen=True)
class Boosted:
    """The libraries' own classes. What a parameter holds beside plain values (a callback, a function
    as objective) is pickled, and the whole is marked. Subclasses are for the pickle.
    """

    name: str = field(default="boosted", init=False)
    walked: bool = field(default=True, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Boosted:
        return Boosted(family)

    def accepts(self, value: object) -> bool:
        cls = type(value)
        for library, kind in KINDS.items():
            module = sys.modules.get(library)
            parent = getattr(module, kind, None)
            if parent is not None and getattr(module, cls.__name__, None) is cls:
                return issubclass(cls, parent)
        return False

    def encode(self, value: Any, files: Files) -> Encoded:
        family = self._joined()
        state = dict(vars(value))
        booster = state.pop(BOOSTER, None)
        labels = {name: vars(part) for name, part in state.items() if _is_encoder(part)}
        plain = {name: part for name, part in state.items() if name not in labels}
        parts = {STATE: family.write({"plain": plain, "labels": labels}, files, STATE, "json")}
        if booster is not None:
            parts[""] = family.write(booster, files, "")
        meta = {
            "library": type(value).__module__.partition(".")[0],
            "class": type(value).__name__,
            "parts": {prefix: msgspec.to_builtins(part) for prefix, part in parts.items()},
        }
        unsafe = any(part.unsafe for part in parts.values())
        return Encoded(meta=meta, content=self.digest(value), unsafe=unsafe)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        family, meta = self._joined(), manifest.meta
        cls = _class(meta["library"], meta["class"])
        parts = {prefix: msgspec.convert(part, Part) for prefix, part in meta["parts"].items()}
        state = read_part(family, parts[STATE], STATE, manifest, files)
        value = cls()  # with the defaults of parameters that were not there when it was stored
        vars(value).update(state["plain"])
        for name, attributes in state["labels"].items():
            encoder = sys.modules["sklearn.preprocessing"].LabelEncoder()
            vars(encoder).update(attributes)
            setattr(value, name, encoder)
        if "" in parts:
            setattr(value, BOOSTER, read_part(family, parts[""], "", manifest, files))
        return value

    def digest(self, value: Any) -> str:
        return digest_plain(value, unfold) if self.family is None else self.family.digest(value)

    def _joined(self) -> Family:
        if self.family is None:
            raise SerializationError(
                "an estimator needs the other serializers, for its booster",
                hint="Use it by way of a stack's artifacts, or of `joined`.",
            )
        return self.family


def _class(library: str, name: str) -> Any:
    """One of theirs; whatever else a record that was changed by hand may name is not made."""
    if library in KINDS:
        module = importlib.import_module(library)
        cls = getattr(module, name, None)
        if isinstance(cls, type) and issubclass(cls, getattr(module, KINDS[library])):
            return cls
    raise SerializationError(
        f"'{library}' has no estimator '{name}' here",
        hint="Run its step again with the packages that are installed now.",
    )


def _is_encoder(part: object) -> bool:
    """scikit-learn's encoder of labels, which lightgbm's classifiers have: its classes are all it is."""
    module = sys.modules.get("sklearn.preprocessing")
    return module is not None and type(part) is module.LabelEncoder
