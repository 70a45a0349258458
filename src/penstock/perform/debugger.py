"""The debugger that the user has chosen, let in where their code failed, or at its first line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType, TracebackType
from typing import Any

from penstock.core.failing import OURS, describe
from penstock.perform.arguments import invoke

VARIABLE = "PYTHONBREAKPOINT"
"""Python's own: "ipdb.set_trace" makes `breakpoint()` ipdb, and so it does here."""


def post_mortem(error: BaseException) -> None:
    """Say what went wrong, and stop there: in the user's frames, whatever of ours lies around them.

    Nothing is to be seen where none of them is left: where a result could not be stored, say; nobody
    can ask where there is no standard input.
    """
    if is_quit(error):
        return
    told = describe(error)
    sys.stderr.write(told.traceback or f"{told.type}: {told.message}\n")
    sys.stderr.flush()
    frames = users_frames(error.__traceback__)
    if frames is None or sys.stdin is None:
        return
    chosen = _chosen()
    stop = getattr(chosen, "post_mortem", None)
    if stop is None:
        debugger = chosen.Pdb()
        debugger.reset()
        debugger.interaction(None, frames)
    else:
        stop(frames)


def step_through(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call it, and stop at its first line."""
    debugger = (getattr(_chosen(), "Pdb", None) or import_module("pdb").Pdb)()

    @wraps(function)
    def stopped(*args: Any, **kwargs: Any) -> Any:
        return debugger.runcall(function, *args, **kwargs)

    return invoke(stopped, arguments)


def is_quit(error: BaseException) -> bool:
    """Whether somebody left the debugger, which ends the program, as Ctrl-C does."""
    return type(error).__name__ == "BdbQuit" and type(error).__module__ == "bdb"


def users_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Without our own frames before and after the user's; None where there are no others."""
    chain: list[TracebackType] = []
    while traceback is not None:
        chain.append(traceback)
        traceback = traceback.tb_next
    while chain and _is_ours(chain[-1]):
        chain.pop()
    while chain and _is_ours(chain[0]):
        chain.pop(0)
    made: TracebackType | None = None
    for one in reversed(chain):
        made = TracebackType(made, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return made


def _is_ours(one: TracebackType) -> bool:
    return one.tb_frame.f_code.co_filename.startswith(OURS)


def _chosen(environment: Mapping[str, str] = os.environ) -> ModuleType:
    """What PYTHONBREAKPOINT names, where that can be let in; ipdb if it is here; else pdb."""
    named = environment.get(VARIABLE, "").rpartition(".")[0]
    typed = sys.stdin is not None and sys.stdin.isatty()
    wanted = [named] if named else ["ipdb"] if typed and find_spec("ipdb") else []
    for name in wanted:
        try:
            module = import_module(name)
        except ImportError:
            continue
        if hasattr(module, "post_mortem") or hasattr(module, "Pdb"):
            return module
    return import_module("pdb")
