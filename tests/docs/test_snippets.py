"""Whatever stands in a page as code, a command or a configuration is run, and does what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.docs.story import RUN, Block, blocks, tell

from penstock.config.project import read_config
from penstock.config.runfile import read_run_file
from penstock.config.yaml import read_yaml
from penstock.core.project import Project

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {page: [*blocks(page)] for page in PAGES}
TUTORIAL = [
    ROOT / "docs" / "tutorial" / f"{name}.md" for name in ("index", "caching", "experiments")
]
ELSEWHERE = [*TUTORIAL, ROOT / "docs" / "reference" / "errors.md"]
"""The chapters below, the errors in `tests/test_docs.py`, with their classes."""
TOLD = [page for page in PAGES if any(b.language in RUN and not b.excuse for b in BLOCKS[page])]
LEFT_OUT = 1
"""Blocks that no test runs. One more is a decision: write why above the block, and raise this."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("page", [page for page in TOLD if page not in ELSEWHERE], ids=name)
def test_what_a_page_shows_happens(page: Path, tmp_path: Path) -> None:
    tell(page, tmp_path)


@pytest.mark.timeout(400)
def test_the_chapters_of_the_tutorial_go_on_from_each_other(tmp_path: Path) -> None:
    for page in TUTORIAL:
        tell(page, tmp_path)
    assert set(TUTORIAL) == set((ROOT / "docs" / "tutorial").glob("*.md"))


def test_what_is_not_run_is_counted_and_says_why() -> None:
    left_out = [block for page in PAGES for block in BLOCKS[page] if block.excuse]
    assert len(left_out) == LEFT_OUT, [block.where for block in left_out]


def test_every_block_is_run_or_only_text() -> None:
    languages = {*RUN, "text"}
    assert [b.where for page in PAGES for b in BLOCKS[page] if b.language not in languages] == []


def test_every_yaml_in_a_page_is_yaml() -> None:
    for page in PAGES:
        for block in BLOCKS[page]:
            if block.language == "yaml":
                yaml.safe_load(block.text)


@pytest.mark.parametrize(
    "block",
    [b for page in PAGES for b in BLOCKS[page] if b.name == "penstock.toml"],
    ids=lambda block: block.where,
)
def test_a_project_file_in_a_page_is_accepted(block: Block, tmp_path: Path) -> None:
    (tmp_path / "penstock.toml").write_text(block.text)
    assert read_config(Project(tmp_path, "page", tmp_path)).file is not None


@pytest.mark.parametrize(
    "block",
    [b for page in PAGES for b in BLOCKS[page] if b.language == "yaml" and b.name == "run.yaml"],
    ids=lambda block: block.where,
)
def test_a_run_file_in_a_page_is_accepted(block: Block, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(block.text)
    read_run_file(tmp_path / "run.yaml")
    assert read_yaml(tmp_path / "run.yaml").value
