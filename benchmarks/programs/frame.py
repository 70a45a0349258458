"""A frame of 8 mixed columns through three steps: frame.py VARIANT LIBRARY ROWS."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from penstock import pipeline, step

VARIANT, LIBRARY, ROWS = sys.argv[1], sys.argv[2], int(sys.argv[3])
PANDAS = LIBRARY == "pandas"
if PANDAS:
    import pandas as frames
else:
    import polars as frames
NAMES = np.array([f"passenger {n:05d}" for n in range(9973)], dtype=object)
KINDS = ["economy", "premium", "business", "first"]


@step
def make(rows: int) -> frames.DataFrame:
    random = np.random.default_rng(7)
    score = random.random(rows, np.float32)
    score[::50] = np.nan
    when = np.datetime64("2024-01-01", "us") + random.integers(0, 10**13, rows).astype("m8[us]")
    names = pa.DictionaryArray.from_arrays(random.integers(0, len(NAMES), rows), pa.array(NAMES))
    columns: dict[str, Any] = {
        "id": np.arange(rows),
        "gate": random.integers(0, 300, rows, np.int32),
        "fare": random.random(rows),
        "score": score,
        "when": when,
        "late": random.random(rows) < 0.2,
    }
    codes = random.integers(0, len(KINDS), rows, np.int8)
    if PANDAS:
        columns["name"] = frames.array(names.cast(pa.large_string()), dtype="str")
        columns["kind"] = frames.Categorical.from_codes(codes, KINDS)
        return frames.DataFrame(columns)
    columns["name"] = frames.Series(names.cast(pa.large_string()))
    kinds = frames.Series(KINDS, dtype=frames.Enum(KINDS))
    columns["kind"] = kinds.gather(codes)
    return frames.DataFrame(columns)


@step
def reprice(rows: frames.DataFrame) -> frames.DataFrame:
    if PANDAS:
        return rows.assign(fare=rows["fare"] * 1.19)
    return rows.with_columns(frames.col("fare") * 1.19)


@step
def regate(rows: frames.DataFrame) -> frames.DataFrame:
    if PANDAS:
        return rows.assign(gate=rows["gate"] + 1, late=~rows["late"])
    return rows.with_columns(frames.col("gate") + 1, ~frames.col("late"))


@pipeline
def three(rows: int) -> frames.DataFrame:
    return regate(reprice(make(rows)))


def by_hand(rows: int) -> None:
    """The same loop with Arrow's IPC files, brought to the disk, and mapped when they are read."""
    folder = Path("by_hand")
    folder.mkdir(exist_ok=True)
    value: Any = rows
    # A step that is called outside a pipeline is its plain function.
    for number, function in enumerate((make, reprice, regate)):
        file = folder / f"{number}.arrow"
        if number:
            source = pa.memory_map(str(folder / f"{number - 1}.arrow"))
            table = pa.ipc.open_file(source).read_all()
            value = table.to_pandas() if PANDAS else frames.from_arrow(table)
        if not file.exists():
            value = function(value)
            table = pa.Table.from_pandas(value) if PANDAS else value.to_arrow()
            with open(f"{file}.part", "wb") as part:
                with pa.ipc.new_file(part, table.schema) as writer:
                    writer.write_table(table)
                part.flush()
                os.fsync(part.fileno())
            os.replace(f"{file}.part", file)


if __name__ == "__main__":
    if VARIANT == "by-hand":
        by_hand(ROWS)
    else:
        three.run(ROWS)
