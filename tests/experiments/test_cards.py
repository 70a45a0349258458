"""What is known of an artifact: who made it and who took it, without reading the same records twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from penstock import each, pipeline, step
from penstock.client import Client
from penstock.core.records import StepRecord
from penstock.experiments.artifact import card, find
from penstock.testing import in_memory


class Counting(Client):
    """Remembers of which steps it was asked for the records."""

    asked: list[str | None]

    def steps(self, run: str, node: str | None = None) -> Sequence[StepRecord]:
        self.asked.append(node)
        return super().steps(run, node)


@step
def load(file: Path) -> int:
    return int(file.read_text())


@step
def probe(rows: int, k: int) -> int:
    return rows * k


@step
def plain(count: int) -> int:
    return count


@pipeline
def training(file: Path) -> None:
    probe.map(load(file), each([*range(30)]))
    plain(7)


def test_of_a_map_that_took_it_the_records_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "a.txt"
    file.write_text("7")
    with in_memory() as session:
        run = training.run(file)
        reader = Counting(session.stack)
        reader.asked = []
        made = find(reader, f"{run.id}/load").manifest
        given = reader.manifest(reader.step(run.id, "load").copies["file"].artifact)
        reader.asked.clear()
        # `plain` was given an equal number, and took nothing of `load`.
        taken = [(one.step, one.parameter) for one in card(reader, made).used_by]
        assert taken == [(f"probe[{at}]", "rows") for at in range(30)]
        assert sorted(map(str, reader.asked)) == ["plain", "probe"]
        reader.asked.clear()
        assert [(one.step, one.parameter) for one in card(reader, given).used_by] == [
            ("load", "file")
        ]
        assert reader.asked == []
