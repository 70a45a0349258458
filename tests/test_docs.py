"""The README does what it says: its code is written to a file, its commands are run as shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest

import penstock
from penstock.cli.main import COMMANDS
from penstock.config.project import _TOP as TOP
from penstock.config.project import PORTS, RUN_OPTIONS, STEP_OPTIONS
from penstock.config.runfile import _TOP as RUN_FILE
from penstock.config.sources import VARIABLES
from penstock.core.options import NAMES

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [README, *DOCS, *(ROOT / f"{n}.md" for n in ("ARCHITECTURE", "CONTRIBUTING", "CHANGELOG"))]
CLI = ROOT / "docs" / "reference" / "cli.md"
CONFIGURATION = ROOT / "docs" / "reference" / "configuration.md"
MANY = "Options of many commands"
RETENTION = ("inputs",)
NEVER_RUN = ("make ", "git ", "cd ", "pip ")


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(
        rf"^```{language}(?: [^\n]*)?\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE
    )


def environment(folder: Path) -> Mapping[str, str]:
    """Commands find this interpreter first, and no state but the folder's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PENSTOCK_")}
    here = Path(sys.executable).parent
    return {**kept, "PATH": f"{here}{os.pathsep}{kept['PATH']}", "HOME": str(folder)}


def said(output: str) -> str:
    """What does not change from run to run: no ids, no times, no padding."""
    return re.sub(r"\s+", " ", output).strip()


def steps_of(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block, with the output shown below it."""
    command, shown = "", list[str]()
    for line in [*block.splitlines(), "$ "]:
        if line.startswith("$ "):
            if command:
                yield command, "\n".join(shown)
            command, shown = line[2:], []
        else:
            shown.append(line)


def test_the_tour_of_the_readme_runs_as_it_is_shown(tmp_path: Path) -> None:
    (code,) = blocks(README, "python")
    (tmp_path / "tour.py").write_text(code)
    (tmp_path / "penstock.toml").touch()
    tour = [
        step
        for block in blocks(README, "console")
        for step in steps_of(block)
        if not step[0].startswith(NEVER_RUN)
    ]
    assert tour
    for command, shown in tour:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        unsaid = [line for line in shown.splitlines() if said(line) not in said(done.stdout)]
        assert unsaid == [], f"$ {command}\n{done.stdout}{done.stderr}"


def test_the_tour_of_the_readme_takes_at_most_30_lines_of_code() -> None:
    (code,) = blocks(README, "python")
    assert len(code.splitlines()) <= 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_finds_it(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_makefile_has_every_target_that_the_pages_name() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in PAGES
        for block in blocks(page, "console")
        for command, _ in steps_of(block)
        if (words := shlex.split(command, comments=True))[:1] == ["make"]
        for name in words[1:]
    }
    assert named <= targets


def test_the_code_of_the_python_page_runs(tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").touch()
    (tmp_path / "page.py").write_text(
        "\n".join(blocks(ROOT / "docs" / "reference" / "python.md", "python"))
    )
    done = subprocess.run(
        [sys.executable, "page.py"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_configuration_that_the_page_shows_is_accepted(tmp_path: Path) -> None:
    page = ROOT / "docs" / "reference" / "configuration.md"
    (toml,) = blocks(page, "toml")
    (yaml,) = blocks(page, "yaml")
    (tmp_path / "penstock.toml").write_text(toml)
    (tmp_path / "run.yaml").write_text(yaml)
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "config", "--config", "run.yaml", "--json"],
        cwd=tmp_path,
        env={**environment(tmp_path), "STORE": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_on_the_python_page() -> None:
    words = set(re.findall(r"\w+", (ROOT / "docs" / "reference" / "python.md").read_text()))
    assert sorted(set(penstock.__all__) - words) == []


def test_every_option_of_a_run_is_on_the_python_page() -> None:
    words = set(re.findall(r"\w+", (ROOT / "docs" / "reference" / "python.md").read_text()))
    assert sorted(set(NAMES) - words) == []


def sections(page: Path) -> dict[str, str]:
    """The text below each heading `## …`, by the heading."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def headings(text: str) -> set[str]:
    """What stands in backticks in headings below `##`: ``### `-p`, `--param NAME=VALUE` `` has two."""
    lines = re.findall(r"^#{3,} (.+)$", text, re.MULTILINE)
    return {word.split()[0] for line in lines for word in re.findall(r"`([^`]+)`", line)}


def test_every_command_and_each_of_its_options_has_a_heading() -> None:
    """An option's is below its command's, among those of many commands, or where that one points to."""
    told = sections(CLI)
    assert told.keys() == {*COMMANDS, MANY}
    without = set[str]()
    for name in COMMANDS:
        command = import_module(f"penstock.cli.{name}").command
        pointed = re.findall(r"options of \[`(\w+)`\]", told[name])
        found = set[str]().union(*(headings(told[place]) for place in (name, MANY, *pointed)))
        without |= {
            f"{name} {option}"
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("-") and option not in found
        }
    assert without == set()


def test_no_option_has_a_heading_that_its_command_does_not_take() -> None:
    told = sections(CLI)
    for name in COMMANDS:
        command = import_module(f"penstock.cli.{name}").command
        takes = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
        assert headings(told[name]) - takes == set(), name


def test_every_setting_and_variable_has_a_heading() -> None:
    page = CONFIGURATION.read_text()
    found = {word.strip("[]:").partition(".")[0] for word in headings(page)}
    settings = {*TOP, *RUN_OPTIONS, *STEP_OPTIONS, *PORTS, *RETENTION, *RUN_FILE}
    assert sorted(settings - found) == []
    source = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    variables = {*VARIABLES, *re.findall(r"\"(PENSTOCK_[A-Z_]+)\"", source)}
    assert sorted(variables - found) == []
