"""A page as a story: its blocks in order, files written and commands run in a folder of its own.

- A block with a name (``` ```python title="tour.py" ```, or `# tour.py` in its first line) is that file.
- `python` without a name is a part of one script, run when the page has been told.
- `console` has commands after `$ `, and below each what it says: whole lines, in their order. In a
  line `…` stands for anything, and others may be left out. A command that is to fail says so:
  `# exit code 1`.
- `<!-- not run: why -->` above a block leaves it out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

RUN = ("python", "console", "toml", "yaml")
"""Languages whose blocks are files or commands; others (`text`, `diff`) are only shown."""
SHELL_OF_THE_READER = ("make ", "git ", "cd ", "pip ", "uv ")
"""Commands that set up or leave the folder: named in pages, not run."""
SECONDS = 100


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    name: str
    text: str
    excuse: str
    """Why it is not run; "" where it is."""

    @property
    def where(self) -> str:
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A line after `$ `, and what is shown below it."""

    text: str
    shown: tuple[str, ...]
    code: int

    @property
    def left_out(self) -> bool:
        return self.text.startswith(SHELL_OF_THE_READER)


def blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text().splitlines()
    indent = language = rest = fence = ""
    start, found = 0, re.compile(r"^(\s*)(`{3,})\s*([\w+-]*)(.*)$")
    excuse = before = ""
    for number, line in enumerate(lines, 1):
        opened = found.match(line)
        if fence:
            if line.strip() == fence:
                text = "\n".join(one[len(indent) :] for one in lines[start : number - 1])
                yield Block(page, start, language, _name(rest, text), text, excuse)
                fence = before = ""
        elif opened:
            indent, fence, language, rest = opened.groups()
            start = number
            excused = re.match(r"\s*<!-- not run: (.+) -->", before)
            excuse = excused[1] if excused else ""
        elif line.strip():
            before = line


def _name(rest: str, text: str) -> str:
    titled = re.search(r'title="([^"]+)"', rest) or re.match(r"# ([\w/.-]+\.\w+)$", text, re.M)
    return titled[1] if titled else ""


def commands(block: Block) -> Iterator[Command]:
    text, shown = "", list[str]()
    for line in [*block.text.splitlines(), "$ "]:
        if line.startswith("$ "):
            if text:
                code = re.search(r"#.*exit code (\d+)", text)
                yield Command(text, tuple(shown), int(code[1]) if code else 0)
            text, shown = line[2:], []
        elif line.strip():
            shown.append(line)


def environment(folder: Path) -> Mapping[str, str]:
    """Commands find this interpreter first, and no state but the folder's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PENSTOCK_", "COLUMNS"))}
    here = Path(sys.executable).parent
    return {
        **kept,
        "PATH": f"{here}{os.pathsep}{kept['PATH']}",
        "HOME": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",  # threads that spin starve whoever runs beside
    }


def tell(page: Path, folder: Path) -> None:
    """Go through the page in `folder`; an AssertionError says which line is not as it is shown."""
    for block, command, done in play(page, folder):
        compare(block, command, done)


Done = subprocess.CompletedProcess[str]


def play(page: Path, folder: Path, **more: str) -> Iterator[tuple[Block, Command, Done]]:
    """Each command of the page, and what came of it."""
    script = list[str]()
    told = [block for block in blocks(page) if block.language in RUN and not block.excuse]
    if all(block.name != "pyproject.toml" for block in told):
        (folder / "penstock.toml").touch()
    for block in told:
        if block.language == "console":
            for command in commands(block):
                if not command.left_out:
                    yield block, command, shell(command.text, folder, more)
        elif block.name:
            path = folder / block.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text + "\n")
        elif block.language == "python":
            script.append(block.text)
        else:
            raise AssertionError(f"{block.where}: give the block the name of its file")
    if script:
        (folder / "page.py").write_text("\n\n".join(script) + "\n")
        whole = Command("python page.py", (), 0)
        yield told[0], whole, shell(whole.text, folder, more)


def compare(block: Block, command: Command, done: Done) -> None:
    heard = f"{block.where}: $ {command.text}\n{done.stdout}\nexit code {done.returncode}"
    # Killed by a signal: the code that a shell shows.
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    assert code == command.code, heard
    said, position = [_plain(one) for one in done.stdout.splitlines()], 0
    for line in command.shown:
        if line.strip() != "…":
            places = range(position, len(said))
            found = next((n for n in places if _shows(line, said[n])), None)
            assert found is not None, f"{heard}\n\nit does not say, or not in this place:\n{line}"
            position = found + 1


def _shows(line: str, said: str) -> bool:
    """Between spaces `…` stands for any words, or none; elsewhere for any part of the line."""
    words = f" {_plain(line)} ".split(" … ")
    pattern = " (?:.* )?".join(re.escape(part).replace("…", ".*") for part in words)
    return re.fullmatch(pattern, f" {said} ") is not None


def shell(command: str, folder: Path, more: Mapping[str, str]) -> Done:
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**environment(folder), **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )


def _plain(text: str) -> str:
    """With one space for each padding, which follows the longest of what stands in a column."""
    return re.sub(r"\s+", " ", text).strip()
