"""Stacks: backends by kind, their options, and what another process opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.artifact_stores.local import LocalStore
from penstock.artifact_stores.memory import MemoryStore
from penstock.core.ports import RunFilter
from penstock.core.project import Project
from penstock.errors import ConfigError, MissingExtra, UsageError
from penstock.plugins import EntryPoint, entry_points
from penstock.stack import Stack, metadata_from, open_stack, tools_from


def opened(root: Path, text: str = "", name: str = "") -> Stack:
    (root / "penstock.toml").write_text(text)
    return open_stack(Project(root, "demo", root / ".penstock"), name=name)


def test_without_a_file_all_is_in_the_projects_home_which_git_ignores(tmp_path: Path) -> None:
    stack = opened(tmp_path)
    assert stack.metadata.address() == str(tmp_path / ".penstock" / "penstock.db")
    assert isinstance(stack.artifacts.store, LocalStore)
    assert stack.artifacts.store.folder == tmp_path / ".penstock" / "artifacts"
    assert (tmp_path / ".penstock" / ".gitignore").read_text() == "*\n"


def test_looking_at_a_project_without_runs_leaves_no_trace(tmp_path: Path) -> None:
    project = Project(tmp_path, "demo", tmp_path / ".penstock")
    stack = open_stack(project, reading=True)
    assert not stack.metadata.runs.list(RunFilter())
    assert list(tmp_path.iterdir()) == []


def test_constructor_arguments_are_options_and_relative_paths_start_at_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE", "shared")
    stack = opened(
        tmp_path,
        "[stacks.team]\n"
        'artifact_store = { kind = "local", folder = "${STORE}/files" }\n'
        'metadata_store = { kind = "sql", url = "runs.db" }\n',
        "team",
    )
    assert isinstance(stack.artifacts.store, LocalStore)
    assert stack.artifacts.store.folder == tmp_path / "shared" / "files"
    assert stack.metadata.address() == str(tmp_path / "runs.db")


def test_another_process_opens_the_same_stores_from_the_reference(tmp_path: Path) -> None:
    stack = opened(tmp_path)
    manifest, _ = stack.artifacts.encode({"a": list(range(5000))})
    tools = tools_from(stack.reference())
    assert tools.artifacts.decode(manifest) == {"a": list(range(5000))}
    assert metadata_from(stack.reference()).address() == stack.metadata.address()
    assert tools.closure is not None


def test_a_secret_in_the_file_does_not_travel_in_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOLDER", "secret-place")
    stack = opened(
        tmp_path, '[stacks.a]\nartifact_store = { kind = "local", folder = "${FOLDER}" }\n', "a"
    )
    assert "secret-place" not in stack.reference()
    assert "${FOLDER}" in stack.reference()


def test_records_in_memory_are_refused_where_other_processes_need_them(tmp_path: Path) -> None:
    text = '[stacks.m]\nartifact_store = "memory"\nmetadata_store = "memory"\n'
    stack = opened(tmp_path, text, "m")
    assert isinstance(stack.artifacts.store, MemoryStore)
    stack.executor().close()
    with pytest.raises(UsageError, match="keeps its records in memory"):
        stack.executor(2)


def test_the_number_of_workers_that_was_asked_for_goes_before_the_files(tmp_path: Path) -> None:
    text = '[stacks.p]\nexecutor = { kind = "processes", workers = 3 }\n'
    stack = opened(tmp_path, text, "p")
    assert stack.executor().slots == 3
    assert stack.executor(2).slots == 2
    assert opened(tmp_path).executor().slots == 1


PLUGIN = """
class Store:
    def __init__(self, folder, *, size: int = 1):
        self.size = size
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution with an artifact store of its own."""
    site = tmp_path / "site"
    info = site / "penstock_odd-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "odd_store.py").write_text(PLUGIN)
    (info / "entry_points.txt").write_text(
        "[console_scripts]\nodd = odd_store:main\n\n"
        "[penstock.artifact_stores]\nodd = odd_store:Store\nlost = no_such_library:Store\n"
    )
    monkeypatch.syspath_prepend(str(site))
    return site


def test_a_backend_of_another_distribution_is_found_by_its_entry_point(
    tmp_path: Path, plugin: Path
) -> None:
    assert EntryPoint("odd", "odd_store:Store") in entry_points("penstock.artifact_stores")
    text = '[stacks.o]\nartifact_store = { kind = "odd", size = "5" }\n'
    stack = opened(tmp_path, text, "o")
    assert stack.artifacts.store.size == 5  # type: ignore[attr-defined]  # the plugin's own


def test_a_library_that_is_not_installed_is_named_with_how_to_get_it(
    tmp_path: Path, plugin: Path
) -> None:
    with pytest.raises(MissingExtra) as caught:
        opened(tmp_path, '[stacks.l]\nartifact_store = "lost"\n', "l")
    assert "'lost' needs a library that is not installed" in caught.value.message
    assert caught.value.hint == "Install it: pip install 'no_such_library'"


def test_an_orchestrator_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises((UsageError, ConfigError), match="no orchestrator of kind 'airflow'"):
        opened(tmp_path, '[stacks.a]\norchestrator = "airflow"\n', "a")


def test_what_a_step_asks_for_and_nothing_gives_is_refused_by_its_name(tmp_path: Path) -> None:
    stack = opened(tmp_path)
    for kind in ("", "inline", "processes"):
        stack.require("fit", kind, None)
    with pytest.raises(UsageError, match="'fit' cannot run: no executor of kind 'proceses'") as no:
        stack.require("fit", "proceses", None)
    assert no.value.hint == "Did you mean 'processes'?"
    with pytest.raises(UsageError, match="'fit' asks for an environment of its own"):
        stack.require("fit", "", ["torch"])
    stack.require("fit", "", None, {"json", "torch"})
    with pytest.raises(UsageError, match="'fit' cannot run: there is no serializer 'picle'"):
        stack.require("fit", "", None, {"picle"})
