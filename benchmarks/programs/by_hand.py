"""The other side of the comparison: one pickle file a step, as one would write it in a script."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

R = TypeVar("R")
FOLDER = Path("by_hand")


def keep(name: str, compute: Callable[[], R]) -> R:
    """The value of the file `name`, computed and written first if it is not there."""
    file = FOLDER / name
    if file.exists():
        return pickle.loads(file.read_bytes())
    value = compute()
    FOLDER.mkdir(exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(pickle.dumps(value))
    os.replace(part, file)
    return value
