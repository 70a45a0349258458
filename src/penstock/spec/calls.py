"""The calls that an expression may make: of types of Python's own whose values YAML cannot write."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, TypeVar
from uuid import UUID

from penstock.spec.values import Opaque

M = TypeVar("M", dt.datetime, dt.time)


def _datetime(text: str, zone: str = "", fold: int = 0) -> dt.datetime:
    return _zoned(dt.datetime.fromisoformat(text), zone, fold)


def _time(text: str, zone: str = "", fold: int = 0) -> dt.time:
    return _zoned(dt.time.fromisoformat(text), zone, fold)


def _zoned(moment: M, zone: str, fold: int) -> M:
    if zone:
        from zoneinfo import ZoneInfo

        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.replace(fold=fold)


CALLS: Mapping[str, Callable[..., Any]] = {
    "Path": Path,
    "PurePosixPath": PurePosixPath,
    "PureWindowsPath": PureWindowsPath,
    "date": dt.date.fromisoformat,
    "datetime": _datetime,
    "time": _time,
    "timedelta": dt.timedelta,
    "Decimal": Decimal,
    "Fraction": Fraction,
    "UUID": UUID,
    "complex": complex,
    "float": float,
    "bytearray": bytearray,
    "set": set,
    "frozenset": frozenset,
    "range": range,
    "opaque": Opaque,
}
