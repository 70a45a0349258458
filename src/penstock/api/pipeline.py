"""Pipelines as people use them: run, planned, swept, and what their runs were."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from types import FrameType
from typing import (
    TYPE_CHECKING,
    Any,
    Concatenate,
    Generic,
    ParamSpec,
    Protocol,
    Self,
    TypedDict,
    TypeVar,
    Unpack,
    overload,
)
from typing import Literal as OneOf

from msgspec.structs import replace

from penstock.api import seam
from penstock.api.run import Run
from penstock.api.runs import Runs, runs
from penstock.core import options as run_options
from penstock.core.graph import Definition, Graph
from penstock.core.importing import loading_in_worker
from penstock.core.options import DEFAULTS, Options
from penstock.define.callee import Callee
from penstock.define.pipeline import Composed
from penstock.define.site import PLAIN, Use, active
from penstock.define.trace import trace
from penstock.define.use import Bound, Usable, checked_name
from penstock.errors import DefinitionError, RunFailed

if TYPE_CHECKING:
    from penstock.run.plan import Planned
    from penstock.session import Session

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class RunOptions(TypedDict, total=False):
    """What `.options(…)` takes: see `penstock.core.options.Options`."""

    seed: int | None
    workers: int | None
    stack: str
    name: str
    tags: Sequence[str]
    note: str
    until: Any
    start: Any
    only: Any
    replace: Mapping[str, Any]
    refresh: Any
    cache: bool | None
    keep_going: bool
    on_error: OneOf["raise", "return"]
    strict: bool
    parameters: Mapping[str, Any]
    settings: Mapping[str, Any]
    logical_date: date | str
    capture: bool
    pdb: bool
    primary: str


class Pipeline(Composed[P, R]):
    """A function that calls steps. Called, it is plain Python; `.run(…)` tracks it."""

    def __init__(
        self, callee: Callee, name: str, use: Use = PLAIN, options: Options = DEFAULTS
    ) -> None:
        super().__init__(callee, name, use)
        self._options = options

    def run(self, /, *args: P.args, **kwargs: P.kwargs) -> Run[R]:
        """Run it: cached, versioned, recorded.

        Raises RunFailed if a step fails, caused by the step's own exception, and DefinitionError
        before anything runs if the pipeline is written wrongly. A rejected run is returned.
        """
        if loading_in_worker():
            raise DefinitionError(
                f"'{self.name}' is run by a module that a worker imports",
                hint='Put the call under `if __name__ == "__main__":`.',
            )
        session, options = self._session()
        definition, options = self._definition(session, options, args, kwargs)
        # Inside of a step every call is plain, whatever stands around this run.
        token = active.set(None)
        try:
            with seam.watched(options) as listeners:
                ended = session.run(definition, options, listeners)
        except KeyboardInterrupt as stopped:
            # Who left the debugger did so by its own exception, which `python -m pdb` waits for.
            raise stopped.__cause__ or stopped from None
        finally:
            active.reset(token)
        made: Run[R] = Run(ended.run, options.stack)
        if ended.run.status == "failed" and options.on_error == "raise":
            raise _failed(made) from ended.exception
        return made

    def plan(self, /, *args: P.args, **kwargs: P.kwargs) -> Sequence[Planned]:
        """What `run` would do with these arguments, step by step; nothing is run or written."""
        session, options = self._session()
        return session.plan(*self._definition(session, options, args, kwargs))

    def graph(self, /, *args: P.args, **kwargs: P.kwargs) -> Graph:
        """The graph that these arguments give, checked."""
        session, options = self._session()
        return self._definition(session, options, args, kwargs)[0].graph

    def sweep(self, /, *args: P.args, **kwargs: P.kwargs) -> Runs[R]:
        """A run for every element of the arguments that are `each(…)` or `cross(…)`.

        They show themselves as a table of what they differ in, with the `best` marked.
        """
        with seam.many():
            made = [self.run(*one, **named) for one, named in self.spread(args, kwargs)]
        return Runs(made, stack=self._options.stack)

    def bind(self, /, *args: P.args, **kwargs: P.kwargs) -> BoundPipeline[R]:
        """A call with its arguments, to be made, run or planned later."""
        return BoundPipeline(self, args, kwargs)

    def runs(
        self,
        where: str = "",
        *,
        sort: str | Sequence[str] = (),
        tag: str | None = None,
        limit: int = 50,
    ) -> Runs[R]:
        """Its runs, newest first: "depth>6 and evaluate.auc>0.7", `sort="-evaluate.auc"`."""
        return runs(
            self.name, where=where, sort=sort, tag=tag, limit=limit, stack=self._options.stack
        )

    def options(self, **given: Unpack[RunOptions]) -> Self:
        """How its runs are to go; what is left out is for the environment and the project to say.

        To be found again: `name`, `tags`, `note`. Where and how: `stack`, `workers` (processes; 0 is
        this one), `seed`, `logical_date`, `capture` (keep what steps print), `pdb`. Which part:
        `until`, `start` (the command line's `--from`), `only`, `replace` ({step: artifact}). What is
        reused: `cache=False` for nothing, `refresh` for steps to execute though they are known;
        `strict` fails a step that reads what its key does not know. After a failure: `keep_going`, and
        `on_error="return"` for the failed run instead of RunFailed. From outside the code:
        `parameters` of the pipeline, `settings` of steps ({"fit.retries": 2}). Steps may be given as
        names or as the steps themselves.
        """
        return type(self)(
            self.callee, self.name, self._use, run_options.options(self._options, **given)
        )

    @overload
    def __get__(self, instance: None, owner: type) -> Pipeline[P, R]: ...
    @overload
    def __get__(
        self: Pipeline[Concatenate[S, Q], R], instance: S, owner: type | None = None
    ) -> Pipeline[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Pipeline[Any, R]:
        callee = self.callee.bound(instance, owner)
        if callee is self.callee:
            return self
        return Pipeline(callee, self.name, self._use, self._options)

    # ---- inner

    def _parts(self) -> tuple[Any, ...]:
        return self.callee, self.name, self._use, self._options

    def _with(self, use: Use) -> Self:
        return type(self)(self.callee, self.name, use, self._options)

    def _session(self) -> tuple[Session, Options]:
        session = seam.session(self._options.stack)
        options = session.stack.options(self._options)
        if options.stack not in ("", self._options.stack):
            session = seam.session(options.stack)
        if self._use.name and not options.name:
            options = replace(options, name=self._use.name)
        return session, options

    def _definition(
        self, session: Session, options: Options, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[Definition, Options]:
        kwargs = seam.arguments(self.callee, self.name, args, kwargs, options)
        # One date for the whole run, though midnight may come while the graph is built.
        date = options.logical_date or datetime.now(UTC).date().isoformat()
        definition = trace(self, args, kwargs, session.environment(), logical_date=date)
        return definition, replace(options, logical_date=date)


Usable.form = staticmethod(lambda one: seam.form("usable_form", one))


class BoundPipeline(Bound[R], Generic[R]):
    """A pipeline with its arguments."""

    __slots__ = ("_pipeline",)

    def __init__(
        self, pipeline: Pipeline[Any, R], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        super().__init__(pipeline, args, kwargs)
        self._pipeline = pipeline

    def run(self) -> Run[R]:
        return self._pipeline.run(*self.args, **self.kwargs)

    def plan(self) -> Sequence[Planned]:
        return self._pipeline.plan(*self.args, **self.kwargs)

    def graph(self) -> Graph:
        return self._pipeline.graph(*self.args, **self.kwargs)

    def _repr_html_(self) -> str | None:
        return seam.form("bound_form", self._pipeline, self.args, self.kwargs)


class Configured(Protocol):
    """`@pipeline(…)`: what is left to do is to be given the function."""

    def __call__(self, function: Callable[P, R], /) -> Pipeline[P, R]: ...


@overload
def pipeline(function: Callable[P, R], /) -> Pipeline[P, R]: ...
@overload
def pipeline(
    *, name: str = "", primary: str = "", options: RunOptions | None = None
) -> Configured: ...
def pipeline(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    primary: str = "",
    options: RunOptions | None = None,
) -> Any:
    """Make a pipeline of a function that calls steps: `@pipeline`, or `@pipeline(name=…)`.

    `primary` is the metric by which its runs are judged: "evaluate.auc", or "-evaluate.loss" where
    lower is better.
    """

    def decorate(function: Callable[..., Any], frame: FrameType | None = None) -> Any:
        if isinstance(function, Composed):
            raise DefinitionError(
                f"'{function.name}' is a pipeline already ({function.callee.where})",
                hint="Leave one decorator out.",
            )
        callee = Callee(function, "pipeline", frame or sys._getframe(1))
        judged: RunOptions = {"primary": primary} if primary else {}
        given = run_options.options(DEFAULTS, **{**(options or {}), **judged})
        return Pipeline(callee, checked_name(name or callee.name), PLAIN, given)

    return decorate if function is None else decorate(function, sys._getframe(1))


def _failed(run: Run[Any]) -> RunFailed:
    told = "a step failed"
    if (error := run.error) is not None:
        first, newline, rest = error.message.partition("\n")
        told = f"{first} ({error.type}){newline}{rest}"
    return RunFailed(
        f"run {run.id} of '{run.pipeline}' failed: {told}",
        hint="Mend it and run it again: what is done is reused.",
        run=run,
    )
