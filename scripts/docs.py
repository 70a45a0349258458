"""Builds the site, and beside its pages what programs read: llms.txt, llms-full.txt, each page as Markdown.

    python scripts/docs.py [FOLDER]      # into site/, or FOLDER

Strict: a link or an anchor that leads nowhere, or anything that a reader's browser would fetch from
another host, ends it with exit code 1.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from griffe import Alias, Class, Function, Object, load

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "mkdocs.yml"
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|link(?=[^>]*rel=.?(?:stylesheet|preconnect|preload|icon)))"
    r"[^>]*?(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)"
)
"""What a browser loads by itself, from elsewhere."""

SHIM = re.compile(r"<script src=\"?https://unpkg.com/iframe-worker/shim[^>]*></script>")
"""Of the builder, for searching pages that are opened from a folder; ours is `offline.js`."""


class Page(NamedTuple):
    """A page of the menu."""

    section: str
    title: str
    file: str
    text: str

    @property
    def about(self) -> str:
        """Its opening sentence."""
        prose = re.sub(r"```.*?```", "", self.text, flags=re.S)
        lines = [line for line in prose.split("\n") if not re.match(r"#|<!--|\*[^*]", line)]
        first = next(part for part in "\n".join(lines).split("\n\n") if part.strip())
        plain = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", " ".join(first.split())).replace("*", "")
        return re.split(r"(?<=\.) ", plain)[0].rstrip(":")


def main(folder: Path) -> None:
    build(folder)
    pages = [*menu()]
    for page in pages:
        (folder / page.file).write_text(page.text)
    (folder / "llms.txt").write_text(index(pages))
    (folder / "llms-full.txt").write_text("\n\n".join(page.text.strip() for page in pages) + "\n")
    for html in folder.rglob("*.html"):
        html.write_text(SHIM.sub(lambda _: script(), html.read_text()))
    found = {url for html in folder.rglob("*.html") for url in FETCHED.findall(html.read_text())}
    if found:
        sys.exit(f"a page would be fetched in part from elsewhere: {', '.join(sorted(found))}")


def build(folder: Path) -> None:
    """The HTML. What is built is a copy: the builder keeps its notes beside the configuration."""
    with tempfile.TemporaryDirectory() as place:
        top = Path(place)
        text = yaml.safe_dump(config(), sort_keys=False)
        (top / CONFIG.name).write_text(text.replace("- src\n", f"- {ROOT / 'src'}\n"))
        shutil.copytree(ROOT / "docs", top / "docs")
        done = subprocess.run(
            [Path(sys.executable).parent / "zensical", "build", "--strict"],
            cwd=top,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            told = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
            sys.exit(told.partition("Traceback")[0])
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(top / "site", folder)


def script() -> str:
    return f"<script>{(ROOT / 'scripts' / 'offline.js').read_text()}</script>"


@cache
def config() -> Any:
    """The configuration; a page that its menu does not name comes last in the section of its folder."""
    found = yaml.safe_load(CONFIG.read_text())
    listed = {file for _, file in entries(found["nav"])}
    for page in sorted((ROOT / "docs").rglob("*.md")):
        file = page.relative_to(ROOT / "docs")
        if file.as_posix() in listed:
            continue
        title = page.read_text().partition("\n")[0].removeprefix("# ")
        for section in found["nav"]:
            if any(Path(other).parent == file.parent for _, other in entries(section)):
                next(iter(section.values())).append({title: file.as_posix()})
    return found


def entries(menu: Any, title: str = "") -> Iterator[tuple[str, str]]:
    """Title and file of each page in a part of the menu."""
    match menu:
        case str():
            yield title, menu
        case list():
            for one in menu:
                yield from entries(one)
        case dict():
            for title, inner in menu.items():
                yield from entries(inner, title)


def menu() -> Iterator[Page]:
    """The pages in the order of the menu."""
    for part in config()["nav"]:
        for section, inner in part.items():
            for title, file in entries(inner, section):
                text = (ROOT / "docs" / file).read_text()
                yield Page(section, title, file, with_docstrings(text))


def index(pages: list[Page]) -> str:
    """The map of the site for language models, as https://llmstxt.org describes it."""
    lines = [f"# {config()['site_name']}", "", f"> {config()['site_description']}"]
    section = ""
    for page in pages:
        if page.section != section:
            section = page.section
            lines += ["", f"## {section}", ""]
        lines.append(f"- [{page.title}]({page.file}): {page.about}")
    return "\n".join([*lines, "", "## Optional", "", "- [All pages as one](llms-full.txt)", ""])


def with_docstrings(text: str) -> str:
    """What `::: penstock.name` stands for, in words."""
    return re.sub(r"^::: (\S+)$", lambda found: described(found[1]), text, flags=re.M)


def described(name: str) -> str:
    found = package()[name.removeprefix("penstock.")]
    if isinstance(found, Alias):
        found = found.final_target
    parts = [f"### `{found.name}`", *code(found), found.docstring.value if found.docstring else ""]
    members = found.members.values() if isinstance(found, Class) else ()
    for member in members:
        if member.docstring and not member.name.startswith("_"):
            parts.append(f"#### `{found.name}.{member.name}`")
            parts += [*code(member), member.docstring.value]
    return "\n\n".join(part for part in parts if part)


def code(found: Object | Alias) -> list[str]:
    """The signature, of what is called."""
    return [f"```text\n{found.signature()}\n```"] if isinstance(found, Function) else []


@cache
def package() -> Object | Alias:
    return load("penstock", search_paths=[ROOT / "src"], submodules=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "site")
