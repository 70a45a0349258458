"""Options: everything about a run that is not an argument of the pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from typing import Literal as OneOf

from msgspec import Struct
from msgspec.structs import fields, replace

from penstock.core.place import near
from penstock.errors import UsageError


class Options(Struct, frozen=True, kw_only=True):
    """How one run is to go. A field that equals its default is not set, and a lower source decides."""

    seed: int | None = None
    """The run's seed; None is the fixed default."""
    workers: int | None = None
    """Processes that run steps; None or 0: this one."""
    stack: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    until: tuple[str, ...] = ()
    """Run these steps and what they need."""
    start: tuple[str, ...] = ()
    """Run these steps and what follows from them (`--from`); the rest is taken from earlier runs."""
    only: tuple[str, ...] = ()
    replace: Mapping[str, str] = {}
    """Step to the address of what stands in for its output (`--with load=REF`)."""
    refresh: tuple[str, ...] = ()
    """Steps to run again although a result is known; "*" is all."""
    cache: bool | None = None
    """False: reuse nothing."""
    keep_going: bool = False
    """After a failure run what does not depend on it."""
    on_error: OneOf["raise", "return"] = "raise"
    strict: bool = False
    """A read that the key does not know fails its step."""
    parameters: Mapping[str, Any] = {}
    """Arguments of the pipeline from outside the code, as written: text is coerced by annotation."""
    settings: Mapping[str, Any] = {}
    """"STEP.OPTION" or "STEP.ARGUMENT" to value: "fit.retries"."""
    logical_date: str = ""
    """ISO date or time that the run is for."""
    primary: str = ""
    """The metric by which runs are judged: "evaluate.auc" is better higher, "-evaluate.loss" lower."""
    capture: bool = True
    """Keep what steps print in their logs."""
    pdb: bool = False
    """Run in this process without capture, and stop where a step fails."""
    settled: bool = False
    """The environment and the files have had their say: nothing is added any more."""


DEFAULTS = Options()
NAMES = tuple(field.name for field in fields(Options) if field.name != "settled")
_MANY = ("tags", "until", "start", "only", "refresh")


def options(base: Options = DEFAULTS, /, **given: Any) -> Options:
    """`base` with these fields set; one string does where several are taken, a date where its text is."""
    for name in given:
        if name not in NAMES:
            raise UsageError(f"'{name}' is not an option of a run", hint=near(name, NAMES))
    return replace(base, **{name: _settle(name, value) for name, value in given.items()})


def is_set(options: Options) -> Mapping[str, Any]:
    """The fields that differ from their defaults."""
    every = ((name, getattr(options, name)) for name in NAMES)
    return {name: value for name, value in every if value != getattr(DEFAULTS, name)}


def _settle(name: str, value: Any) -> Any:
    if name in _MANY:
        if value is None:
            return ()
        many: Iterable[Any] = value if isinstance(value, list | tuple | set) else (value,)
        words = [item if isinstance(item, str) else _step(item) for item in many]
        # A tag of no letters is that of a script whose variable is not set.
        return tuple(word for word in words if word or name != "tags")
    if name == "logical_date":
        return _date(value)
    if name == "name":
        return run_name(value)
    if name == "primary":
        return _primary(value)
    if name == "workers" and value is not None and value < 0:
        raise UsageError(
            f"workers is {value}", hint="Write how many processes run steps; 0 is this one."
        )
    if name == "replace":
        return {key: _address(item) for key, item in value.items()}
    if name == "on_error" and value not in ("raise", "return"):
        raise UsageError(f"on_error is {value!r}", hint='Write "raise" or "return".')
    return value


def run_name(value: Any) -> str:
    """A name that means one run. Raises UsageError for what means another one, or a step of it."""
    text = "" if value is None else str(value)
    if text in ("last", "@last") or text.partition("~")[0] == "latest":
        raise UsageError(
            f"a run cannot be named '{text}'", hint="That word always means the newest one."
        )
    if "/" in text:
        raise UsageError(
            f"a run cannot be named '{text}'", hint="What follows a '/' is a step: RUN/STEP."
        )
    return text


def _date(value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None else str(value.isoformat())
    try:
        if value:
            datetime.fromisoformat(value)
    except ValueError:
        raise UsageError(
            f"'{value}' is not a date", hint="For example 2026-03-01, or 2026-03-01T06:00."
        ) from None
    return value


def _primary(value: Any) -> str:
    text = "" if value is None else str(value).strip()
    step, dot, metric = text.removeprefix("-").partition(".")
    if text and not (step and dot and metric):
        raise UsageError(
            f"primary is '{text}', which names no metric of a step",
            hint='Write "STEP.METRIC", for example "evaluate.auc"; with a minus, "-evaluate.loss", '
            "lower is better.",
        )
    return text


def _step(value: Any) -> str:
    # A step object stands for its name.
    return str(getattr(value, "name", value))


def _address(value: Any) -> str:
    return str(getattr(value, "address", value))
