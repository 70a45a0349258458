"""What every artifact store must do, as tests that your backend inherits.

class TestMyStore(ArtifactStoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return MyStore(tmp_path)

    def spoil(self, store, digest, data):    # put other bytes, or none, behind the store's back
        ...
"""

from __future__ import annotations

import os
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.core.digest import digest_bytes
from penstock.core.ports import ArtifactStore, Writer
from penstock.core.records import FileRef
from penstock.errors import ArtifactDamaged, ArtifactMissing, StoreError

SIZES = (0, 1, 4096, 65_536, 65_537, 3 << 20, 17 << 20)
NAMES = ("data.npy", "a folder/b.txt", "../../etc/passwd", "/absolute", "naïve ☃", "", "x" * 5000)


def put(store: ArtifactStore, data: bytes, name: str = "data") -> FileRef:
    """One file in one go."""
    writer = store.writer(len(data))
    writer.write(data)
    return writer.commit(name)


def read(store: ArtifactStore, file: FileRef) -> bytes:
    return store.path(file, verify=True).read_bytes()


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that are the same in every process."""
    block = digest_bytes(b"%d" % seed).encode() * (size // 64 + 1)
    return block[:size]


class ArtifactStoreContract:
    """Subclass it, give it the fixture `store` and the method `spoil`."""

    @pytest.fixture
    def store(self) -> ArtifactStore:
        raise NotImplementedError("give your subclass a fixture `store`: a new, empty store")

    def spoil(self, store: ArtifactStore, digest: str, data: bytes | None) -> None:
        """Replace the bytes of a stored file as a broken disk would; None: take the file away."""
        raise NotImplementedError("give your subclass a method `spoil`")

    # ---- writing and reading

    @pytest.mark.parametrize("size", SIZES)
    def test_bytes_come_back_under_their_digest(self, store: ArtifactStore, size: int) -> None:
        data = noise(size)
        file = put(store, data, "data.bin")
        assert file == FileRef("data.bin", digest_bytes(data), size)
        assert read(store, file) == data

    @pytest.mark.parametrize("piece", [1000, 65_536, 1 << 20, 5 << 20])
    def test_pieces_of_any_size_make_one_file(self, store: ArtifactStore, piece: int) -> None:
        data = noise(11_000_003 if piece > 1000 else 200_003, piece)
        writer = store.writer()
        for start in range(0, len(data), piece):
            part = data[start : start + piece]
            assert writer.write(part) == len(part)
        file = writer.commit("data")
        assert file.digest == digest_bytes(data)
        assert read(store, file) == data

    def test_every_kind_of_buffer_is_taken_and_may_change_afterwards(
        self, store: ArtifactStore
    ) -> None:
        numbers = memoryview(bytearray(noise(4 << 20))).cast("I", (1024, 1024))
        expected = numbers.tobytes()
        shorts = bytearray(b"abc")
        writer = store.writer()
        assert writer.write(numbers) == 4 << 20
        assert writer.write(shorts) == 3
        numbers.cast("B")[:] = bytes(4 << 20)
        shorts[:] = b"xyz"
        assert writer.write(memoryview(b"")) == 0
        assert read(store, writer.commit("data")) == expected + b"abc"

    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_is_only_a_name(self, store: ArtifactStore, name: str) -> None:
        file = put(store, b"some bytes", name)
        assert file.name == name
        assert store.path(file, verify=True) == store.path(
            FileRef("other", file.digest, file.size), verify=True
        )

    @pytest.mark.parametrize("digest", ["../../etc/passwd", "", "a", "A" * 64, "g" * 64, "a" * 65])
    def test_what_is_no_digest_finds_nothing_outside_the_store(
        self, store: ArtifactStore, digest: str
    ) -> None:
        with pytest.raises(StoreError):
            store.path(FileRef("data", digest, 10), verify=False)

    def test_the_same_bytes_twice_are_one_file(self, store: ArtifactStore) -> None:
        for data in (b"small", noise(1 << 20)):
            assert put(store, data) == put(store, data)
        assert len(list(store.scan())) == 2

    def test_a_file_is_invisible_until_it_is_committed(self, store: ArtifactStore) -> None:
        for data in (b"small", noise(1 << 20)):
            writer = store.writer()
            writer.write(data)
            assert store.stat(digest_bytes(data)) is None
            assert list(store.scan()) == []
            writer.abort()
            assert store.stat(digest_bytes(data)) is None
        assert store.clean(0) == 0, "an aborted writer leaves nothing"

    def test_a_writer_ends_once(self, store: ArtifactStore) -> None:
        writer = store.writer()
        writer.write(b"data")
        file = writer.commit("data")
        writer.abort()
        assert read(store, file) == b"data"
        for act in (lambda: writer.write(b"more"), lambda: writer.commit("again")):
            with pytest.raises(StoreError):
                act()

    def test_stored_files_cannot_be_written(self, store: ArtifactStore) -> None:
        path = store.path(put(store, b"data"), verify=False)
        assert path.stat().st_mode & 0o222 == 0

    # ---- adopting

    @pytest.mark.parametrize("size", [0, 10, 1 << 20, 9_000_001])
    def test_an_adopted_file_is_a_copy(
        self, store: ArtifactStore, tmp_path: Path, size: int
    ) -> None:
        source = tmp_path / "mine.bin"
        source.write_bytes(noise(size))
        file = store.adopt(source, "mine.bin")
        source.write_bytes(b"changed")
        assert source.stat().st_mode & 0o200, "the user's own file stays as it was"
        assert file == FileRef("mine.bin", digest_bytes(noise(size)), size)
        assert read(store, file) == noise(size)

    def test_what_is_not_a_file_is_not_adopted(self, store: ArtifactStore, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "nothing"):
            with pytest.raises(StoreError):
                store.adopt(path, "mine")
        assert list(store.scan()) == []
        assert store.clean(0) == 0

    # ---- trust

    @pytest.mark.parametrize("size", [10, 200_000])
    def test_a_changed_byte_is_noticed_set_aside_and_healed_by_writing_again(
        self, store: ArtifactStore, size: int
    ) -> None:
        data = noise(size)
        file = put(store, data)
        flipped = data[: size // 2] + bytes([data[size // 2] ^ 1]) + data[size // 2 + 1 :]
        self.spoil(store, file.digest, flipped)
        with pytest.raises(ArtifactDamaged) as caught:
            store.path(file, verify=True)
        assert file.digest in str(caught.value)
        assert digest_bytes(flipped) in str(caught.value)
        with pytest.raises(ArtifactMissing):
            store.path(file, verify=True)
        assert put(store, data) == file
        assert read(store, file) == data

    @pytest.mark.parametrize("size", [10, 200_000])
    def test_a_cut_file_is_noticed_even_without_reading_it(
        self, store: ArtifactStore, size: int
    ) -> None:
        file = put(store, noise(size))
        self.spoil(store, file.digest, noise(size)[:-1])
        with pytest.raises(ArtifactDamaged):
            store.path(file, verify=False)

    def test_a_missing_file_is_missing(self, store: ArtifactStore) -> None:
        file = put(store, b"data")
        self.spoil(store, file.digest, None)
        assert store.stat(file.digest) is None
        for verify in (True, False):
            with pytest.raises(ArtifactMissing):
                store.path(file, verify=verify)
        assert read(store, put(store, b"data")) == b"data"

    @pytest.mark.parametrize("size", [10, 200_000])
    def test_reuse_asks_and_hears_of_damage(self, store: ArtifactStore, size: int) -> None:
        file = put(store, noise(size))
        found = store.stat(file.digest, check=True)
        assert found is not None
        assert found.size == size
        self.spoil(store, file.digest, b"!" + noise(size)[1:])
        assert store.stat(file.digest, check=True) is None
        assert store.stat(file.digest) is None, "it was set aside"

    @pytest.mark.parametrize("size", [10, 200_000])
    def test_a_commit_does_not_trust_what_it_finds(self, store: ArtifactStore, size: int) -> None:
        file = put(store, noise(size))
        self.spoil(store, file.digest, b"!" + noise(size)[1:])
        assert put(store, noise(size)) == file
        assert read(store, file) == noise(size)

    # ---- keeping house

    def test_scan_and_stat_tell_the_same(self, store: ArtifactStore) -> None:
        assert list(store.scan()) == []
        start = int(time.time() * 1e6)
        files = [put(store, noise(size, size)) for size in (1, 70_000, 2_000_000)]
        blobs = sorted(store.scan(), key=lambda blob: blob.size)
        assert [(b.digest, b.size) for b in blobs] == [(f.digest, f.size) for f in files]
        assert blobs == [store.stat(file.digest) for file in files]
        assert all(start <= blob.modified <= (time.time() + 3) * 1e6 for blob in blobs)

    def test_removing_is_harmless_twice(self, store: ArtifactStore) -> None:
        file = put(store, b"data")
        assert store.remove(file.digest)
        assert not store.remove(file.digest)
        assert store.stat(file.digest) is None
        assert list(store.scan()) == []

    def test_a_young_file_is_not_removed_and_a_commit_makes_it_young(
        self, store: ArtifactStore
    ) -> None:
        for data in (b"small", noise(200_000)):
            file = put(store, data)
            past, future = (int((time.time() + d) * 1e6) for d in (-100, 100))
            assert not store.remove(file.digest, before=past)
            assert store.remove(file.digest, before=future)
            assert put(store, data) == file
            assert not store.remove(file.digest, before=past)

    def test_sync_takes_any_number_and_says_what_is_gone(self, store: ArtifactStore) -> None:
        store.sync([])
        files = [put(store, b"%d" % number) for number in range(300)]
        store.sync([files[0].digest, files[0].digest])
        store.sync([file.digest for file in files])
        store.sync([file.digest for file in files])
        self.spoil(store, (gone := put(store, b"gone")).digest, None)
        with pytest.raises(ArtifactMissing):
            store.sync([gone.digest])

    def test_cleaning_spares_a_file_that_is_being_written(self, store: ArtifactStore) -> None:
        writer = store.writer()
        writer.write(noise(200_000))
        assert store.clean(3600) == 0
        assert read(store, writer.commit("data")) == noise(200_000)

    # ---- many at once

    def test_threads_write_read_and_remove_the_same_files(self, store: ArtifactStore) -> None:
        def work(number: int) -> None:
            for turn in range(30):
                data = noise(100_000 if turn % 3 == 0 else 1000, turn)
                file = put(store, data)
                old = int((time.time() - 100) * 1e6)
                assert not store.remove(file.digest, before=old)
                assert read(store, file) == data
                mine = put(store, b"%d of %d" % (turn, number))
                assert store.remove(mine.digest)

        with ThreadPoolExecutor(6) as threads:
            list(threads.map(work, range(6)))
        assert len(list(store.scan())) == 30

    def test_a_fork_goes_on_with_the_store(self, store: ArtifactStore) -> None:
        if not hasattr(os, "fork"):
            pytest.skip("no fork here")
        first = put(store, noise(9 << 20))
        writer: Writer = store.writer()
        writer.write(b"parent")
        with warnings.catch_warnings():
            # Newer Pythons warn of a fork beside threads, such as a store may have.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                store.sync([put(store, noise(9 << 20, 1)).digest])
                os._exit(0 if read(store, first) == noise(9 << 20) else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        store.sync([first.digest, writer.commit("data").digest])
