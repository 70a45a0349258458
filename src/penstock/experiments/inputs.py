"""What a record tells of a step's input in words: that it is a path, or came from elsewhere."""

from __future__ import annotations

import re

from penstock.core.parts import is_wire

_PATH = re.compile(r"""(?:Posix|Windows)?Path\((['"])(.*?)(?:\1\))?""", re.DOTALL)


def path(shown: str) -> str | None:
    """The file or folder that is told of, of a very long path the beginning; None of anything else."""
    found = _PATH.fullmatch(shown)
    return found[2] if found else None


def is_taken(shown: str) -> bool:
    """Whether what is told says that it came from a step, or by reference."""
    return shown == "item" or is_wire(shown) or shown.startswith(("run:", "artifact:"))
