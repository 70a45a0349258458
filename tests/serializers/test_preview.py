"""A look into artifacts of every format: some rows and values, never a pickle, never the whole."""

from __future__ import annotations

import datetime as dt
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from everyday import Box, Level, Pair
from PIL import Image

from penstock.artifacts.files import fetched
from penstock.serializers import default_serializers
from penstock.serializers.preview import LONGEST, Preview, preview
from penstock.testing.serializer import Artifacts, artifacts


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


def look(shelf: Artifacts, value: Any) -> Preview:
    manifest, _ = shelf.encode(value, scratch=shelf.root)
    return preview(manifest, dict(fetched(shelf.store, manifest)))


FRAME = pd.DataFrame({"a": range(1000), "b c": ["x", None] * 500})


@pytest.mark.parametrize(
    "table", [FRAME, pl.from_pandas(FRAME), pa.Table.from_pandas(FRAME)], ids=["pandas", "polars", "arrow"]
)  # fmt: skip
def test_of_a_table_the_first_rows(shelf: Artifacts, table: Any) -> None:
    found = look(shelf, table)
    assert found.columns == ("a", "b c")
    assert (len(found.rows), found.rows[:2], found.more) == (10, (("0", "x"), ("1", "")), True)


def test_of_a_wide_table_the_first_columns_also_if_names_stand_twice(shelf: Artifacts) -> None:
    wide = pd.DataFrame(np.zeros((2, 500)), columns=["same"] * 500)
    found = look(shelf, wide)
    assert (len(found.columns), len(found.rows[0]), found.more) == (30, 30, True)


def test_objects_in_a_frame_are_written_about_as_python_would(shelf: Artifacts) -> None:
    cells: list[Any] = [dt.date(2024, 2, 29), [1, (2,)], None, pd.NaT]
    frame = pd.DataFrame({"o": pd.Series(cells, [4, 5, 6, 7], dtype=object)})
    found = look(shelf, frame)
    assert [row[1] for row in found.rows] == ["date('2024-02-29')", "[1, (2,)]", "None", "NaT"]


def test_moments_that_python_cannot_say_are_shown_all_the_same(shelf: Artifacts) -> None:
    table = pa.table({"at": pa.array([2**62, 1], pa.timestamp("s"))})
    assert len(look(shelf, table).rows) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"auc": 0.5, "n": None}, "{'auc': 0.5, 'n': None}"),
        ((1, {2}, [b"x", 1.5]), "(1, {2}, [b'x', 1.5])"),
        ({1: float("nan"), (1, 2): Level.HIGH}, "{1: nan, (1, 2): Level.HIGH}"),
        (Pair(1, dt.date(2024, 2, 29)), "Pair(left=1, right=date('2024-02-29'))"),
        (Box[int](value=3), "Box(value=3)"),
        ({"x": np.arange(3), "f": FRAME}, "{'x': <ndarray 3>, 'f': <DataFrame 1000 × 2>}"),
        ([np.uint8(3), np.float32("inf"), np.str_("é"), np.str_("")], "[3, inf, 'é', '']"),
        ((np.datetime64("2024-02-29"),), "(2024-02-29,)"),
        (
            {"at": pd.Timestamp("2024-02-29", tz="UTC"), "n": pd.NA},
            "{'at': 2024-02-29 00:00:00+00:00, 'n': <NA>}",
        ),
        ("\x1b[31m\ud800", r"'\x1b[31m\ud800'"),
        ([2**80, -(2**80)], f"[{2**80}, {-(2**80)}]"),
        pytest.param(7**20_000, f"{7**20_000:#x}"[:LONGEST], id="a large int"),
    ],
)
def test_plain_values_are_written_about_as_python_would(
    shelf: Artifacts, value: Any, text: str
) -> None:
    assert look(shelf, value).text == text


def test_a_long_value_is_cut(shelf: Artifacts) -> None:
    for value in (list(range(1_000_000)), "x" * 5_000_000, {"deep": [["y" * 10_000]]}):
        found = look(shelf, value)
        assert len(found.text) <= LONGEST
        assert found.more


LOUD = """
from dataclasses import dataclass
from pathlib import Path

Path(__file__).with_name("imported").touch()

@dataclass
class Plain:
    x: int

class Held:
    def __init__(self):
        self.x = 1

    def __setstate__(self, state):
        Path(__file__).with_name("unpickled").touch()
"""
LOOKING = """
import sys, msgspec
from pathlib import Path
from penstock.core.records import Manifest
from penstock.serializers.preview import preview

folder = Path(sys.argv[1])
sys.path.append(str(folder))
manifest = msgspec.json.decode((folder / "manifest").read_bytes(), type=Manifest)
found = preview(manifest, {file.name: folder / file.name for file in manifest.files})
print(found.text, "loud" in sys.modules)
"""


def test_nobodys_class_is_imported_and_no_pickle_is_read(
    shelf: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loud.py").write_text(LOUD)
    monkeypatch.syspath_prepend(tmp_path)
    loud = importlib.import_module("loud")
    texts = {
        "[Plain(x=1), <pickled>]": shelf.encode([loud.Plain(1), loud.Held()]),
        "": shelf.encode(loud.Held()),
        "Plain(x=1)\nHeld, pickled": shelf.encode(iter([loud.Plain(1), loud.Held()])),
    }
    del sys.modules["loud"]
    for text, (manifest, _) in texts.items():
        for name, data in fetched(shelf.store, manifest).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.read_bytes())
        (tmp_path / "manifest").write_bytes(msgspec.json.encode(manifest))
        (tmp_path / "imported").unlink(missing_ok=True)
        # In a process that has none of its classes, and could import them.
        done = subprocess.run(
            [sys.executable, "-c", LOOKING, tmp_path], capture_output=True, text=True, check=True
        )
        assert done.stdout == f"{text} False\n"
        assert not (tmp_path / "imported").exists()
        assert not (tmp_path / "unpickled").exists()


def test_an_array_is_summed_up(shelf: Artifacts) -> None:
    assert look(shelf, np.arange(3)).text == "[0 1 2]"
    assert "..." in look(shelf, np.zeros((1000, 1000))).text


def test_of_tensors_names_types_and_shapes(shelf: Artifacts) -> None:
    import torch

    found = look(shelf, {"w": torch.zeros(3, 4), "b": torch.ones(())})
    assert set(found.rows) == {("w", "F32", "3 × 4"), ("b", "F32", "scalar")}


def test_a_picture_is_named(shelf: Artifacts) -> None:
    found = look(shelf, Image.new("RGB", (4, 3)))
    assert (found.picture, found.text) == ("picture.png", "mode: RGB")


def test_of_a_stream_the_first_items(shelf: Artifacts) -> None:
    found = look(shelf, ({"n": n} for n in range(3000)))
    assert found.text.splitlines() == [f"{{'n': {n}}}" for n in range(10)]
    assert found.more
    mixed = look(shelf, iter([1, np.zeros((2, 2)), object]))
    assert mixed.text.splitlines() == ["1", "ndarray 2 × 2", "type, pickled"]
    assert look(shelf, iter([])) == Preview()


def test_of_files_their_names_and_of_one_text_its_beginning(shelf: Artifacts) -> None:
    (shelf.root / "note.txt").write_text("one\ntwo\x1b[2J\n")
    found = look(shelf, shelf.root / "note.txt")
    assert (found.rows, found.text) == ((("note.txt", "12"),), "one\ntwo\x1b[2J")
    (shelf.root / "blob").write_bytes(bytes(range(256)))
    assert look(shelf, shelf.root / "blob").text == ""
