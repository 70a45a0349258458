"""The commands that read, and those that tidy up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.cli.project import FEATURES, Project
from tests.cli.seat import seated

from penstock.cli.main import COMMANDS
from penstock.views.words import cells


@pytest.fixture
def ran(project: Project) -> Project:
    """Two runs; between them a helper was edited."""
    project.penstock("run", "flow.py", "--name", "before")
    project.write("features.py", FEATURES.replace("x + 1", "x + 2"))
    project.penstock("run", "flow.py", "--tag", "after")
    return project


def test_why_shows_the_helper_that_changed_and_its_diff(ran: Project) -> None:
    every = ran.penstock("why")
    assert "load           reused  from run" in every.out
    assert "fit            done    changed: helper 'features.encode' (features.py)" in every.out
    one = ran.penstock("why", "last", "fit")
    assert one.out.endswith(
        "\nhelper 'features.encode' (features.py)\n"
        "  @@ -1,2 +1,2 @@\n"
        "   def encode(x):\n"
        "  -    return x + 1\n"
        "  +    return x + 2\n"
    )


def test_why_as_json_has_every_part_that_changed(ran: Project) -> None:
    one = ran.penstock("why", "last", "fit", "--json").json
    assert one["reason"] == "changed: helper 'features.encode' (features.py)"
    assert [change["type"] for change in one["changes"]] == ["code"]
    assert one["changes"][0]["name"] == "encode"


def test_why_describes_an_input_that_changed(ran: Project) -> None:
    ran.penstock("run", "flow.py", "-p", "n=3")
    out = ran.penstock("why", "last", "fit").out
    assert "input 'rows' (load)" in out
    assert "list [0,1,2,3,4]" in out
    assert "list [0,1,2]" in out


def test_the_code_of_a_past_run_is_shown_as_it_was(ran: Project) -> None:
    assert "return x + 1" in ran.penstock("code", "before", "fit").out
    assert "return x + 2" in ran.penstock("code", "last", "fit").out


def test_show_has_steps_parameters_metrics_and_the_command(ran: Project) -> None:
    out = ran.penstock("show").out
    for text in (
        "training  done",
        "#" * 0 + "after",
        "penstock run flow.py",
        "depth",
        "fit.auc",
        "load  reused",
    ):
        assert text in out


def test_what_is_shown_of_a_run_does_not_steer_the_terminal(project: Project) -> None:
    project.write(
        "wild.py",
        """
        from penstock import context, pipeline, step

        @step
        def 測る(text: str) -> str:
            context().log_metric("m\\x1b[31m", 1)
            return text

        @step
        def keep(text: str) -> str:
            return text

        @pipeline
        def wild(text: str = "a\\x1b[2Jb") -> str:
            return keep(測る(text))
        """,
    )
    ran = project.penstock("run", "wild.py", "--name", "x\x1b[5A\ny", PENSTOCK_PROGRESS="lines")
    project.penstock("note", "last", "of\x1b[0m\r\nlines")
    shown = [project.penstock(*words).out for words in (("show",), ("why",), ("runs",))]
    planned = project.penstock("plan", "wild.py").out
    assert "\x1b" not in "".join([ran.out, ran.err, *shown, planned])
    assert " 'x [5A y': wild on local\n" in ran.err
    assert "  text      a [2Jb\n" in shown[0]
    # A wide character takes two columns.
    assert "  測る  reuse    from run" in planned
    assert "  keep  reuse    from run" in planned
    assert "  測る  done" in shown[0]


def test_a_table_fits_its_terminal_and_is_whole_in_a_pipe(ran: Project) -> None:
    name = "測る" * 10 + "wide"
    ran.penstock("note", "last", "--name", name)
    assert f"  {name} #after\n" in ran.penstock("runs").out
    with seated(ran, *ran.command("runs"), COLUMNS="60") as seat:
        lines = seat.end()[1].splitlines()
    assert [line.split()[1] for line in lines] == ["status", "done", "done"]
    assert max(map(cells, lines)) <= 60


def test_where_the_project_has_another_name_now_its_runs_are_not_just_gone(ran: Project) -> None:
    ran.write("pyproject.toml", '[project]\nname = "other"\n')
    assert ran.penstock("runs").err == (
        "no runs\n  There are runs of 'demo', not 'other': penstock runs --all\n"
    )
    assert ran.penstock("show", "before").err == (
        "error: there is no run 'before'\n"
        "  Nothing has run in this project; `penstock runs --all` lists the runs of others.\n"
    )
    assert "before" in ran.penstock("runs", "--all").out


def test_runs_are_found_by_name_prefix_and_tag(ran: Project) -> None:
    before = ran.penstock("show", "before", "--json").json["run"]
    assert ran.penstock("show", before["id"], "--json").json["run"] == before
    tagged = ran.penstock("runs", "--tag", "after", "--json").json
    assert [run["tags"] for run in tagged] == [["after"]]
    assert len(ran.penstock("runs", "training", "--status", "done", "--json").json) == 2


@pytest.mark.parametrize("command", ["show", "why", "logs", "code"])
def test_a_step_is_named_by_two_words_or_as_one(ran: Project, command: str) -> None:
    two = ran.penstock(command, "before", "fit")
    assert two.code == 0
    assert ran.penstock(command, "before/fit") == two
    assert ran.penstock(command, "nothing/fit").err.startswith("error: there is no run 'nothing'")
    assert "has no step 'fitt'" in ran.penstock(command, "before/fitt").err


def test_a_tag_without_letters_is_none(ran: Project) -> None:
    ran.penstock("note", "before", "--tag", "", "--tag", "old")
    assert ran.penstock("show", "before", "--json").json["run"]["tags"] == ["old"]
    assert ran.penstock("runs", "--tag", "").err == "no such runs\n"
    assert ran.penstock("run", "flow.py", "--tag", "", "--json").json["run"]["tags"] == []


@pytest.mark.parametrize("name", ["last", "latest", "latest~2", "fit/7"])
def test_a_name_that_means_something_else_is_refused(ran: Project, name: str) -> None:
    for words in (["note", "before", "--name", name], ["run", "flow.py", "--name", name]):
        said = ran.penstock(*words)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: a run cannot be named '{name}'\n")


def test_a_pipeline_that_never_ran_is_told_with_those_that_did(ran: Project) -> None:
    assert ran.penstock("runs", "trainign").err == "no such runs\n  Did you mean 'training'?\n"
    assert ran.penstock("runs", "training", "--status", "failed").err == "no such runs\n"


def test_compare_says_what_differs(ran: Project) -> None:
    ran.penstock("run", "flow.py", "-p", "depth=8")
    out = ran.penstock("compare", "before").out
    assert "fit: helper 'features.encode' (features.py)" in out
    assert "fit: parameter 'depth' 6 → 8" in out
    found = ran.penstock("compare", "before", "last", "--json").json
    assert found["parameters"] == {"depth": [6, 8]}
    assert found["metrics"] == {"fit.auc": [0.56, 0.58]}


def test_logs_of_a_step_are_what_it_printed_also_where_it_was_reused(ran: Project) -> None:
    assert ran.penstock("logs", "before", "load").out == "loading 5\n"
    assert ran.penstock("logs", "last", "load").out == "loading 5\n"
    assert ran.penstock("logs", "before").out == "── load\nloading 5\n"
    assert ran.penstock("logs", "before", "fit").err == "'fit' printed nothing\n"
    assert ran.penstock("logs", "-f").code == 0


def test_an_artifact_knows_where_it_comes_from(ran: Project) -> None:
    listed = ran.penstock("artifacts", "before", "--json").json
    assert [(one["step"], one["output"]) for one in listed] == [
        ("load", "result"),
        ("fit", "result"),
    ]
    one = ran.penstock("artifacts", listed[0]["artifact"], "--json").json
    assert {made["step"] for made in one["made_by"]} == {"load"}
    assert {used["parameter"] for used in one["used_by"]} == {"rows"}


def test_notes_names_and_tags_are_edited_later(ran: Project) -> None:
    said = ran.penstock(
        "note", "last", "the good one", "--name", "best", "--tag", "x", "--untag", "after"
    )
    assert said.out.endswith("'best' #x the good one\n")
    run = ran.penstock("show", "best", "--json").json["run"]
    assert (run["note"], run["tags"]) == ("the good one", ["x"])


def test_a_kept_run_is_not_removed_and_another_is(ran: Project) -> None:
    assert ran.penstock("keep", "before").out.endswith("is kept\n")
    assert ran.penstock("rm", "before").code != 0
    assert ran.penstock("rm", "last").code == 0
    assert [run["name"] for run in ran.penstock("runs", "--json").json] == ["before"]
    assert "would delete 1 artifact in " in ran.penstock("gc", "--dry-run").out


def test_doctor_finds_all_well(ran: Project) -> None:
    said = ran.penstock("doctor")
    assert (said.out, said.code) == ("all is well\n", 0)


def test_config_says_where_each_value_comes_from(ran: Project) -> None:
    ran.write("penstock.toml", '[options]\nworkers = 2\n\n[stacks.prod]\nexecutor = "processes"\n')
    ran.write("run.yaml", "parameters: {depth: 3}\n")
    found = ran.penstock(
        "config", "--config", "run.yaml", "--stack", "prod", "--json", PENSTOCK_SEED="9"
    ).json
    assert found["workers"] == {"value": 2, "source": "penstock.toml:2"}
    assert found["seed"] == {"value": 9, "source": "environment PENSTOCK_SEED"}
    assert found["parameters.depth"] == {"value": 3, "source": "run.yaml:1"}
    assert found["stack"] == {"value": "prod", "source": "command line"}
    assert found["executor.kind"] == {"value": "processes", "source": "penstock.toml:5"}
    assert found["metadata_store.kind"] == {"value": "sql", "source": "default"}


def test_config_says_what_makes_the_folder_a_project(ran: Project) -> None:
    def sources() -> list[str]:
        found = ran.penstock("config", "--json").json
        return [found[f"project.{name}"]["source"] for name in ("name", "root")]

    assert sources() == ["pyproject.toml", "the nearest folder with pyproject.toml"]
    ran.write("pyproject.toml", "")
    assert sources() == ["the folder", "the nearest folder with pyproject.toml"]
    ran.write("penstock.toml", "")
    assert sources() == ["the folder", "the nearest folder with penstock.toml"]


def test_stacks_are_listed_and_checked(ran: Project) -> None:
    ran.write("penstock.toml", '[stacks.odd]\nartifact_store = { kind = "locla" }\n')
    listed = ran.penstock("stack", "--json").json
    assert [(one["name"], one["active"]) for one in listed] == [("local", True), ("odd", False)]
    assert ran.penstock("stack", "check").out.endswith("the stack can be used\n")
    wrong = ran.penstock("stack", "check", "odd")
    assert wrong.code == 2
    assert wrong.err == (
        "error: penstock.toml:2: no artifact store of kind 'locla'\n  Did you mean 'local'?\n"
    )


def test_an_option_of_a_backend_that_does_not_exist_has_its_line(ran: Project) -> None:
    ran.write("penstock.toml", '[stacks.odd]\nartifact_store = { kind = "local", foldr = "x" }\n')
    wrong = ran.penstock("runs", "--stack", "odd")
    assert wrong.err == (
        "error: penstock.toml:2: 'foldr' is not an option of 'local'\n  Did you mean 'folder'?\n"
    )


# What to say after the command; what its JSON holds.
JSON: dict[str, tuple[str, Callable[[Any], Any], Any]] = {
    "list": ("", lambda found: [one["target"] for one in found], ["flow.py:training"]),
    "run": ("flow.py", lambda found: found["run"]["status"], "done"),
    "plan": ("flow.py", lambda found: [(s["step"], s["action"]) for s in found], [("load", "reuse"), ("fit", "reuse")]),
    "diff": ("before last", lambda found: found, {"same": True, "differences": []}),
    "runs": ("", lambda found: [(run["name"], run["tags"]) for run in found], [("", ["after"]), ("before", [])]),
    "show": ("", lambda found: [(s["node"], s["status"]) for s in found["steps"]], [("load", "reused"), ("fit", "done")]),
    "why": ("", lambda found: [(s["step"], s["status"]) for s in found], [("load", "reused"), ("fit", "done")]),
    "compare": ("", lambda found: [(c["steps"], c["words"]) for c in found["changes"]], [(["fit"], "helper 'features.encode' (features.py)")]),
    "logs": ("", lambda found: found, {"load": "loading 5\n", "fit": ""}),
    "artifacts": ("", lambda found: [(one["step"], one["output"]) for one in found], [("load", "result"), ("fit", "result")]),
    "code": ("last fit", lambda found: found["features.py:encode"], "def encode(x):\n    return x + 2"),
    "note": ("last good", lambda found: found["note"], "good"),
    "keep": ("last", lambda found: [run["kept"] for run in found], [True]),
    "rm": ("before", len, 1),
    "gc": ("--dry-run", lambda found: (found["dry_run"], found["artifacts"]), (True, [])),
    "doctor": ("", lambda found: found, []),
    "config": ("", lambda found: found["executor.kind"], {"value": "inline", "source": "default"}),
    "stack": ("", lambda found: [(one["name"], one["active"]) for one in found], [("local", True)]),
}  # fmt: skip


@pytest.mark.parametrize("command", JSON)
def test_every_command_speaks_json(ran: Project, command: str) -> None:
    words, look, held = JSON[command]
    said = ran.penstock(command, *words.split(), "--json")
    assert (said.code, look(said.json)) == (0, held)


def test_no_command_that_speaks_json_is_left_out() -> None:
    commands = {name: import_module(f"penstock.cli.{name}").command for name in COMMANDS}
    speak = {n for n, one in commands.items() if any(p.name == "as_json" for p in one.params)}
    assert speak == JSON.keys()


@pytest.mark.parametrize("command", ["runs", "show", "why", "logs", "artifacts"])
def test_without_a_run_a_command_says_so_and_writes_nothing(project: Project, command: str) -> None:
    said = project.penstock(command)
    assert said.err in (
        "no runs\n",
        "error: no run yet\n  Start one: penstock run FILE.py:PIPELINE\n",
    )
    assert not (project.root / ".penstock").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_given_for_each_shell(project: Project, shell: str) -> None:
    assert "_PENSTOCK_COMPLETE" in project.penstock("completion", shell).out


def test_completion_knows_commands_runs_and_steps(ran: Project) -> None:
    def complete(words: str) -> list[str]:
        count = str(len(words.split(" ")) - 1)
        said = ran.penstock(_PENSTOCK_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=count)
        return [line.partition(",")[2] for line in said.out.splitlines()]

    assert complete("penstock ru") == ["run", "runs"]
    assert complete("penstock show bef") == ["before"]
    assert complete("penstock why before f") == ["fit"]
    assert complete("penstock why before/f") == ["before/fit"]
    assert complete("penstock why nothing/f") == [""]
    assert complete("penstock run flow.py:t") == ["flow.py:training"]
    assert complete("penstock run flow.py:training --until l") == ["load"]
    assert complete("penstock run flow.py -p d") == ["depth="]


def test_bash_completes_what_follows_a_colon(ran: Project) -> None:
    typed = "COMP_WORDS=(penstock run flow.py : tr); COMP_CWORD=4; _penstock_completion penstock"
    shell = subprocess.run(
        ["bash", "-c", f'eval "$(penstock completion bash)"; {typed}; echo "${{COMPREPLY[@]}}"'],
        cwd=ran.root,
        env=ran.environment(PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}"),
        capture_output=True,
        text=True,
    )
    assert shell.stdout == "training\n"


def test_a_reader_that_stops_early_ends_the_command_quietly(ran: Project) -> None:
    command = f"'{sys.executable}' -m penstock runs --json | head -1"
    shell = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ran.root,
        env=ran.environment(),
        capture_output=True,
        text=True,
    )
    assert (shell.stderr, shell.stdout) == ("", "[\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_behind_the_output_is_told_in_a_sentence(ran: Project) -> None:
    with open("/dev/full", "w") as full:
        said = subprocess.run(
            [sys.executable, "-m", "penstock", "compile", "flow.py:training"],
            cwd=ran.root,
            env=ran.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (said.returncode, said.stderr) == (
        1,
        "error: cannot write the output: No space left on device\n",
    )


def test_help_loads_neither_rich_nor_yaml_nor_the_stores() -> None:
    code = (
        "import sys; from penstock.cli.main import main; main(['--help']);"
        "print([m for m in sys.modules if m in ('rich', 'yaml', 'sqlite3', 'numpy', 'asyncio')"
        " or m.startswith('penstock.run')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.endswith("[]\n")


MAPPED = """
from penstock import each, pipeline, step

@step
def say(x: int) -> int:
    print("say", x)
    return x

@pipeline
def mapped(items: list[int]) -> list[int]:
    return say.map(each(items))
"""


def test_a_reused_item_shows_what_it_logged_at_another_place(project: Project) -> None:
    project.write("mapped.py", MAPPED)
    project.penstock("run", "mapped.py", "-p", "items=[1, 2, 3]")
    project.penstock("run", "mapped.py", "-p", "items=[3, 1, 7]")
    assert project.penstock("logs", "last", "say[0]").out == "say 3\n"
    shown = project.penstock("logs", "last", "say").out
    assert shown == "── say[0]\nsay 3\n── say[1]\nsay 1\n── say[2]\nsay 7\n"
    assert "def say(x: int) -> int:" in project.penstock("code", "last").out


def test_why_says_once_how_many_items_a_map_has(project: Project) -> None:
    project.write("mapped.py", MAPPED)
    for _ in range(2):
        project.penstock("run", "mapped.py", "-p", "items=[1, 2]")
    said = project.penstock("why", "last").out
    assert [" ".join(line.split()) for line in said.splitlines()[1:]] == [
        "say reused 2 items reused"
    ]


def test_the_last_run_is_compared_with_the_one_before(ran: Project) -> None:
    alone = ran.penstock("compare", "last").out
    assert alone == ran.penstock("compare", "before").out
    assert "fit: helper 'features.encode' (features.py)" in alone
