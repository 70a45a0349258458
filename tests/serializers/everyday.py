"""Values as steps return them, by name; each with another content than all the others."""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import math
import re
import types
from collections import Counter, OrderedDict, UserDict, defaultdict, deque, namedtuple
from dataclasses import KW_ONLY, InitVar, dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import dateutil.tz
import numpy as np
import pandas as pd
import pydantic
from pydantic.dataclasses import dataclass as checked_dataclass

T = TypeVar("T")
Pair = namedtuple("Pair", "left right")


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Kind(enum.StrEnum):
    TRAIN = "train"


class Point(enum.Enum):
    """An enum of tuples, with an alias."""

    ORIGIN = (0, 0)
    START = (0, 0)  # noqa: PIE796  # an alias is the point
    END = (1, 2)


class Slots:
    __slots__ = ("__hidden", "x")

    def hide(self, value: object) -> None:
        self.__hidden = value

    def hidden(self) -> object:
        return self.__hidden


@dataclass
class OnSlots(Slots):
    y: int
    scale: InitVar[int] = 2
    scaled: int = field(init=False)
    fixed: int = field(init=False, default=5)

    def __post_init__(self, scale: int) -> None:
        self.scaled = self.y * scale


@dataclass(frozen=True, slots=True)
class Base:
    name: str
    _: KW_ONLY
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Derived(Base):
    table: Any = field(default=None, compare=False, repr=False)


@dataclass
class Holder(Generic[T]):
    inner: T
    made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        raise AssertionError("a value that is read is not made anew")


class Words(list[str]):
    """A list with an attribute."""

    language = "en"


class Celsius(float):
    pass


class Registry(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return 0


class Inner(pydantic.BaseModel):
    at: dt.datetime
    price: Decimal = Decimal("1.10")


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True, extra="allow")

    name: str
    level: Level = Level.LOW
    inner: list[Inner] = []
    weights: np.ndarray | None = None
    _seen: int = pydantic.PrivateAttr(default=0)
    _cache: dict[str, int] = pydantic.PrivateAttr(default_factory=dict)

    @cached_property
    def shout(self) -> str:
        return self.name.upper()


class Sealed(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True)

    ratio: Annotated[float, pydantic.Field(gt=0, lt=1)]

    @pydantic.field_validator("ratio")
    @classmethod
    def halved(cls, value: float) -> float:
        """A rule that its own result breaks: reading must not ask it."""
        if value < 0.2:
            raise ValueError("too small")
        return value / 4


class Box(pydantic.BaseModel, Generic[T]):
    value: T


class Names(pydantic.RootModel[list[str]]):
    pass


@checked_dataclass
class Checked:
    depth: int


def _slotted() -> OnSlots:
    value = OnSlots(3)
    value.x = [1]
    value.hide("deep")
    return value


def _holder(inner: Any) -> Holder[Any]:
    value: Holder[Any] = object.__new__(Holder)
    value.inner, value.made = inner, 1
    return value


def _words() -> Words:
    value = Words(["a", "b"])
    value.language = "de"
    return value


def _model() -> Model:
    value = Model(name="m", inner=[Inner(at=dt.datetime(2024, 2, 29, tzinfo=dt.UTC))], extra=1)  # type: ignore[call-arg]  # extra ones are allowed
    value._seen = 7
    value._cache["a"] = 1
    return value


VALUES: dict[str, Any] = {
    "decimal with its exponent": Decimal("1.1000"), "decimal of another": Decimal("1.1"),
    "decimal nan": Decimal("NaN"), "decimal snan": Decimal("sNaN12"), "decimal -0": Decimal("-0E+3"),
    "decimal infinity": Decimal("-Infinity"), "fraction": Fraction(10**30, 7),
    "uuid": UUID(int=2**127), "complex": complex(-0.0, math.nan), "range": range(9, 0, -3),
    "bytes": bytes(range(256)), "bytearray": bytearray(b"\x00"), "a very large int": 7**20_000,
    "utc": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "naive": dt.datetime(2024, 1, 1),
    "zone": dt.datetime(2024, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")),
    "first two o'clock": dt.datetime(2024, 10, 27, 2, tzinfo=ZoneInfo("Europe/Berlin")),
    "second two o'clock": dt.datetime(2024, 10, 27, 2, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    "utc by name": dt.datetime(2024, 1, 1, tzinfo=ZoneInfo("UTC")),
    "offset of seconds": dt.datetime(1900, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=1172))),
    "time": dt.time(23, 59, 59, 999999, fold=1), "time of zone": dt.time(1, tzinfo=dt.UTC),
    "date": dt.date.min, "timedelta": -dt.timedelta.resolution,
    "dateutil": dt.datetime(2024, 7, 1, tzinfo=dateutil.tz.UTC), "a zone": ZoneInfo("Asia/Tokyo"),
    "an offset": dt.timezone(dt.timedelta(hours=-3), "BRT"),
    "int enum": Level.HIGH, "str enum": Kind.TRAIN, "enum of tuples": Point.END, "alias": Point.START,
    "path": Path("/not/there"), "paths": [Path("/not/a"), Path("/not/b")], "path in a dict": {"a": Path("/not/a")},
    "set": {3, "a", (1, None)}, "frozenset": frozenset({frozenset({1}), frozenset()}),
    "tuple": (1, (), [()]), "namedtuple": Pair(1, Pair(2, None)), "deque": deque([1, 2], maxlen=2),
    "ordered": OrderedDict([("b", 1), ("a", 2)]), "default": defaultdict(set, {"a": {1}}),
    "counter": Counter({"a": -1}), "user dict": UserDict(a=1), "keys of all kinds": {None: 1, 1.5: 2, (1,): 3, b"k": 4},
    "pattern": re.compile(r"(?i)\w+\Z"), "pattern of bytes": re.compile(b"a", re.DOTALL),
    "address": ipaddress.ip_address("::1"), "network": ipaddress.ip_network("10.0.0.0/8"),
    "namespace": types.SimpleNamespace(a=1, b=[2]), "proxy": types.MappingProxyType({"a": 1}),
    "subclass of list": _words(), "subclass of float": Celsius(21.5), "subclass of dict": Registry(a=1),
    "dataclass on slots": _slotted(), "frozen": Base("b", tags=frozenset({"x"})),
    "derived": Derived("d", table=pd.DataFrame({"a": [1, 2]})), "generic": _holder(np.arange(3)),
    "model": _model(), "model with an array": Model(name="w", weights=np.ones(2)),
    "model as constructed": Model.model_construct(name=3), "sealed": Sealed(ratio=0.5),
    "generic model": Box[int](value=1), "generic of generic": Box[Box[Level]](value=Box[Level](value=Level.LOW)),
    "generic of a list": Box[list[int]](value=[1]), "bare generic": Box(value=1), "root": Names(["a"]), "checked": Checked(2),
}  # fmt: skip
PICKLED = {"dateutil", "user dict", "subclass of list", "subclass of float", "subclass of dict"}
"""What has no safe form, and is marked so."""
