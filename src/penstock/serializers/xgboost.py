"""Boosters of xgboost in its own format (ubj), with their configuration."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import SerializationError, Unfit

MODEL, CONFIG = "model.ubj", "config.json"
THREADS = ("n_jobs", "nthread", "verbosity")
"""Settings of the machine and not of the model: they do not count."""


class XGBoost:
    name = "xgboost"

    def accepts(self, value: object) -> bool:
        xgboost = sys.modules.get("xgboost")
        return xgboost is not None and type(value) is getattr(xgboost, "Booster", None)

    def encode(self, value: Any, files: Files) -> Encoded:
        raw, config = _parts(value)
        for name, data in ((MODEL, raw), (CONFIG, config)):
            with files.create(name, len(data)) as file:
                file.write(data)
        meta = {"rounds": value.num_boosted_rounds(), "features": value.num_features()}
        return Encoded(meta=meta, content=_content(raw, config))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        import xgboost

        booster = xgboost.Booster()
        booster.load_model(bytearray(_bytes(files[MODEL])))
        with suppress(xgboost.core.XGBoostError):
            # Other versions of the library read any model, and not always how it was trained.
            booster.load_config(_bytes(files[CONFIG]).decode())
        return booster

    def digest(self, value: Any) -> str:
        return _content(*_parts(value))


def _bytes(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()


def _parts(value: Any) -> tuple[bytes, bytes]:
    """The trees with names, types and attributes; and the parameters, with which training goes on."""
    import xgboost

    if vars(value).keys() != {"handle"}:
        raise Unfit("a booster of xgboost has attributes that its own format does not know")
    try:
        return bytes(value.save_raw("ubj")), value.save_config().encode()
    except xgboost.core.XGBoostError as error:
        raise SerializationError(
            "a booster of xgboost that has learnt nothing has no content",
            hint="Return its parameters, or the booster after it was trained.",
        ) from error


def _content(raw: bytes, config: bytes) -> str:
    settings = msgspec.json.decode(config)
    generic = settings.get("learner", {}).get("generic_param", {})
    for name in THREADS:
        generic.pop(name, None)
    written = msgspec.json.encode(settings, order="deterministic")
    return digest_struct("xgboost", digest_bytes(raw), written)
