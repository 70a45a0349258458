"""Machine-learning pipelines of plain typed Python functions."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # For type checkers; when running, each name is imported on first use.
    from penstock.api.artifact import Artifact as Artifact
    from penstock.api.artifact import ref as ref
    from penstock.api.pipeline import Pipeline as Pipeline
    from penstock.api.pipeline import pipeline as pipeline
    from penstock.api.run import Run as Run
    from penstock.api.run import StepRun as StepRun
    from penstock.api.run import find_run as find_run
    from penstock.api.runs import Runs as Runs
    from penstock.api.runs import runs as runs
    from penstock.core.failure import Failure as Failure
    from penstock.core.registered import register as register
    from penstock.define.known import Env as Env
    from penstock.define.markers import Secret as Secret
    from penstock.define.markers import cross as cross
    from penstock.define.markers import each as each
    from penstock.define.markers import logical_date as logical_date
    from penstock.define.markers import secret as secret
    from penstock.define.settings import Cache as Cache
    from penstock.define.settings import Retry as Retry
    from penstock.define.step import Step as Step
    from penstock.define.step import step as step
    from penstock.define.use import either as either
    from penstock.errors import DefinitionError as DefinitionError
    from penstock.errors import NotFound as NotFound
    from penstock.errors import PenstockError as PenstockError
    from penstock.errors import PromiseError as PromiseError
    from penstock.errors import RunFailed as RunFailed
    from penstock.errors import TypeMismatch as TypeMismatch
    from penstock.perform.context import Context as Context
    from penstock.perform.context import context as context

__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "Cache",
    "Context",
    "DefinitionError",
    "Env",
    "Failure",
    "NotFound",
    "PenstockError",
    "Pipeline",
    "PromiseError",
    "Retry",
    "Run",
    "RunFailed",
    "Runs",
    "Secret",
    "Step",
    "StepRun",
    "TypeMismatch",
    "context",
    "cross",
    "each",
    "either",
    "find_run",
    "logical_date",
    "pipeline",
    "ref",
    "register",
    "runs",
    "secret",
    "step",
]

if not TYPE_CHECKING:
    # Hidden from type checkers, to which every name would seem to exist.
    _HOMES = {
        "penstock.api.artifact": ("Artifact", "ref"),
        "penstock.api.pipeline": ("Pipeline", "pipeline"),
        "penstock.api.run": ("Run", "StepRun", "find_run"),
        "penstock.api.runs": ("Runs", "runs"),
        "penstock.core.failure": ("Failure",),
        "penstock.core.registered": ("register",),
        "penstock.define.known": ("Env",),
        "penstock.define.markers": ("Secret", "cross", "each", "logical_date", "secret"),
        "penstock.define.settings": ("Cache", "Retry"),
        "penstock.define.step": ("Step", "step"),
        "penstock.define.use": ("either",),
        "penstock.errors": (
            "DefinitionError",
            "NotFound",
            "PenstockError",
            "PromiseError",
            "RunFailed",
            "TypeMismatch",
        ),
        "penstock.perform.context": ("Context", "context"),
    }

    def __getattr__(name: str) -> object:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module 'penstock' has no attribute {name!r}")
        from importlib import import_module

        import_module("penstock.errors").PenstockError.minded = _minded
        found = globals()[name] = getattr(import_module(home), name)
        return found

    def _minded() -> None:
        from importlib import import_module

        import_module("penstock.api.manners").mind()

    def load_ipython_extension(shell: object) -> None:
        """`%load_ext penstock`: progress in cells, and the magic `%penstock`."""
        from importlib import import_module

        import_module("penstock.api.extension").load(shell)

    def unload_ipython_extension(shell: object) -> None:
        from importlib import import_module

        import_module("penstock.api.extension").unload(shell)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
