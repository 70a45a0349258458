"""A store comes to be, and moves to a newer schema: under a lock, looked at again inside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from penstock.core import io
from penstock.errors import SchemaTooNew, StoreError
from penstock.metadata_stores.sql.described import refill
from penstock.metadata_stores.sql.opening import connect, writable

FOLDER = Path(__file__).parent / "migrations"
MOUNTS = Path("/proc/self/mountinfo")
SPELLING = {
    "identity": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "bytes": "BLOB",
    "by_key": "WITHOUT ROWID",
}
# fmt: off
NETWORKS = frozenset((
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs",
    "glusterfs", "pvfs2", "orangefs", "virtiofs", "vboxsf", "davfs", "fuse.sshfs", "fuse.s3fs",
    "fuse.gcsfuse", "fuse.rclone", "fuse.glusterfs", "fuse.ceph", "fuse.juicefs",
    "fuse.mount-s3", "fuse.blobfuse", "fuse.blobfuse2", "fuse.davfs2",
))
# fmt: on


def migrations(folder: Path = FOLDER) -> list[str]:
    """The scripts, in the order of their numbers; the schema's version is how many were applied."""
    return [file.read_text("utf-8") for file in sorted(folder.glob("[0-9]*.sql"))]


def prepare(path: Path, folder: Path = FOLDER) -> None:
    """Make sure that there is a store at `path` and that its schema is ours."""
    wanted = len(list(folder.glob("[0-9]*.sql")))
    with io.explained("create the metadata store"):
        io.mkdirs(path.parent)
    _refuse_network(path)
    if path.exists() and (version := _version(path)) == wanted:
        return
    if path.exists() and version < wanted and not writable(path):
        raise StoreError(
            f"the metadata store '{path}' was written by an older penstock, and is read-only",
            hint="Have its owner use it once with this version, or copy the folder and point "
            "PENSTOCK_HOME at the copy.",
        )
    with _locked(path):
        if not path.exists():
            _create(path, migrations(folder))
        elif (version := _version(path)) > wanted:
            raise SchemaTooNew(
                f"the metadata store '{path}' was written by a newer penstock "
                f"(schema {version}, this one knows {wanted})",
                hint="Upgrade penstock (`pip install -U penstock`), or set PENSTOCK_HOME to "
                "another folder.",
            )
        elif version < wanted:
            _migrate(path, version, migrations(folder)[version:])


def _create(path: Path, scripts: list[str]) -> None:
    # Made beside and renamed when complete: nobody ever sees half a schema, and a process
    # killed here leaves nothing but a file that the next one removes.
    for left in path.parent.glob(f"{path.name}.*.tmp*"):
        left.unlink(missing_ok=True)
    beside = io.temporary(path)
    with io.explained("create the metadata store"):
        io.step("db:create")
        with closing(sqlite3.connect(beside, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            # A commit touches many indexes, and each touched page is written whole.
            connection.execute("PRAGMA page_size = 2048")
            _apply(connection, 0, scripts)
            connection.execute("PRAGMA journal_mode = WAL")
        fd = os.open(beside, os.O_RDWR | os.O_CLOEXEC)
        try:
            io.sync(fd)
        finally:
            os.close(fd)
        io.rename(beside, path)
        io.sync_folder(path.parent)


def _migrate(path: Path, version: int, scripts: list[str]) -> None:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        if version:
            copy = f"{path}.schema-{version}.{time.strftime('%Y%m%d-%H%M%S')}.backup"
            io.step("db:backup")
            with closing(sqlite3.connect(copy)) as backup:
                connection.backup(backup)
        io.step("db:migrate")
        _apply(connection, version, scripts)
        connection.execute("PRAGMA journal_mode = WAL")


def _apply(connection: sqlite3.Connection, version: int, scripts: list[str]) -> None:
    # By replacement, not `format`: a script may hold braces of its own.
    script = "\n".join(scripts)
    for word, spelling in SPELLING.items():
        script = script.replace(f"{{{word}}}", spelling)
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\n"
            "INSERT INTO meta (name, value) VALUES ('schema', '{version}')\n"
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value;".replace(
                "{version}", str(version + len(scripts))
            )
        )
        if version == 1:
            refill(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(path: Path) -> int:
    """The version of the schema; 0 for an empty file."""
    with closing(connect(path, timeout=30)) as connection:
        try:
            found = connection.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
            return int(found[0])
        except sqlite3.OperationalError:
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
                return 0
        except (TypeError, ValueError):
            pass
    raise StoreError(
        f"'{path}' is a database, but not a penstock store",
        hint="Set PENSTOCK_HOME to another folder, or move the file away.",
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time; the system lets go if the process dies."""
    with io.explained("lock the metadata store"):
        fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _refuse_network(path: Path) -> None:
    kind = file_system(path.parent, MOUNTS)
    if kind in NETWORKS:
        raise StoreError(
            f"'{path.parent}' is on a network file system ({kind}), where SQLite loses data",
            hint="Set PENSTOCK_HOME to a folder on a local disk.",
        )


def file_system(folder: Path, mounts: Path) -> str:
    """The type of the file system under `folder`, or "" where the system does not say."""
    device = os.stat(folder).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields = line.split(" ")
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    return ""
