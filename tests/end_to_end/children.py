"""Children of a process that has imported Penstock and nothing of a project: fresh, and fast to make."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOADED = ("penstock", "penstock.session", "penstock.client", "penstock.define.closure")


def begin() -> None:
    """What every child will need. No store is opened here, and no serializer's library loaded."""
    sys.dont_write_bytecode = True
    for name in LOADED:
        importlib.import_module(name)


def child(work: Callable[[], Any], *folders: Path) -> Any:
    """What `work` returns (as JSON) in a child of its own, with these folders to import from."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            sys.path[:0] = [str(folder) for folder in folders]
            importlib.invalidate_caches()
            # Files written after the parent began are what this process loads all the same.
            with os.fdopen(write, "w") as out:
                json.dump(work(), out)
            status = 0
        except BaseException:  # it is told, and the child ends here whatever it was
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as told:
        text = told.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise SystemExit(f"a child ended with status {status}")
    return json.loads(text)
