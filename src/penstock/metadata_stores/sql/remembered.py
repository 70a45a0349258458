"""The rows of calls that this process read or wrote lately, so that reuse can refer to them."""

from __future__ import annotations

from penstock.core.records import CallRecord

LIMIT = 1024


class Remembered:
    """(id, record) of a call by key: bounded, the oldest forgotten first."""

    def __init__(self) -> None:
        self._calls: dict[str, tuple[int, CallRecord]] = {}

    def get(self, key: str) -> tuple[int, CallRecord] | None:
        return self._calls.get(key)

    def put(self, key: str, id: int, record: CallRecord) -> None:
        self._calls.pop(key, None)
        self._calls[key] = (id, record)
        if len(self._calls) > LIMIT:
            try:
                del self._calls[next(iter(self._calls))]
            except (KeyError, RuntimeError, StopIteration):
                pass  # another thread was faster

    def clear(self) -> None:
        self._calls.clear()
