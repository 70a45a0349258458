"""Estimators of scikit-learn, and of what follows its interface: pickles, compared by what was learnt.

Two fits that learnt the same differ as pickles (shared parts, padding in the nodes of trees), and
are equal by the walk of their parameters and fitted attributes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.core import unsafe
from penstock.core.ports import Encoded, Family, Files
from penstock.core.records import Manifest
from penstock.core.walk import digest_plain, unfold
from penstock.serializers.pickle import read

FILE = "model.pickle"


@dataclass(frozen=True)
class Sklearn:
    name: str = field(default="sklearn", init=False)
    walked: bool = field(default=True, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Sklearn:
        return Sklearn(family)

    def accepts(self, value: object) -> bool:
        module = sys.modules.get("sklearn.base")
        return module is not None and isinstance(value, module.BaseEstimator)

    def encode(self, value: Any, files: Files) -> Encoded:
        with files.create(FILE) as file:
            unsafe.dump(value, file)
        meta = {"sklearn": sys.modules["sklearn"].__version__}
        return Encoded(content=self.digest(value), unsafe=True, meta=meta)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        return read(FILE, manifest, files, self.family)

    def digest(self, value: Any) -> str:
        return digest_plain(value, unfold) if self.family is None else self.family.digest(value)
