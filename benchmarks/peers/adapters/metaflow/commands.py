"""`python flow.py run`, and where a run is there already `python flow.py resume`, which clones it.

https://docs.metaflow.org/metaflow/debugging#using-resume-beyond-failures,
https://docs.metaflow.org/metaflow/client
"""

import subprocess
import sys
from pathlib import Path
from typing import Any


def start(file: str, *parameters: object, resume: bool = True) -> None:
    """A run from the command line, as Metaflow's tutorials do it."""
    again = resume and Path(f".metaflow/{name_of(file)}/latest_run").exists()
    verb = ["resume"] if again else ["run", *map(str, parameters)]
    command = [sys.executable, f"{file}.py", *verb]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if "rror" in line] or ["no word"]
        raise RuntimeError(lines[-1].rpartition("] ")[2])


def run(file: str, *parameters: object, resume: bool = True) -> Any:
    """The data of its last step."""
    start(file, *parameters, resume=resume)
    return runs(file)[0].data


def runs(file: str) -> list[Any]:
    """Newest first."""
    from metaflow import Flow, namespace

    namespace(None)
    return list(Flow(name_of(file)))


def name_of(file: str) -> str:
    return file.removesuffix("_flow").capitalize() + "Flow"
