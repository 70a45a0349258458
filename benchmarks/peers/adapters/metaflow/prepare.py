from pathlib import Path
from typing import Any

HEAD = """from metaflow import FlowSpec, step


class ChainFlow(FlowSpec):
    @step
    def start(self):
        self.number = 0
        self.next(self.add1)
"""
ADD = """
    @step
    def add{n}(self):
        self.number = self.number + 1
        self.next(self.{next})
"""
TAIL = """
    @step
    def end(self):
        pass


if __name__ == "__main__":
    ChainFlow()
"""


def prepare(work: str, *given: Any) -> None:
    """A flow is a class, so a chain of N steps is written out."""
    if work == "chain":
        names = [f"add{n + 1}" for n in range(given[0])]
        following = [*names[1:], "end"]
        steps = [
            ADD.format(n=n + 1, next=name)
            for n, name in zip(range(given[0]), following, strict=True)
        ]
        Path("chain_flow.py").write_text(HEAD + "".join(steps) + TAIL)
