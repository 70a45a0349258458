"""Recovery: what is damaged or left over, and what nothing needs any more.

Both look only through the ports, may be killed and begun again anywhere, and may run beside live
runs and beside each other:

- What nothing reaches is dropped from the records in one transaction that looks again; only then
  do files go, and only files that no record names. Killed in between, the next gc takes them.
- A file goes only if it was last committed before the oldest live run began, and longer ago than
  any lease lasts. What a live run has written but not recorded yet is younger than that; a commit
  that finds its bytes present makes them young (`ArtifactStore.remove`).
- A cache entry that a live run may have found counts as reached until that run has ended, also when
  it was withdrawn since (`Sweep.doomed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal as OneOf
from typing import TypeVar

from blake3 import blake3
from msgspec import Struct

from penstock.core.digest import digest_bytes
from penstock.core.ports import ArtifactStore, Blob, MetadataStore, RunFilter
from penstock.core.records import FileRef, Made, Manifest, now
from penstock.errors import ArtifactDamaged, ArtifactMissing, StoreError

GRACE = 60.0
"""Seconds for which all bytes stay: twice the longest lease; and by which clocks may differ."""
BATCH = 5000
_PIECE = 2 << 20
_SECOND = 1_000_000
_T = TypeVar("_T")


def intact(artifacts: ArtifactStore, output: Made) -> bool:
    """Whether the files of an output are there as recorded: what reuse asks. A large one costs a stat."""
    for file in output.files:
        found = artifacts.stat(file.digest, check=True)
        if found is None or found.size != file.size:
            return False
    return True


def verify(metadata: MetadataStore, artifacts: ArtifactStore, boot: str) -> None:
    """Vouch for what another boot of the machine left and is whole: only that may be reused."""
    good: list[str] = []
    for manifest in metadata.sweep.suspects(boot):
        try:
            for file in manifest.files if manifest.inline is None else ():
                artifacts.path(file, verify=True)
        except StoreError:
            continue
        good.append(manifest.id)
    if good:
        metadata.sweep.vouch(good)


# ---- doctor


class Finding(Struct, frozen=True):
    """Something that is not as it should be."""

    kind: OneOf["damaged", "missing", "unsure", "crashed", "unfinished", "unknown"]
    message: str
    repaired: bool
    artifact: str = ""


def doctor(
    metadata: MetadataStore, artifacts: ArtifactStore, *, repair: bool, boot: str
) -> Sequence[Finding]:
    """Read every stored byte and compare it with the records; `boot` is this boot of the machine.

    With `repair`: damaged files are set aside, calls whose outputs are lost are withdrawn so that
    the next run makes them anew, whole artifacts of an unclean shutdown are vouched for, dead runs
    are written down as crashed, and leftovers of killed writers are deleted.
    """
    findings = list(_settled(metadata)) if repair else []
    suspects = {manifest.id for manifest in metadata.sweep.suspects(boot)}
    bad: list[tuple[Manifest, Finding]] = []
    seen: dict[str, str] = {}
    for manifest in metadata.sweep.artifacts():
        if (finding := _examine(artifacts, manifest, seen, repair=repair)) is not None:
            bad.append((manifest, finding))
    for manifest, finding in bad:
        if repair:
            metadata.calls.forget(_keys(metadata, manifest))
        findings.append(finding)
    findings += _vouched(metadata, suspects - {manifest.id for manifest, _ in bad}, repair=repair)
    findings += _leftovers(metadata, artifacts, repair=repair)
    return findings


def _settled(metadata: MetadataStore) -> Iterator[Finding]:
    if count := metadata.journal.settle():
        yield Finding("crashed", f"{_many(count, 'run')} had died: now recorded as crashed", True)


def _examine(
    artifacts: ArtifactStore, manifest: Manifest, seen: dict[str, str], *, repair: bool
) -> Finding | None:
    if manifest.inline is not None:
        file = manifest.files[0]
        if digest_bytes(manifest.inline) == file.digest:
            return None
        return _finding("damaged", manifest, file, repair=repair)
    for file in manifest.files:
        if file.digest not in seen:
            seen[file.digest] = _look(artifacts, file, repair=repair)
        match seen[file.digest]:
            case "damaged" | "missing" as kind:
                return _finding(kind, manifest, file, repair=repair)
    return None


def _finding(
    kind: OneOf["damaged", "missing"], manifest: Manifest, file: FileRef, *, repair: bool
) -> Finding:
    what = "its bytes differ from those recorded" if kind == "damaged" else "it is gone"
    message = f"artifact '{manifest.id[:12]}' ({manifest.type}), file '{file.name}': {what}"
    return Finding(kind, message, repair, manifest.id)


def _look(artifacts: ArtifactStore, file: FileRef, *, repair: bool) -> str:
    """One of "whole", "missing" and "damaged". Reads the file here: a store may rest on what it read before."""
    try:
        whole = _digest(artifacts.path(file, verify=False)) == file.digest
        if not whole and repair:
            artifacts.path(file, verify=True)
            # The store has not looked again, because nothing touched the file: the disk changed it.
            artifacts.remove(file.digest)
    except ArtifactMissing:
        return "missing"
    except ArtifactDamaged:
        return "damaged"
    return "whole" if whole else "damaged"


def _digest(path: Path) -> str:
    hasher = blake3()
    piece = memoryview(bytearray(_PIECE))
    with open(path, "rb", buffering=0) as file:
        while size := file.readinto(piece):
            hasher.update(piece[:size])
    return hasher.hexdigest()


def _keys(metadata: MetadataStore, manifest: Manifest) -> Sequence[str]:
    """Keys of the calls that made this artifact."""
    keys = {
        step.key
        for run, node, index, _ in metadata.catalog.producers(manifest.id)
        for step in metadata.runs.steps(run, node)
        if step.index == index and step.key
    }
    return sorted(keys)


def _vouched(metadata: MetadataStore, whole: set[str], *, repair: bool) -> Iterator[Finding]:
    if not whole:
        return
    count = _many(len(whole), "artifact")
    if repair:
        metadata.sweep.vouch(sorted(whole))
    yield Finding("unsure", f"{count} of an unclean shutdown, all bytes of it present", repair)


def _leftovers(
    metadata: MetadataStore, artifacts: ArtifactStore, *, repair: bool
) -> Iterator[Finding]:
    if repair and (count := artifacts.clean(GRACE)):
        message = f"{_many(count, 'unfinished file')} of killed writers deleted"
        yield Finding("unfinished", message, True)
    unknown = [
        blob for some in _orphans(metadata, artifacts, _limits(metadata, 0)[1]) for blob in some
    ]
    if unknown:
        size = sum(blob.size for blob in unknown)
        message = f"{_many(len(unknown), 'file')} ({size:,} bytes) that no artifact has: run gc"
        yield Finding("unknown", message, False)


# ---- gc


class Garbage(Struct, frozen=True):
    """What went, or would go."""

    artifacts: tuple[Manifest, ...]
    files: int
    size: int
    """Bytes in the artifact store."""
    unfinished: int
    """Files of killed writers; not counted in advance."""


def collect(
    metadata: MetadataStore,
    artifacts: ArtifactStore,
    *,
    older: float,
    dry_run: bool = False,
    leaving: Sequence[Manifest] = (),
) -> Garbage:
    """Drop what nothing reaches and what was last committed more than `older` seconds ago.

    Never bytes of the last minute, and never what a live run may be about to record. With
    `dry_run` nothing goes, and `leaving` counts as out of reach, too.
    """
    records, written = _limits(metadata, older)
    if dry_run:
        return _outlook(metadata, artifacts, records, written, leaving)
    metadata.journal.settle()
    doomed = metadata.sweep.doomed(records)
    for some in _batches(doomed):
        metadata.sweep.bury([manifest.id for manifest in some])
    files = size = 0
    for blobs in _orphans(metadata, artifacts, written):
        for blob in blobs:
            if artifacts.remove(blob.digest, before=written):
                files, size = files + 1, size + blob.size
    return Garbage(tuple(doomed), files, size, artifacts.clean(max(older, GRACE)))


def _outlook(
    metadata: MetadataStore,
    artifacts: ArtifactStore,
    records: int,
    written: int,
    leaving: Sequence[Manifest],
) -> Garbage:
    doomed = (*metadata.sweep.doomed(records), *leaving)
    ids = {manifest.id for manifest in doomed}
    going = {file.digest for manifest in doomed for file in manifest.files}
    if going:
        for manifest in metadata.sweep.artifacts():
            if manifest.id not in ids:
                going.difference_update(file.digest for file in manifest.files)
    blobs = {blob.digest: blob for some in _orphans(metadata, artifacts, written) for blob in some}
    for digest in going:
        blob = artifacts.stat(digest)
        if blob is not None and blob.modified < written:
            blobs[digest] = blob
    return Garbage(tuple(doomed), len(blobs), sum(blob.size for blob in blobs.values()), 0)


def _limits(metadata: MetadataStore, older: float) -> tuple[int, int]:
    """Microseconds: what is out of reach since before the first, and written before the second, may go."""
    # The time is taken first: a run that begins while we look is younger than it.
    moment = now()
    live = metadata.runs.list(RunFilter(statuses=("running",), limit=1_000_000))
    grace = int(GRACE * _SECOND)
    oldest = min((run.created - grace for run in live), default=moment)
    records = min(moment - int(older * _SECOND), oldest)
    # Bytes may be put shortly before their run is on record.
    return records, min(moment - int(max(older, GRACE) * _SECOND), oldest)


def _orphans(
    metadata: MetadataStore, artifacts: ArtifactStore, limit: int
) -> Iterator[Sequence[Blob]]:
    """Files that no record names and that are old enough, in batches."""
    old = [blob for blob in artifacts.scan() if blob.modified < limit]
    for some in _batches(old):
        unnamed = set(metadata.sweep.unnamed([blob.digest for blob in some]))
        yield [blob for blob in some if blob.digest in unnamed]


def _batches(things: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(things), BATCH):
        yield things[start : start + BATCH]


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
