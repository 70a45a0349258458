"""Paths: made in scratch they are stored, elsewhere they are references by path and content."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts as LocalArtifacts
from penstock.artifacts.paths import digest_path
from penstock.errors import ArtifactDamaged, ArtifactMissing, SerializationError
from penstock.serializers import default_serializers

LARGE = b"many bytes " * 2000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project" / "data").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def shelf(tmp_path: Path, root: Path) -> LocalArtifacts:
    return LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=root,
        key=lambda: None,
        lookup={}.__getitem__,
    )


def old(path: Path) -> Path:
    """The same file, written long ago."""
    os.utime(path, (1_500_000_000, 1_500_000_000))
    return path


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", LARGE])
def test_a_file_made_in_scratch_is_stored_with_its_name(
    shelf: LocalArtifacts, scratch: Path, tmp_path: Path, data: bytes
) -> None:
    made = scratch / "report.csv"
    made.write_bytes(data)
    manifest, _ = shelf.encode(made, scratch=scratch)
    assert (manifest.serializer, manifest.unsafe) == ("path", False)
    made.unlink()
    next_scratch = tmp_path / "next"
    one = shelf.decode(manifest, scratch=next_scratch)
    two = shelf.decode(manifest, scratch=next_scratch)
    assert one.name == two.name == "report.csv"
    assert one != two
    assert one.is_relative_to(next_scratch)
    assert one.read_bytes() == data
    one.write_bytes(b"changed")
    assert two.read_bytes() == data
    assert shelf.decode(manifest).read_bytes() == data


def test_a_folder_made_in_scratch_is_stored_whole(shelf: LocalArtifacts, scratch: Path) -> None:
    made = scratch / "site"
    (made / "css" / "deep").mkdir(parents=True)
    (made / "empty").mkdir()
    (made / "index.html").write_bytes(b"<p>")
    (made / "css" / "a.css").write_bytes(LARGE)
    (made / "css" / "deep" / "link.css").symlink_to(made / "css" / "a.css")
    manifest, _ = shelf.encode(made, scratch=scratch)
    back = shelf.decode(manifest)
    assert back.name == "site"
    assert contents(back) == contents(made)
    assert not (back / "css" / "deep" / "link.css").is_symlink()


def test_an_empty_folder_is_a_folder(shelf: LocalArtifacts, scratch: Path) -> None:
    (scratch / "nothing").mkdir()
    back = shelf.decode(shelf.encode(scratch / "nothing", scratch=scratch)[0])
    assert back.is_dir()
    assert contents(back) == {}


def test_what_is_made_is_named_by_its_content_and_not_by_its_folder(
    shelf: LocalArtifacts, tmp_path: Path
) -> None:
    found = []
    for scratch in (tmp_path / "one", tmp_path / "two"):
        scratch.mkdir()
        (scratch / "a.txt").write_bytes(b"same")
        found.append(shelf.encode(scratch / "a.txt", scratch=scratch)[0])
    assert found[0] == found[1]


def test_a_path_that_was_not_made_is_said(shelf: LocalArtifacts, scratch: Path) -> None:
    with pytest.raises(SerializationError, match="did not make it"):
        shelf.encode(scratch / "missing.csv", serializer="path", scratch=scratch)


def test_a_path_elsewhere_is_a_reference_that_is_checked(
    shelf: LocalArtifacts, root: Path, scratch: Path
) -> None:
    data = root / "data" / "rows.csv"
    data.write_bytes(LARGE)
    manifest, _ = shelf.encode(data, scratch=scratch)
    assert (manifest.files, manifest.meta["path"]) == ((), "data/rows.csv")
    assert manifest.content == shelf.digest(data)
    assert shelf.decode(manifest) == data
    data.write_bytes(LARGE[:-1] + b"!")
    with pytest.raises(ArtifactDamaged, match="is not what it was"):
        shelf.decode(manifest)
    data.unlink()
    with pytest.raises(ArtifactMissing, match="is gone"):
        shelf.decode(manifest)


def test_a_second_checkout_has_the_same_keys(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        root = tmp_path / name
        (root / "data").mkdir(parents=True)
        (root / "data" / "rows.csv").write_bytes(b"1,2")
        shelf = LocalArtifacts(
            LocalStore(tmp_path / "store"),
            default_serializers(),
            root=root,
            key=lambda: None,
            lookup={}.__getitem__,
        )
        digests.add(shelf.digest(root / "data" / "rows.csv"))
        digests.add(shelf.digest({"k": [root / "data"]}))
    assert len(digests) == 2


def test_a_path_counts_by_name_and_content(shelf: LocalArtifacts, root: Path) -> None:
    one, two = root / "data" / "one", root / "data" / "two"
    missing = shelf.digest(one)
    one.write_bytes(b"a")
    two.write_bytes(b"a")
    seen = {missing, shelf.digest(one), shelf.digest(two)}
    one.write_bytes(b"b")
    seen.add(shelf.digest(one))
    assert len(seen) == 4


def test_a_folder_counts_with_all_that_is_in_it(shelf: LocalArtifacts, root: Path) -> None:
    data = root / "data"
    (data / "a").write_bytes(b"1")
    seen = [shelf.digest(data)]
    (data / "sub").mkdir()
    seen.append(shelf.digest(data))
    (data / "sub" / "b").write_bytes(b"2")
    seen.append(shelf.digest(data))
    (data / "sub" / "b").rename(data / "sub" / "c")
    seen.append(shelf.digest(data))
    (data / "a").write_bytes(b"3")
    seen.append(shelf.digest(data))
    assert len(set(seen)) == len(seen)


def test_links_are_followed_and_circles_and_pipes_refused(
    shelf: LocalArtifacts, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = root / "data"
    (data / "a").write_bytes(b"1")
    (data / "link").symlink_to(data / "a")
    before = shelf.digest(data)
    (data / "link").unlink()
    (data / "link").write_bytes(b"1")
    assert shelf.digest(data) == before
    (data / "up").symlink_to(root)
    with pytest.raises(SerializationError, match="a folder that it is in"):
        shelf.digest(data)
    (data / "up").unlink()
    os.mkfifo(data / "pipe")
    with pytest.raises(SerializationError, match="neither a file nor a folder"):
        shelf.digest(data)
    (data / "pipe").unlink()
    (data / "broken").symlink_to(root / "nowhere")
    with pytest.raises(SerializationError, match="cannot read"):
        shelf.digest(data)
    (data / "broken").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(data)  # the name of a socket is short
        server.bind("socket")
        with pytest.raises(SerializationError, match="neither a file nor a folder"):
            shelf.digest(data)


class Memo:
    """Facts, with what was asked and told."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.reads = 0

    def __call__(self, name: str, value: str | None = None) -> str | None:
        if value is not None:
            self.facts[name] = value
        else:
            self.reads += name in self.facts
        return self.facts.get(name)


def test_an_old_file_is_read_once_and_a_young_one_each_time(root: Path) -> None:
    path, memo = root / "data" / "rows.csv", Memo()
    path.write_bytes(b"1")
    first = digest_path(path, memo)
    assert memo.facts == {}
    old(path)
    assert digest_path(path, memo) == first
    assert len(memo.facts) == 1
    assert digest_path(path, memo) == first
    assert memo.reads == 1


def test_a_file_that_was_replaced_is_read_again_even_with_its_old_time(root: Path) -> None:
    path, memo = root / "data" / "rows.csv", Memo()
    path.write_bytes(b"1")
    first = digest_path(old(path), memo)
    path.write_bytes(b"2")
    assert digest_path(old(path), memo) != first
    other = root / "data" / "other.csv"
    other.write_bytes(b"3")
    old(other).replace(path)
    assert digest_path(path, memo) != first
