"""The one place where the faces for users reach what runs pipelines: loaded when first needed."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.core.naming import is_first_party
from penstock.core.options import Options
from penstock.core.project import Project, find_project
from penstock.define.callee import Callee
from penstock.errors import PenstockError

if TYPE_CHECKING:
    # An import at the top would make every script pay for the engine, whether it runs or not.
    from penstock.client import Client
    from penstock.core.ports import RunFilter
    from penstock.core.records import RunRecord
    from penstock.experiments.artifact import Card
    from penstock.experiments.compare.comparison import Comparison
    from penstock.experiments.links import Lineage
    from penstock.experiments.listing import Listing
    from penstock.session import Session
    from penstock.views.choice import View


def project() -> Project:
    """Of the script that runs, where one does; of the working directory in a notebook or a test."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script and script.endswith(".py") and is_first_party(script):
        return find_project(Path(script).resolve().parent)
    return find_project(Path.cwd())


_used: list[Session] = []


@contextmanager
def using(session: Session) -> Iterator[None]:
    """In this block everything runs in this session, whatever project and stack is asked for."""
    _used.append(session)
    try:
        yield
    finally:
        _used.remove(session)


def session(stack: str = "", *, reading: bool = False) -> Session:
    """The session of this project; one for `reading` leaves no trace."""
    if _used:
        return _used[-1]
    engine = _engine()
    # First: what is wrong with the project's file or the stores is told in the same way.
    import_module("penstock.api.manners").mind()
    opened: Session = engine.session(project(), stack, reading=reading)
    return opened


def _engine() -> Any:
    # What an import makes stays: to look through it for garbage, over and over, takes 7 ms.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return import_module("penstock.session")
    finally:
        if collecting:
            gc.enable()


def client(stack: str = "") -> Client:
    made: Client = import_module("penstock.client").Client(session(stack).stack)
    return made


# ---- what people see


cells: list[Callable[[], View | None]] = []
"""Makes the view of a run in a notebook, once `%load_ext penstock` was said."""
_watched: list[View] = []
_looking = threading.Lock()
"""Of runs that threads begin at once, one has the terminal."""
_many: list[None] = []


@contextmanager
def watched(options: Options) -> Iterator[Sequence[View]]:
    """Who looks on while a run goes on: somebody at a terminal, or in front of a notebook."""
    with _looking:
        view = None if options.pdb or _used or _watched else _view()
        if view is not None:
            _watched.append(view)
    try:
        if view is None:
            yield ()
            return
        try:
            yield (view,)
        finally:
            _watched.remove(view)
            view.close()
    except KeyboardInterrupt as stop:
        import_module("penstock.api.manners").interrupted(stop)
        raise


@contextmanager
def many() -> Iterator[None]:
    """Runs in this block are some of many: each leaves a line behind, and no tree."""
    _many.append(None)
    try:
        yield
    finally:
        _many.pop()


def _view() -> View | None:
    stream: Any = sys.stderr
    if import_module("penstock.perform.context").current() is not None:
        return None  # It is a step that runs it: the run around is looked at.
    if cells:
        return cells[-1]()
    if stream is None:
        return None
    asked = os.environ.get("PENSTOCK_PROGRESS")
    if not asked and not stream.isatty():
        return None  # Only who looks on pays for what is seen.
    choice = import_module("penstock.views.choice")
    shown = choice.shown(stream, in_pipe="off")
    found: View | None = choice.view(stream, shown, summary=True, brief=bool(_many))
    return found


def form(kind: str, *given: Any) -> str | None:
    """HTML for a notebook; None, at which it shows the repr, where a store has not what it takes."""
    try:
        made: str | None = getattr(import_module("penstock.api.notebook"), kind)(*given)
    except PenstockError:
        return None
    return made


def card(client: Client, address: str) -> Card:
    module = import_module("penstock.experiments.artifact")
    made: Card = module.card(client, module.find(client, address).manifest)
    return made


def lineage(client: Client, address: str) -> Lineage:
    found = import_module("penstock.experiments.artifact").find(client, address)
    made: Lineage = import_module("penstock.experiments.lineage").lineage(client, found)
    return made


def compare(client: Client, *runs: str, everything: bool, judged: str) -> Comparison:
    module = import_module("penstock.experiments.compare.comparison")
    made: Comparison = module.compare(client, *runs, everything=everything, judged=judged)
    return made


def runs(
    stack: str, *, where: str, sort: Sequence[str], **wanted: Any
) -> tuple[Sequence[RunRecord], RunFilter]:
    """The runs that are wanted, and the filter that this makes."""
    reader = client(stack)
    filter = import_module("penstock.core.ports").RunFilter(**wanted)
    chosen = reader.chosen(filter, where, sort)
    return reader.runs(chosen), chosen


def listing(client: Client, runs: Sequence[RunRecord], filter: RunFilter | None) -> Listing:
    made: Listing = import_module("penstock.experiments.listing").beside(client, runs, filter)
    return made


def frame(client: Client, runs: Sequence[RunRecord]) -> Any:
    return import_module("penstock.experiments.listing").frame(client, runs)


def arguments(
    callee: Callee,
    name: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    options: Options,
) -> dict[str, Any]:
    """The keywords of a run, with the parameters that come from outside of the code."""
    if not options.parameters:
        return dict(kwargs)
    bound = callee.binding.bind(args, kwargs, "", partial=True)
    outside = import_module("penstock.api.arguments").outside
    return {**kwargs, **outside(callee, name, options.parameters, bound)}
