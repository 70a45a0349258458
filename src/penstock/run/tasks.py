"""What the engine has in hand: instances of steps, maps being fed, groups of instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from penstock.core.calls import Call
from penstock.core.records import Made
from penstock.run.decide import Keyed
from penstock.run.flatten import GroupTemplate, StepTemplate
from penstock.run.products import Item, Single

Items = Callable[[int], Mapping[str, Item]]


class Map(Struct):
    """A step's map: items are made a few at a time, results kept as they come."""

    template: StepTemplate
    index: str
    total: int = 0
    at: Items = lambda position: {}
    fed: int = 0
    open: int = 0
    results: list[Single | None] = field(default_factory=list)
    failed: int = 0
    reused: int = 0
    queued: int = 0
    started: int = 0


class Group(Struct):
    """A mapped pipeline: the steps of a few items at a time."""

    template: GroupTemplate
    index: str
    total: int = 0
    at: Items = lambda position: {}
    fed: int = 0
    open: dict[str, int] = field(default_factory=dict)
    """Item index to how many of its steps have not ended."""
    failed: int = 0


class Task(Struct):
    """One call to be decided and made: a step, or one item of a step's map."""

    template: StepTemplate
    index: str
    """Of this call: "", "3", "3.0"."""
    scope: str
    """Of the group that it stands in: what its inputs are looked up by."""
    item: Mapping[str, Item] = field(default_factory=dict)
    map: Map | None = None
    attempt: int = 1
    queued: int = 0
    started: int = 0
    keyed: Keyed | None = None
    reason: str = ""
    forced: bool = False
    """To be made although a result may be known: refreshed, too old, or its bytes lost."""
    healing: bool = False
    """Made again because its bytes were lost: not to be reused."""
    notes: tuple[str, ...] = ()
    copies: Mapping[str, Made] = field(default_factory=dict)
    """Of the files that it is given, by parameter."""

    @property
    def call_keyed(self) -> Keyed:
        """The key, once the call was decided."""
        assert self.keyed is not None
        return self.keyed

    @property
    def position(self) -> int:
        """Of an item: which one of its map."""
        return int(self.index.rpartition(".")[2])

    @property
    def name(self) -> str:
        return f"{self.template.id}[{self.index}]" if self.index else self.template.id


class Running(Struct, frozen=True):
    """A call that an executor has."""

    task: Task
    call: Call
    executor: str
