"""Bytecode that may be of another version of its source is not left for the next process."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from penstock.core.importing import YOUNG, distrust_young_bytecode


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A first-party module, imported with bytecode, written long ago."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"mine_{tmp_path.name}"
    write(tmp_path / f"{name}.py", "VALUE = 1\n", age=60)
    made = importlib.import_module(name)
    assert Path(made.__cached__).exists()
    yield made
    del sys.modules[name]


def write(file: Path, text: str, *, age: float) -> None:
    file.write_text(text)
    then = time.time() - age
    os.utime(file, (then, then))


def test_bytecode_of_an_old_source_stays(module: ModuleType) -> None:
    distrust_young_bytecode()
    assert Path(module.__cached__).exists()


def test_bytecode_of_a_young_source_goes(module: ModuleType) -> None:
    os.utime(str(module.__file__))
    distrust_young_bytecode()
    assert not Path(module.__cached__).exists()


def test_a_module_that_was_looked_at_is_looked_at_again_once_it_is_reloaded(
    module: ModuleType,
) -> None:
    distrust_young_bytecode()
    write(Path(str(module.__file__)), "VALUE = 22\n", age=YOUNG / 4)
    importlib.reload(module)
    assert module.VALUE == 22
    distrust_young_bytecode()
    assert not Path(module.__cached__).exists()
