"""For tests: seeded plain calls, runs in memory, and the suites that every backend passes."""

from penstock.testing.memory import in_memory
from penstock.testing.seeded import seeded
from penstock.testing.statuses import statuses

__all__ = ["in_memory", "seeded", "statuses"]
