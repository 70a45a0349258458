"""An environment of its own for each peer, made once; the libraries of the work are the same in all."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from peers import Peer
from place import Failed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOME = HERE.parent / ".peers"
LIBRARIES = ("numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "joblib")
"""What the work itself uses: in each environment as in the one that this script runs in."""


def python_of(peer: Peer, *, here: bool) -> Path:
    """Its interpreter; with `here`, the one that runs this script, and nothing is installed."""
    if here:
        return Path(sys.executable)
    folder = HOME / peer.name
    python = folder / "venv" / "bin" / "python"
    wanted = [one.format(root=ROOT) for one in peer.requires]
    pins = [f"{name}=={version(name)}" for name in LIBRARIES]
    stamp = folder / "installed.json"
    # Penstock itself is what is being worked on: it is installed anew each time.
    changes = str(ROOT) in wanted
    if not changes and stamp.exists() and json.loads(stamp.read_text()) == [wanted, pins]:
        return python
    if not changes or not python.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _do(sys.executable, "-m", "venv", str(folder / "venv"))
    (folder / "constraints.txt").write_text("\n".join(pins) + "\n")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    again = ["--force-reinstall", "--no-deps"] if changes and stamp.exists() else []
    _do(*install, *again, "--constraint", str(folder / "constraints.txt"), *wanted, *LIBRARIES[:4])
    stamp.write_text(json.dumps([wanted, pins]))
    return python


def version_of(peer: Peer, python: Path) -> str:
    """Of the peer, as its environment has it; of penstock with the commit."""
    if not peer.distribution:
        return ""
    ask = f"from importlib.metadata import version; print(version({peer.distribution!r}))"
    return _do(str(python), "-c", ask).strip()


def _do(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise Failed(f"could not be installed: {lines[-1] if lines else 'no word'}")
    return done.stdout
