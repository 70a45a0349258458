"""The pages know all that there is: each name, command, option, setting and error has its heading."""

from __future__ import annotations

import re
import shlex
import tomllib
from importlib import import_module
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.docs.story import blocks, commands, compare, play, shell

import penstock
import penstock.errors
import penstock.testing
from penstock.cli.main import COMMANDS
from penstock.config.project import _TOP as TOP
from penstock.config.project import PORTS, RUN_OPTIONS, STEP_OPTIONS
from penstock.config.retention import RETENTION
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
ERRORS = ROOT / "docs" / "reference" / "errors.md"
BUILT = ("llms.txt", "llms-full.txt")
NAMES_PAGE = ROOT / "docs" / "reference" / "names.md"


def test_the_tour_of_the_readme_takes_at_most_30_lines_of_code() -> None:
    (code,) = (block.text for block in blocks(README) if block.language == "python")
    assert len(code.splitlines()) <= 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_finds_it(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link and link not in BUILT]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_makefile_has_every_target_and_variable_that_the_pages_name() -> None:
    made = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", made, re.MULTILINE))
    variables = set(re.findall(r"^([A-Z]+) *[:?]=", made, re.MULTILINE))
    named = {
        name
        for page in PAGES
        for block in blocks(page)
        if block.language == "console"
        for command in commands(block)
        if (words := shlex.split(command.text, comments=True))[:1] == ["make"]
        for name in words[1:]
    }
    assert {name for name in named if "=" not in name} <= targets
    assert {name.partition("=")[0] for name in named if "=" in name} <= variables


def test_the_pages_count_the_packages_of_the_core() -> None:
    oldest = {"extra": "", "python_version": "3.11", "python_full_version": "3.11.0"}
    left = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    found = {"penstock"}
    while left:
        one = Requirement(left.pop())
        name = canonicalize_name(one.name)
        if name not in found and (one.marker is None or one.marker.evaluate(oldest)):
            found.add(name)
            left += requires(name) or ()
    for page in (README, ROOT / "docs" / "index.md"):
        assert f"# the core: {len(found)} packages, itself counted" in page.read_text()


def test_every_public_name_has_its_entry_and_is_in_the_story_of_the_python_page() -> None:
    public = {f"penstock.{name}" for name in penstock.__all__}
    public |= {f"penstock.testing.{name}" for name in penstock.testing.__all__}
    entries = re.findall(r"^::: (\S+)$", NAMES_PAGE.read_text(), re.MULTILINE)
    assert sorted(entries) == sorted(public)
    words = set(re.findall(r"\w+", (ROOT / "docs" / "reference" / "python.md").read_text()))
    assert sorted(set(penstock.__all__) - words) == []


def test_every_public_name_says_what_it_is() -> None:
    found = [getattr(penstock, name) for name in penstock.__all__]
    assert [one for one in found if not (one.__doc__ or "").strip()] == []


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


@pytest.mark.timeout(400)
def test_every_error_has_a_section_and_what_it_shows_raises_it(tmp_path: Path) -> None:
    """Of a family one of its members; a cancelled run says no class, but has its own exit code."""
    told = sections(ERRORS)
    classes = {n: c for n, c in vars(penstock.errors).items() if is_error(c)}
    assert list(told) == list(classes)
    unraised = {*classes}
    for block, command, done in play(ERRORS, tmp_path):
        compare(block, command, done)
        (name,) = (name for name, text in told.items() if block.text in text)
        family = {n for n, c in classes.items() if issubclass(c, classes[name])}
        if command.code == penstock.errors.Cancelled.exit_code:
            unraised.discard("Cancelled")
        elif command.code and not family & set(re.findall(r"\w+", done.stdout)):
            # What people are shown leaves the class out.
            done = shell(command.text, tmp_path, {"PENSTOCK_TRACEBACK": "1"})
        if command.code and family & set(re.findall(r"\w+", done.stdout)):
            unraised.discard(name)
    assert unraised == set()


def is_error(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, penstock.errors.PenstockError)


def test_every_error_says_its_cause_and_the_next_move() -> None:
    told = sections(ERRORS)
    assert [name for name, text in told.items() if "\n**Next move:** " not in text] == []
    assert [name for name, text in told.items() if re.match(r"\s*```", text)] == []


def test_the_tree_of_errors_is_that_of_the_code() -> None:
    tree = (penstock.errors.__doc__ or "").partition("\n\n")[2].strip()
    assert tree in ERRORS.read_text()
