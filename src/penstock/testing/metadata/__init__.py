"""What every metadata store must do: subclass `MetadataStoreSuite` and give it a fixture `store`.

class TestMine(MetadataStoreSuite):
    @pytest.fixture
    def store(self, tmp_path):
        return MyStore(tmp_path)
"""

from __future__ import annotations

import pytest

from penstock.core.ports import MetadataStore
from penstock.testing.metadata.filtering import FilteringSuite
from penstock.testing.metadata.owning import OwningSuite
from penstock.testing.metadata.reading import ReadingSuite
from penstock.testing.metadata.records import (
    DEAD,
    LATER,
    NOTHING,
    a_manifest,
    a_run,
    again,
    finish,
    parts_of,
    performed,
    running,
    statuses,
)
from penstock.testing.metadata.reusing import ReusingSuite
from penstock.testing.metadata.sweeping import SweepingSuite

__all__ = [
    "DEAD",
    "LATER",
    "NOTHING",
    "MetadataStoreSuite",
    "a_manifest",
    "a_run",
    "again",
    "finish",
    "parts_of",
    "performed",
    "running",
    "statuses",
]


class MetadataStoreSuite(OwningSuite, ReusingSuite, ReadingSuite, FilteringSuite, SweepingSuite):
    @pytest.fixture
    def store(self) -> MetadataStore:
        raise NotImplementedError("give a fixture `store`: an empty metadata store")
