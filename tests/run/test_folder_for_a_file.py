"""A folder in a stored file's place, as a careless restore or a tool leaves it."""

from __future__ import annotations

from pathlib import Path

from penstock import pipeline, step
from penstock.core import liveness
from penstock.run import recovery
from penstock.session import session


@step
def make() -> bytes:
    return b"x" * 9_000


@pipeline
def flow() -> bytes:
    return make()


def test_a_folder_in_a_file_s_place_is_told_with_the_command_that_mends_it(
    penstock_project: Path,
) -> None:
    flow.run()
    (file,) = Path(".penstock/artifacts").glob("??/*")
    file.unlink()
    file.mkdir()
    run = flow.options(on_error="return").run()
    assert run.error is not None
    assert "Is a directory" in run.error.message
    assert "`penstock doctor --repair` mends it." in run.error.message
    stack = session().stack
    found = recovery.doctor(
        stack.metadata, stack.artifacts.store, repair=True, boot=liveness.boot()
    )
    assert [one.repaired for one in found] == [True]
    assert flow.run().result() == b"x" * 9_000
