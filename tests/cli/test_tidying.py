"""`gc`, `rm` and `keep`: what goes, what stays, and what is said of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.project import FLOW, Project

PLAIN = FLOW.replace("list(range(n))", "list(range(n + 3000))")


@pytest.fixture
def ran(project: Project) -> Project:
    """Three runs of one pipeline, each with bytes of its own, of an hour ago."""
    project.write("flow.py", PLAIN)
    code = "import flow\nfor n in (1, 2, 3): flow.training.options(tags=[f't{n}']).run(n)"
    subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, env=project.environment(), check=True
    )
    for folder, _, names in os.walk(project.root / ".penstock" / "artifacts"):
        for name in names:
            os.utime(Path(folder) / name, (1, 1))
    return project


def left(project: Project) -> list[str]:
    return [tag for run in project.penstock("runs", "--json").json for tag in run["tags"]]


def stored(project: Project) -> int:
    folders = os.walk(project.root / ".penstock" / "artifacts")
    return sum(len(name) == 62 for _, _, names in folders for name in names)


def test_gc_without_rules_removes_no_run(ran: Project) -> None:
    said = ran.penstock("gc", "--json").json
    assert (said["runs"], said["artifacts"], said["files"]) == ([], [], 0)
    assert left(ran) == ["t3", "t2", "t1"]


def test_gc_tells_what_would_go_and_then_it_goes(ran: Project) -> None:
    before = stored(ran)
    told = ran.penstock("gc", "--keep-last", "1", "--keep-tag", "t1", "--dry-run")
    assert "#t2" in told.out
    assert "would remove 1 run\nwould delete 2 artifacts in 1 file, " in told.out
    told = ran.penstock("gc", "--keep-last", "1", "--keep-tag", "t1", "--dry-run", "--json").json
    assert (left(ran), stored(ran)) == (["t3", "t2", "t1"], before)
    done = ran.penstock("gc", "--keep-last", "1", "--keep-tag", "t1", "--json").json
    assert left(ran) == ["t3", "t1"]
    same = ("runs", "files", "bytes")
    assert [done[name] for name in same] == [told[name] for name in same]
    assert set(done["artifacts"]) == set(told["artifacts"])
    assert stored(ran) == before - done["files"]
    ran.penstock("run", "flow.py", "-p", "n=1")
    assert ran.penstock("show", "--json").json["run"]["counts"]["reused"] == 2


def test_the_projects_file_has_the_rules_and_options_come_before_it(ran: Project) -> None:
    ran.write("penstock.toml", '[retention]\nkeep = "0s"\nkeep_last = 2\nkeep_tags = ["t1"]\n')
    assert ran.penstock("gc", "--dry-run", "--json").json["runs"] == []
    assert len(ran.penstock("gc", "--dry-run", "--keep-last", "1", "--json").json["runs"]) == 1
    assert ran.penstock("gc", "--keep", "1d", "--keep-last", "1", "--json").json["runs"] == []


def test_a_time_without_its_unit_removes_nothing(ran: Project) -> None:
    said = ran.penstock("gc", "--keep", "30")
    assert (said.code, said.err) == (
        2,
        "error: '30' has no unit\n  Write 30s, 30m, 30h or 30d.\n",
    )
    assert left(ran) == ["t3", "t2", "t1"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("keep = 'soon'", "penstock.toml:2: 'soon' is not a duration"),
        ("keep = 90", "penstock.toml:2: '90' has no unit"),
        ("keep_last = 0", "penstock.toml:2: 'keep_last' is not a number of runs"),
        ("keep_tags = 'prod'", "penstock.toml:2: 'keep_tags' is not a list of tags"),
        ("keep_lats = 3", "penstock.toml:2: 'keep_lats' is not a setting of retention"),
    ],
)
def test_a_wrong_rule_is_told_with_its_line(project: Project, setting: str, said: str) -> None:
    project.write("penstock.toml", f"[retention]\n{setting}\n")
    told = project.penstock("gc")
    assert said in told.err
    assert told.code == 2


def test_rm_takes_several_names_and_removes_none_if_one_may_not_go(ran: Project) -> None:
    newest = ran.penstock("runs", "--json").json
    ids = [run["id"] for run in newest]
    ran.penstock("keep", ids[2])
    refused = ran.penstock("rm", *ids)
    assert (refused.code, "is kept" in refused.err, len(left(ran))) == (2, True, 3)
    done = ran.penstock("rm", ids[0], ids[1], ids[0])
    assert done.out == f"removed run {ids[0]} of 'training'\nremoved run {ids[1]} of 'training'\n"
    assert left(ran) == ["t1"]


def test_rm_by_filter_asks_and_spares_what_is_kept(ran: Project) -> None:
    ran.penstock("keep", "last")
    alone = ran.penstock("rm", "-f", "status=done")
    assert (alone.code, len(left(ran))) == (2, 3)
    assert "2 runs would be removed, and there is nobody to ask" in alone.err
    told = ran.penstock("rm", "-f", "status=done", "--dry-run")
    assert (told.out.count("would remove run"), len(left(ran))) == (2, 3)
    assert ran.penstock("rm", "-f", "tag=nothing", "-y").err == "no such runs\n"
    done = ran.penstock("rm", "-f", "status=done", "-f", "tag=t2", "--yes", "--json").json
    assert (len(done), left(ran)) == (1, ["t3", "t1"])


def test_rm_wants_names_or_a_filter(ran: Project) -> None:
    for words in ((), ("last", "-f", "status=done")):
        said = ran.penstock("rm", *words)
        assert (said.code, "name the runs, or give a filter" in said.err) == (2, True)
