"""Records of `logging`, each with its time and level, in the log of the step that runs.

`Logger.callHandlers` is where every record passes that no filter has dropped. A handler of our own
at the root would be in the way: with it there, the user's `basicConfig` does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from penstock.perform.capture import is_captured
from penstock.perform.latecomers import when_imported

Line = Callable[[str, str], None]
"""Takes a line for the log, and what the terminal shows in its place ("" for nothing)."""

_lines: list[Line] = []
_opened: list[bool] = []
_installed: list[ModuleType] = []


def begin(line: Line) -> None:
    _lines.append(line)
    logging = sys.modules.get("logging")
    if logging is None:
        when_imported("logging", _install)
        _opened.append(False)
        return
    if not _installed:
        _install(logging)
    _opened.append(_open(logging))


def end() -> None:
    _lines.pop()
    if _opened.pop():
        logging: Any = sys.modules["logging"]
        # Not if the step has configured logging: then the level is its own.
        if logging.root.level == logging.INFO and not logging.root.handlers:
            logging.root.setLevel(logging.WARNING)


def _open(logging: Any) -> bool:
    """Let INFO through where nobody has said what to let through."""
    root = logging.root
    if root.handlers or root.level != logging.WARNING:
        return False
    root.setLevel(logging.INFO)
    return True


def _install(module: ModuleType) -> None:
    logging: Any = module
    _installed.append(module)
    original = logging.Logger.callHandlers

    def call_handlers(logger: Any, record: Any) -> Any:
        if not _lines:
            return original(logger, record)
        handlers = _handlers(logger)
        if not handlers:
            # What `logging.lastResort` would print.
            loud = logging.lastResort is not None and record.levelno >= logging.lastResort.level
            _lines[-1](_format(logging, record), f"{record.getMessage()}\n" if loud else "")
            return None
        seen = any(
            record.levelno >= handler.level and is_captured(getattr(handler, "stream", None))
            for handler in handlers
        )
        if not seen:
            _lines[-1](_format(logging, record), "")
        return original(logger, record)

    logging.Logger.callHandlers = call_handlers
    # The first time that the step itself imports logging.
    if _lines and _opened and not _opened[-1]:
        _opened[-1] = _open(logging)


def _handlers(logger: Any) -> list[Any]:
    found: list[Any] = []
    while logger is not None:
        found += logger.handlers
        logger = logger.parent if logger.propagate else None
    return found


def _format(logging: Any, record: Any) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    moment = f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
    text = f"{moment} {record.levelname} {record.name}: {record.getMessage()}"
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return text + "\n"
