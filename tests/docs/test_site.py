"""The site is built, whole, and needs nobody else's."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import yaml

import penstock

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `make docs` builds it: strict, so that a link or an anchor that leads nowhere ends it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_there_and_opens_without_a_server(site: Path) -> None:
    pages = {page.relative_to(DOCS).with_suffix(".html") for page in DOCS.rglob("*.md")}
    built = {page.relative_to(site) for page in site.rglob("*.html")} - {Path("404.html")}
    assert built == pages
    for page in built:
        links = re.findall(r'(?:href|src)="?([^"\s>]+)', (site / page).read_text())
        local = [unescape(link).partition("#")[0] for link in links if "://" not in link]
        lost = [one for one in local if one and not (site / page.parent / one).exists()]
        assert [one for one in lost if not one.startswith(("data:", "mailto:"))] == [], page


def test_every_guide_is_in_the_list_of_guides() -> None:
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (DOCS / "howto" / "index.md").read_text())
    assert sorted([*listed, "index.md"]) == sorted(p.name for p in (DOCS / "howto").glob("*.md"))


def test_every_public_name_has_an_anchor(site: Path) -> None:
    page = (site / "reference" / "names.html").read_text()
    anchors = set(re.findall(r'id="?penstock\.(\w+)"?', page))
    assert sorted(set(penstock.__all__) - anchors) == []


def test_the_map_for_language_models_has_every_page_with_what_it_is_about(site: Path) -> None:
    text = (site / "llms.txt").read_text()
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert text.startswith(f"# {config['site_name']}\n\n> {config['site_description']}\n\n## ")
    entries = re.findall(r"^- \[[^\]]+\]\(([^)]+)\): (.+)$", text, re.MULTILINE)
    assert {file for file, _ in entries} == {
        page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")
    }
    assert [about for _, about in entries if len(about) < 20] == []
    assert all((site / file).is_file() for file, _ in entries)


def test_the_whole_text_for_language_models_has_the_docstrings_in_place(site: Path) -> None:
    text = (site / "llms-full.txt").read_text()
    assert ":::" not in text
    for page in DOCS.rglob("*.md"):
        assert page.read_text().splitlines()[0] in text
    assert (penstock.Cache.__doc__ or "").splitlines()[0] in text
