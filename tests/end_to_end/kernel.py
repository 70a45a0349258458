"""A notebook: a real kernel, its cells run one after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

LONGEST = 90


class CellFailed(Exception):
    """A cell raised: the name of its exception, and what it said."""


class Notebook:
    """Cells share what they define, as in front of a person."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def cell(self, code: str) -> str:
        """What the cell prints. Raises CellFailed."""
        out: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
                out.append(message["content"]["text"])

        reply = self._client.execute_interactive(
            dedent(code), output_hook=hear, timeout=LONGEST, allow_stdin=False
        )
        content = reply["content"]
        if content["status"] != "ok":
            raise CellFailed(f"{content['ename']}: {content['evalue']}")
        return "".join(out)

    def run(self, call: str) -> tuple[dict[str, str], Any]:
        """The statuses and the result of a run, like `training.run(3)`."""
        told = self.cell(
            f"""
            import json
            _run = {call}
            print("@@" + json.dumps([{{s.name: s.status for s in _run.steps}}, _run.result()]))
            """
        )
        statuses, result = json.loads(told.rpartition("@@")[2])
        return statuses, result

    def executed(self, call: str) -> set[str]:
        return {name for name, status in self.run(call)[0].items() if status == "done"}


@contextmanager
def notebook(folder: Path, environment: dict[str, str]) -> Iterator[Notebook]:
    """A kernel whose notebook stands in this folder."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(folder), env=environment)
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=LONGEST)
        yield Notebook(client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
