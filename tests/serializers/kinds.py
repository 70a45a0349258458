"""Classes of a project, as its steps would return them."""

from __future__ import annotations

import enum
from collections import namedtuple
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

from sklearn.base import BaseEstimator, TransformerMixin

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "r"
    BLUE = 2.5


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: Any
    y: Any = 0


class Scores(TypedDict):
    auc: float


@dataclass
class Settings:
    depth: int
    parts: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def twice(self) -> int:
        return self.depth * 2


@dataclass(frozen=True, slots=True)
class Frozen:
    depth: int
    inner: object = None


@dataclass
class Box(Generic[T]):
    value: T


@dataclass
class Picky:
    depth: int

    def __getstate__(self) -> dict[str, int]:
        return {"depth": self.depth + 1}


class Loose(namedtuple("Loose", "x")):  # attributes of its own are the point
    pass


class Model:
    """Neither a dataclass nor anything that a library knows."""

    def __init__(self, weights: Any) -> None:
        self.weights = weights

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and self.weights == other.weights

    __hash__ = None  # type: ignore[assignment]


class Shift(TransformerMixin, BaseEstimator):
    """A transformer of the project's own."""

    def __init__(self, by: float = 1.0) -> None:
        self.by = by

    def fit(self, X: Any, y: Any = None) -> Shift:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return X + self.by
