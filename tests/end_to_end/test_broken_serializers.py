"""A serializer of the user's own that fails when a step's arguments are restored."""

from __future__ import annotations

import pytest
from tests.end_to_end.place import Place

TRACKS = """
import json
from pathlib import Path
from penstock import pipeline, register, step
from penstock.core.digest import digest_struct
from penstock.core.ports import Encoded

class Track:
    def __init__(self, points):
        self.points = points

@register
class TrackSerializer:
    name = "track"

    def accepts(self, value):
        return isinstance(value, Track)

    def encode(self, value, files):
        with files.create("track.json") as file:
            file.write(json.dumps(value.points).encode())
        return Encoded(content=self.digest(value))

    def decode(self, manifest, files):
        if Path("changed").exists():
            raise KeyError("another format")
        file = files["track.json"]
        if not Path("gone").exists():
            Path("gone").touch()
            file.unlink()
        return Track(json.loads(file.read_bytes()))

    def digest(self, value):
        return digest_struct("track", value.points)

@step
def walk(count: int) -> Track:
    return Track(list(range(count)))

@step
def length(track: Track) -> int:
    return len(track.points)

@step
def beside() -> int:
    return 1

@pipeline
def walking() -> tuple[int, int]:
    return length(walk(5_000)), beside()
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_its_error_fails_the_step_that_is_given_the_value(place: Place, workers: int) -> None:
    place.write({"changed": ""}, tracks=TRACKS)
    ran = place.run("tracks:walking", workers=workers, keep_going=True)
    assert (ran.status, ran.steps) == (
        "failed",
        {"walk": "done", "length": "failed", "beside": "done"},
    )


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_goes_away_while_it_is_read_is_made_again(place: Place, workers: int) -> None:
    place.write(tracks=TRACKS)
    ran = place.run("tracks:walking", workers=workers)
    assert (ran.status, ran.result) == ("done", [5_000, 1])
