"""Libraries of values that are not installed: which extra of penstock brings them."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.errors import MissingExtra

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "numpy": ("numpy",),
    "pandas": ("pandas", "pyarrow"),
    "arrow": ("pyarrow",),
    "polars": ("polars", "pyarrow"),
    "sklearn": ("sklearn",),
    "scipy": ("scipy",),
    "torch": ("torch",),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "pydantic": ("pydantic",),
    "pillow": ("PIL",),
    "matplotlib": ("matplotlib",),
    "plotly": ("plotly",),
}
"""What each extra brings that is imported to write and read values."""


def missing(error: ImportError, what: str, serializer: str) -> MissingExtra:
    """`what` could not be done for want of a library; the serializer's own extra is named first."""
    library = (error.name or "").partition(".")[0]
    extras = [serializer, *EXTRAS]
    extra = next((name for name in extras if library in EXTRAS.get(name, ())), "")
    package = f"'penstock[{extra}]'" if extra else library
    needs = f"'{library}', which is not installed" if library else f"a library: {error}"
    return MissingExtra(
        f"{what} needs {needs}", hint=f"Install it: pip install {package}" if package else ""
    )
