"""Random edits of a small package: whatever changes what a step returns changes its digest."""

from __future__ import annotations

import importlib
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from mutations import PACKAGE, STEPS, edited

from penstock.define.closure import Closures


def loaded(texts: dict[str, str], folder: Path) -> ModuleType | None:
    """The steps, freshly imported; None if the package does not even import."""
    package = folder / "mutated"
    package.mkdir(parents=True)
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text)
    for name in [name for name in sys.modules if name.partition(".")[0] == "mutated"]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        return importlib.import_module("mutated.steps")
    except Exception:  # An edit may break anything.
        return None
    finally:
        sys.path.remove(str(folder))


def outcome(function: Callable[[int], object]) -> list[str]:
    found = []
    for x in (3, 5, 60):
        try:
            found.append(re.sub(r" at 0x[0-9a-f]+| from '.*'", "", repr(function(x))))
        except Exception as error:  # An edit may break anything.
            found.append(f"{type(error).__name__}: {error}")
    return found


@pytest.mark.parametrize("seed", range(10))
def test_no_random_edit_leaves_a_digest_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    chance = random.Random(seed)
    texts, what = PACKAGE, "unedited"
    sound = PACKAGE
    known: dict[tuple[str, str], tuple[list[str], str]] = {}
    kept = 0

    for i in range(40):
        folder = tmp_path / str(i)
        steps = loaded(texts, folder)
        if steps is not None:
            kept, sound = kept + 1, texts
            closures = Closures(folder, repr)
            names = [name for name in STEPS if hasattr(steps, name)]
            # First all digests: running a step may change what it reaches.
            digests = {name: closures.closure(getattr(steps, name)).digest for name in names}
            for name, digest in digests.items():
                came = outcome(getattr(steps, name))
                before, made_by = known.setdefault((name, digest), (came, what))
                assert came == before, f"{name} after '{what}' is taken for '{made_by}'"
        texts, what = edited(sound if i % 3 else PACKAGE, chance)
    assert kept > 20
