"""Every error of penstock, in one tree: what happened, then the next move.

PenstockError
├── DefinitionError          a step, a pipeline or a graph is written wrongly
│   ├── TypeMismatch             an output does not fit the parameter it feeds
│   └── PromiseError             a promise was used as if it were its value
├── UsageError               the call of penstock is wrong: an argument, an option, a name
│   ├── ConfigError              penstock.toml or a run's YAML, with file and line
│   └── NotFound                 no such run, step, artifact, pipeline
├── MissingExtra             a library that an optional part needs is not installed
├── RunError                 a run could not go on
│   ├── RunFailed                a step failed; carries the run
│   ├── StepTimeout              a step took longer than its timeout
│   ├── WorkerDied               the process of a step ended without an answer
│   ├── CodeChanged              the code differs from what the run was planned with
│   ├── UndeclaredRead           under strict: a step read what its key does not know
│   ├── LeaseLost                another owner has taken this run over
│   └── Cancelled                the run was cancelled
└── StoreError               a store refused, or holds what it should not
    ├── SchemaTooNew             the store was written by a newer penstock
    ├── ArtifactMissing          the bytes of an artifact are gone
    ├── ArtifactDamaged          the bytes of an artifact are not those recorded
    ├── Untrusted                an unsafe format, not signed by this project's key
    └── SerializationError       a value could not be written or read
        └── Unfit                    a serializer leaves this value to the next one
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar


class PenstockError(Exception):
    """What happened (`message`), and the next move (`hint`); `str()` joins the two.

    `exit_code` is what the command line ends with.
    """

    exit_code = 1
    minded: ClassVar[Callable[[], None] | None] = None
    """Has errors shown as people want them, also where no session is open yet."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        # What is wrongly written or called may come up long before a session opens.
        if self.exit_code == 2 and PenstockError.minded is not None:
            PenstockError.minded()

    def __str__(self) -> str:
        hint = self.hint.replace("\n", "\n  ")
        return f"{self.message}\n  {hint}" if hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint, self.__dict__)


def _rebuild(
    kind: type[PenstockError], message: str, hint: str, state: dict[str, object]
) -> PenstockError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state | {"message": message, "hint": hint})
    return error


class DefinitionError(PenstockError):
    """A step, a pipeline or a graph is written wrongly; raised before anything runs."""

    exit_code = 2


class TypeMismatch(DefinitionError):
    """An output does not fit the annotation of the parameter that it feeds."""


class PromiseError(DefinitionError, TypeError):
    """Also a TypeError, because Python's own protocols expect one."""


class UsageError(PenstockError):
    """The call of penstock is wrong: an argument, an option, a name."""

    exit_code = 2


class ConfigError(UsageError):
    """penstock.toml or a run's YAML is wrong; the message begins with file and line."""


class NotFound(UsageError):
    """There is no such run, step, artifact, pipeline or file."""


class MissingExtra(PenstockError):
    """A library that an optional part needs is not installed; the hint has the command."""

    exit_code = 2


class RunError(PenstockError):
    """A run could not go on."""


class RunFailed(RunError):
    """A run ended `failed`; `run` is that run, the cause is the user's own exception."""

    def __init__(self, message: str, *, hint: str = "", run: object = None) -> None:
        super().__init__(message, hint=hint)
        self.run = run


class StepTimeout(RunError):
    """A step took longer than its timeout, and was ended."""


class WorkerDied(RunError):
    """The process of a step ended without an answer."""


class CodeChanged(RunError):
    """The code of a step differs from what the run was planned with."""


class UndeclaredRead(RunError):
    """Under `strict`: a step read what its key does not know."""


class LeaseLost(RunError):
    """This process no longer owns the run that it works for."""


class Cancelled(RunError):
    """The run was cancelled."""

    exit_code = 130


class StoreError(PenstockError):
    """A store refused, or holds what it should not."""


class SchemaTooNew(StoreError):
    """The store was written by a newer penstock."""


class ArtifactMissing(StoreError):
    """The bytes of an artifact are gone."""


class ArtifactDamaged(StoreError):
    """The bytes of an artifact are not those recorded; they were set aside."""


class Untrusted(StoreError):
    """A pickle that this project's key did not sign."""


class SerializationError(StoreError):
    """A value could not be written, or not be read back."""


class Unfit(SerializationError):
    """From a serializer: this value, though accepted, is for the next one."""
