"""Who, when, where and with what: what a run records of its surroundings, in a few milliseconds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from penstock.core.digest import digest_bytes
from penstock.core.records import Provenance

DIFF_LIMIT = 1 << 20
"""Characters of `git diff` that are kept."""


class Surroundings(Struct, frozen=True):
    """What was found, and the long texts that it names by digest."""

    provenance: Provenance
    texts: Mapping[str, str]


class Looking:
    """Asks git while the run is being planned; `found` waits for the answer."""

    def __init__(self, root: Path, version: str) -> None:
        self.root, self.version = root, version
        self.status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")

    def __enter__(self) -> Looking:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave no question open, where the answer is not wanted any more."""
        if self.status is not None and self.status.returncode is None:
            self.status.kill()
            self.status.communicate()

    def found(self) -> Surroundings:
        texts: dict[str, str] = {}
        answer = _answer(self.status)
        commit = branch = diff = ""
        dirty = False
        for line in answer.splitlines():
            if line.startswith("# branch.oid "):
                commit = line.removeprefix("# branch.oid ").replace("(initial)", "")
            elif line.startswith("# branch.head "):
                branch = line.removeprefix("# branch.head ")
            elif not line.startswith("#"):
                dirty = True
        if dirty and commit:
            text = _answer(_git(self.root, "diff", "HEAD"))[:DIFF_LIMIT]
            diff = _keep(texts, text)
        packages = _keep(texts, "\n".join(installed()))
        provenance = Provenance(
            user=_user(),
            host=os.uname().nodename,
            command=tuple(sys.orig_argv),
            cwd=os.getcwd(),
            python=".".join(map(str, sys.version_info[:3])),
            platform=f"{sys.platform} {os.uname().machine}",
            packages=packages,
            commit=commit,
            branch=branch,
            dirty=dirty,
            diff=diff,
            penstock=self.version,
        )
        return Surroundings(provenance, texts)


def installed() -> list[str]:
    """ "name==version" of every installed distribution, sorted; read from folder names alone."""
    found: dict[str, str] = {}
    for folder in reversed(sys.path):
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                stem = name.rpartition(".")[0]
                package, _, version = stem.partition("-")
                found[package.lower().replace("_", "-")] = version.partition("-")[0]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def environment_digest() -> str:
    """All of it in one digest: for `Cache(environment=True)`."""
    return digest_bytes("\n".join(installed()).encode())


def _keep(texts: dict[str, str], text: str) -> str:
    digest = digest_bytes(text.encode("utf-8", "surrogateescape"))
    texts[digest] = text
    return digest


def _user() -> str:
    # The environment first: asking the password database costs an import and a read.
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if user := os.environ.get(name):
            return user
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _git(root: Path, *words: str) -> subprocess.Popen[bytes] | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.Popen(
            ["git", "-C", str(root), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    except OSError:
        return None


def _answer(process: subprocess.Popen[bytes] | None) -> str:
    if process is None:
        return ""
    out, _ = process.communicate()
    return out.decode("utf-8", "replace") if process.returncode == 0 else ""
