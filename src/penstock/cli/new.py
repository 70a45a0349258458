"""`penstock new`: a small project whose tests, checks and CI pass as it is generated."""

from __future__ import annotations

import keyword
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from penstock.cli.terminal import terminal
from penstock.core import io
from penstock.errors import UsageError

TEMPLATES = Path(__file__).parent / "templates"
EVERY = "every"
"""What all templates have; a file of the chosen one goes before its namesake here."""
SUFFIX = ".in"
"""Of each file of a template, so that no tool takes it for code of this package."""
ABOUT = {
    "core": (
        "A straight line through the prices of houses; nothing is needed but penstock.",
        "share=0.5",
    ),
    "sklearn": ("A random forest that tells wines apart, with pandas and scikit-learn.", "depth=3"),
}
"""Of each template a sentence, and a parameter to play with."""
TAKEN = frozenset(
    (
        "penstock", "test", "tests", "src", "data", "config",
        "msgspec", "blake3", "cloudpickle", "click", "yaml", "pyyaml",
        "numpy", "scipy", "pandas", "pyarrow", "polars", "sklearn", "scikit_learn",
        "torch", "xgboost", "lightgbm", "pydantic", "matplotlib", "plotly", "pil", "pillow",
        "pytest", "mypy", "ruff", "pip", "setuptools",
    )
)  # fmt: skip
"""Names of packages that would stand in the way of others, beside the standard library's."""

LONGEST = 60
"""Characters of a name: lines of code that hold it must not become too long."""


@click.command()
@click.argument("path", metavar="NAME")
@click.option(
    "--template",
    type=click.Choice([*ABOUT]),
    default="core",
    show_default=True,
    help="core: nothing but penstock; sklearn: pandas and scikit-learn.",
)
@click.option("--no-git", is_flag=True, help="Make no git repository of it.")
def command(path: str, template: str, no_git: bool) -> None:
    folder = Path(path)
    words = _words(folder.name or path, template)
    if folder.exists() or folder.is_symlink():
        raise UsageError(
            f"'{folder}' exists already", hint="Give another name: nothing is ever overwritten."
        )
    try:
        for name, text in _files(template, words):
            file = folder / name
            io.mkdirs(file.parent)
            io.replace(file, text.encode())
    except OSError as error:
        raise UsageError(
            f"cannot make the project at '{error.filename or folder}': {error.strerror}",
            hint="Give the path of a folder that can be made.",
        ) from error
    repository = not no_git and _repository(folder)
    terminal.out(f"'{folder}' is ready" + (", and a git repository." if repository else "."))
    package = words["PACKAGE"]
    terminal.note()
    for line in (
        f"cd {shlex.quote(str(folder))}",
        'python -m pip install --editable ".[dev]"    # pytest, mypy, ruff',
        f"penstock run {package}.pipeline:training",
        "pytest",
    ):
        terminal.note(f"  {line}")


def _words(name: str, template: str) -> Mapping[str, str]:
    """What the templates leave open. Raises UsageError for what cannot be a package's name."""
    package = re.sub(r"[-. ]+", "_", name).lower()
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", package) or len(package) > LONGEST:
        raise UsageError(
            f"'{name}' cannot name a project",
            hint=f"Up to {LONGEST} letters, digits, '-' and '_', a letter first: late-flights.",
        )
    if keyword.iskeyword(package) or package in sys.stdlib_module_names or package in TAKEN:
        raise UsageError(
            f"'{name}' would be a package '{package}', a name that Python or its tools use",
            hint=f"Try: {name}-pipeline",
        )
    about, parameter = ABOUT[template]
    return {
        "PACKAGE": package,
        "NAME": package.replace("_", "-"),
        "TITLE": re.sub(r"[-_. ]+", " ", name).strip().capitalize(),
        "ABOUT": about,
        "PARAMETER": parameter,
    }


def _files(template: str, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Every file of the project: its name, and its text."""
    found = {
        file.relative_to(TEMPLATES / part).as_posix(): file
        for part in (EVERY, template)
        for file in sorted((TEMPLATES / part).rglob(f"*{SUFFIX}"))
    }
    for name, file in found.items():
        text = file.read_text("utf-8")
        for word, meant in words.items():
            text = text.replace(f"@{word}@", meant)
        yield name.removesuffix(SUFFIX).replace("PACKAGE", words["PACKAGE"]), text


def _repository(folder: Path) -> bool:
    """A repository of its own, unless it stands in one, or git is not there."""
    try:
        inside = subprocess.run(
            ["git", "rev-parse", "--is-inside-work-tree"], cwd=folder, capture_output=True
        )
        if inside.returncode == 0:
            return False
        made = subprocess.run(["git", "init", "-q", "-b", "main"], cwd=folder, capture_output=True)
    except OSError:
        return False
    return made.returncode == 0
