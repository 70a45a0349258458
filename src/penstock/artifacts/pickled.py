"""What is known to become a pickle before any value is there: by the serializer that is named, or the type."""

from __future__ import annotations

SERIALIZERS = frozenset(("pickle", "sklearn", "torch-module", "matplotlib"))
"""Serializers whose files run code when they are read."""
CLASSES = frozenset(
    ("sklearn.base:BaseEstimator", "torch.nn.modules.module:Module", "matplotlib.artist:Artist")
)
SAFE = ("xgboost", "lightgbm")
"""Libraries whose own classes of these kinds have formats of their own."""


def is_pickled(annotation: object) -> bool:
    """Whether a value of an annotated type is kept as a pickle, as far as its class tells."""
    library = str(getattr(annotation, "__module__", "")).partition(".")[0]
    if library in SAFE:
        return False
    above = annotation.__mro__ if isinstance(annotation, type) else ()
    names = {f"{cls.__module__}:{cls.__qualname__}" for cls in above}
    return library == "sklearn" or not CLASSES.isdisjoint(names)
