"""Errors as people want them: our own in a few words, theirs without our frames in between.

In a script by `sys.excepthook`, in IPython by the method that it asks an exception for. Both are
put in place when the first session opens or something turns out to be wrongly written or called, and
left alone where somebody else has been there before.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from penstock.api import seam
from penstock.api.run import Run
from penstock.core.naming import is_first_party
from penstock.errors import PenstockError, RunFailed

OURS = str(Path(__file__).parents[1]) + os.sep
RENDER = "_render_traceback_"
"""What IPython calls, if an exception has it: the lines to show instead of a traceback."""


def mind() -> None:
    """Have errors told in this way from now on."""
    if os.environ.get("PENSTOCK_TRACEBACK"):
        return
    if "IPython" in sys.modules and not hasattr(PenstockError, RENDER):
        setattr(PenstockError, RENDER, _rendered)
    if sys.excepthook is sys.__excepthook__ and _is_script():
        sys.excepthook = _told


def interrupted(stop: KeyboardInterrupt) -> None:
    """This interrupt ended a run: say how to go on, wherever it is shown."""
    from penstock.views.failure import cancelled

    # Ready to be said: where an import runs in the hook, Python forgets that it was interrupted,
    # and does not end as a shell expects of that.
    stop.__dict__["penstock"] = [*cancelled(_again())]
    if "IPython" in sys.modules:
        setattr(stop, RENDER, lambda: ["cancelled; what is done is kept: run it again to go on"])


def _is_script() -> bool:
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    interactive = sys.flags.interactive or hasattr(sys, "ps1")
    return bool(script) and is_first_party(script) and not interactive


# ---- a script


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt) and "penstock" in error.__dict__:
        _say(error.__dict__["penstock"])
    elif isinstance(error, RunFailed) and isinstance(error.run, Run):
        _say(_of_run(error.run))
    elif isinstance(error, PenstockError):
        from penstock.views.colors import colors, paint

        red = ("red", "bold") if colors(sys.stderr) else ()
        at = _last_line(trace)
        _say([paint("error: ", *red) + error.message, *_hint(error), *([f"  {at}"] if at else [])])
    else:
        kept = without_ours(trace)
        sys.__excepthook__(kind, error.with_traceback(kept), kept)


def _say(lines: Iterable[str]) -> None:
    sys.stdout.flush()
    sys.stderr.write("".join(line + "\n" for line in lines))


def _hint(error: PenstockError) -> list[str]:
    return [f"  {line}" for line in error.hint.splitlines()]


def _of_run(run: Run[Any]) -> Iterable[str]:
    from penstock.views.colors import colors
    from penstock.views.drawing import Pen
    from penstock.views.failure import broken, failed

    client = seam.client(run.stack)
    steps = client.steps(run.id)
    logged = any(client.log_path(step).exists() for step in broken(steps)[:1])
    return failed(run.record, steps, _again(), Pen(colored=colors(sys.stderr)), logged=logged)


def _again() -> str:
    """The command that was given."""
    words = [*sys.orig_argv]
    words[0] = Path(words[0]).name
    return shlex.join(words)


def _last_line(trace: TracebackType | None) -> str:
    """Where in the user's code it came to that."""
    found = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if not code.co_filename.startswith(OURS) and is_first_party(code.co_filename):
            found = f"at {code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def without_ours(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without our own frames; all of it, if the error is our own."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    if not frames or _is_ours(frames[-1]):
        return frames[0] if frames else None
    kept: TracebackType | None = None
    for one in reversed(frames):
        if not _is_ours(one):
            kept = TracebackType(kept, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return kept


def _is_ours(trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename.startswith(OURS)


# ---- IPython


def _rendered(error: PenstockError) -> list[str]:
    name = type(error).__name__
    if isinstance(error, RunFailed) and error.__cause__ is not None:
        from traceback import TracebackException

        cause = error.__cause__
        shown = TracebackException(type(cause), cause, without_ours(cause.__traceback__))
        return ["".join(shown.format()), f"{name}: {error.message}", *_hint(error)]
    return [f"{name}: {error.message}", *_hint(error)]
