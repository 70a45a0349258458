"""What the decorator of a step says: how often to try, how long, what may be reused, and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from penstock.core import durations, graph
from penstock.errors import DefinitionError

EXTRAS = ("serializer", "aspects")


class Retry(Struct, frozen=True):
    """`times` further attempts after a failure, the n-th after `delay * backoff ** (n - 1)` seconds.

    `on` are the exceptions that are worth another attempt; without it any Exception is.
    """

    times: int = 1
    delay: float = 1.0
    backoff: float = 2.0
    on: tuple[type[BaseException], ...] = ()


class Cache(Struct, frozen=True):
    """When a result may be reused.

    `ttl`: for how long ("12h", or seconds). `ignore`: parameters that do not matter. `version`: a
    word that you change when results should. `also`: what counts besides the code: functions,
    `Env("NAME")`, files. `key`: a function of the step's plain arguments whose result counts, like
    a table's watermark; called before a run is planned. `environment`: all installed packages count.
    """

    ttl: float | str | None = None
    ignore: Sequence[str] = ()
    version: str | int = ""
    also: Sequence[object] = ()
    key: Callable[..., object] | None = None
    environment: bool = False


class Settings(Struct, frozen=True):
    """A step's settings, as given; `role` and `aspects` come from the decorator itself."""

    retries: int | Retry = 0
    timeout: float | str | None = None
    cache: bool | Cache | None = None
    env: object = None
    resources: Mapping[str, Any] = {}
    executor: str = ""
    options: Mapping[str, Any] = {}
    role: str = ""
    aspects: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    """What a use of the step sets back from its decorator's to nothing."""

    def undone_by(self, changes: Mapping[str, Any]) -> tuple[str, ...]:
        """What these changes, and those before, set back to nothing."""
        plain = Settings()
        kept = [name for name in self.reset if name not in changes]
        undone = (
            name
            for name, value in changes.items()
            if value == getattr(plain, name)
            and (name in self.reset or value != getattr(self, name))
        )
        return (*kept, *undone)

    def retry(self) -> graph.Retry:
        match self.retries:
            case Retry(times, delay, backoff, on):
                names = tuple(f"{cls.__module__}.{cls.__qualname__}" for cls in on)
                return graph.Retry(times, delay, backoff, names)
            case int(times):
                return graph.Retry(times)

    def exceptions(self) -> tuple[type[BaseException], ...]:
        return self.retries.on if isinstance(self.retries, Retry) else ()

    def policy(self, also: str) -> graph.CachePolicy:
        """`also` is the digest of what the policy names besides the code."""
        match self.cache:
            case Cache(ttl, ignore, version, _, key, environment):
                return graph.CachePolicy(
                    ttl=None if ttl is None else seconds(ttl, "ttl"),
                    ignore=tuple(ignore),
                    version=str(version),
                    also=also,
                    environment=environment,
                    has_key=key is not None,
                )
            case enabled:
                return graph.CachePolicy(enabled=enabled)

    def serializer(self, output: str) -> str:
        """The serializer that `options` name for this output; "" leaves it to the value."""
        named = self.options.get("serializer", "")
        return str(named.get(output, "")) if isinstance(named, Mapping) else str(named)


def checked(settings: Settings, name: str, where: str) -> Settings:
    """The settings in the form in which they are kept, or a DefinitionError that names the step."""

    def wrong(what: str, hint: str) -> DefinitionError:
        return DefinitionError(f"'{name}': {what} ({where})", hint=hint)

    match settings.retries:
        case bool():
            raise wrong(
                f"retries={settings.retries} is not a number of attempts", "Write retries=2."
            )
        case Retry(times, delay, backoff, on):
            classes = on if isinstance(on, tuple) else (on,)
            if not all(isinstance(cls, type) and issubclass(cls, BaseException) for cls in classes):
                raise wrong("Retry(on=…) takes exception classes", "Write on=(ConnectionError,).")
            if not isinstance(times, int) or isinstance(times, bool):
                raise wrong(
                    f"Retry(times={times!r}) is not a number of attempts", "Write Retry(times=2)."
                )
            for word, value in (("delay", delay), ("backoff", backoff)):
                if not durations.is_wait(value):
                    raise wrong(
                        f"Retry({word}={value!r}) is no wait",
                        "Write Retry(delay=1.0, backoff=2.0): seconds, and by what they grow.",
                    )
            settings = replace(settings, retries=replace(settings.retries, on=classes))
        case int(times):
            pass
        case other:
            raise wrong(f"retries={other!r} is not a number of attempts", "Write retries=2.")
    if times < 0:
        raise wrong(f"retries={times} is negative", "Write retries=0 for none.")
    if settings.timeout is not None:
        try:
            settings = replace(settings, timeout=seconds(settings.timeout, "timeout"))
        except DefinitionError as error:
            raise wrong(error.message, error.hint) from None
    if not isinstance(settings.cache, bool | Cache | None):
        raise wrong(f"cache={settings.cache!r} is not a policy", "Write True, False or Cache(…).")
    for key in settings.options:
        if key not in EXTRAS:
            raise wrong(f"options has no '{key}'", f"There are: {', '.join(EXTRAS)}.")
    return settings


def exception(name: str) -> type[BaseException] | None:
    """The class of this dotted name, "requests.ConnectionError", its module imported if need be."""
    module, dot, rest = name.rpartition(".")
    tail = [rest]
    while dot:
        try:
            found: Any = import_module(module)
        except ImportError:
            module, dot, rest = module.rpartition(".")
            tail.insert(0, rest)
            continue
        for part in tail:
            found = getattr(found, part, None)
        return found if isinstance(found, type) and issubclass(found, BaseException) else None
    return None


def seconds(text: float | str, what: str) -> float:
    """ "10m", "90s", "1h30m" or a number of seconds."""
    if durations.is_wait(text) and text != 0:
        return float(text)
    if isinstance(text, str):
        total = durations.seconds(text)
        if total:
            return total
    raise DefinitionError(
        f"{what}={text!r} is not a time", hint='Write "90s", "10m", "1h30m", or seconds.'
    )
