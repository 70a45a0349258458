"""A store with a long history: `python history.py COUNT` records runs of four steps through the journal."""

import random
import sys

from penstock.core.events import Barrier, RunEnded, RunStarted
from penstock.core.records import Logged, Metric, Provenance, now
from penstock.session import session
from penstock.testing.metadata import a_run, performed

MINUTE = 60_000_000


def main(count: int) -> None:
    chance = random.Random(7)
    opened = session()
    journal, project = opened.stack.metadata.journal, opened.stack.project.name
    origin = Provenance(user="ann", host="box", python="3.11.7", commit="ab12" * 10, branch="main")
    first = now() - count * MINUTE
    for at in range(count):
        begun = first + at * MINUTE
        run = a_run(
            f"{at:06x}",
            project=project,
            pipeline="training" if at % 10 else "scoring",
            created=begun,
            started=begun,
            parameters={
                "path": "flights.csv",
                "depth": chance.randrange(2, 12),
                "hyper": {"lr": chance.choice([0.01, 0.1, 0.3])},
            },
            tags=("try",) if at % 7 == 0 else (),
            options={"primary": "evaluate.auc"},
            provenance=origin,
        )
        measured = tuple(
            Metric(name, round(chance.random(), 4), None, begun) for name in ("auc", "loss", "f1")
        )
        steps = [performed(run.id, node, key=f"{node} {at}") for node in ("load", "split", "fit")]
        last = performed(run.id, "evaluate", key=f"evaluate {at}", logged=Logged(measured))
        status = "done" if chance.random() > 0.05 else "failed"
        ended = begun + chance.randrange(1, MINUTE)
        journal.append(
            journal.begin(run),
            [RunStarted(run), *steps, last, Barrier(run.id), RunEnded(run.id, status, ended)],
        )


if __name__ == "__main__":
    main(int(sys.argv[1]))
