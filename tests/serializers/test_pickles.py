"""Pickles: marked, signed, read only as they were written and only from those one trusts."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kinds import Model

from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts as LocalArtifacts
from penstock.artifacts.codec import manifest_id
from penstock.core.signing import VARIABLE, sign, signed, signing_key
from penstock.errors import (
    ArtifactDamaged,
    MissingExtra,
    SerializationError,
    StoreError,
    Untrusted,
)
from penstock.serializers import default_serializers
from penstock.serializers.pickle import Pickle
from penstock.testing.serializer import KEY, Artifacts, SerializerContract, artifacts

replace = msgspec.structs.replace


class Evil:
    """What an attacker would have us read."""

    ran: list[str] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return Evil.ran.append, ("ran",)


class TestPickle(SerializerContract):
    serializer = Pickle()
    values = {"model": Model([1]), "large": Model(list(range(10_000))), "plain": {"a": [1, {2}]}}

    def test_its_values_are_accepted_and_others_are_not(self) -> None:
        assert self.serializer.accepts(object())  # it is the last, and takes all that is left


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


def test_a_pickle_is_marked_and_signed(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(Model([1]))
    assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
    assert signed(KEY, manifest.id, manifest.signature)
    assert manifest.id == manifest_id(manifest)


def test_functions_and_classes_that_no_import_finds_are_kept(shelf: Artifacts) -> None:
    class Local:
        value = 3

    manifest, _ = shelf.encode({"f": lambda x: x + 1, "c": Local()})
    back = shelf.decode(manifest)
    assert (back["f"](1), back["c"].value) == (2, 3)


@pytest.mark.parametrize("value", [Model([1]), {"inside": Model([1])}, Model(list(range(5000)))])
def test_a_pickle_of_others_is_refused_with_a_hint(
    shelf: Artifacts, tmp_path: Path, value: object
) -> None:
    manifest, _ = shelf.encode(value)
    for key in (b"another key".ljust(32), None):
        others = artifacts(*default_serializers(), root=tmp_path, key=key)
        others.store = shelf.store
        with pytest.raises(Untrusted, match="PENSTOCK_SIGNING_KEY") as caught:
            others.decode(manifest)
        assert manifest.id[:12] in caught.value.message


def test_no_change_of_a_record_makes_it_read_other_bytes(shelf: Artifacts, tmp_path: Path) -> None:
    honest, _ = shelf.encode(Model([1]))
    evil, _ = artifacts(Pickle(), root=tmp_path, key=b"e" * 32).encode(Evil())
    forged = [
        replace(evil, signature=""),
        replace(evil, signature=honest.signature),
        replace(evil, id=honest.id, signature=honest.signature),
        replace(honest, inline=evil.inline),
        replace(honest, inline=evil.inline, files=evil.files),
        replace(evil, unsafe=False),
        replace(evil, unsafe=False, signature=honest.signature, id=honest.id),
        replace(evil, unsafe=False, serializer="sklearn"),
    ]
    inner = {
        "serializer": "pickle",
        "type": "x:y",
        "files": ["value.pickle"],
        "meta": {},
        "unsafe": True,
    }
    outer, _ = shelf.encode({"x": Model([2])})
    forged.append(replace(outer, unsafe=False, signature=""))
    forged.append(replace(outer, meta={"leaves": [[0, 0]], "parts": [inner]}))
    for manifest in forged:
        with pytest.raises((Untrusted, ArtifactDamaged)):
            shelf.decode(manifest)
    assert Evil.ran == []


def test_changed_bytes_in_the_store_are_not_read(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    local = LocalArtifacts(
        store, default_serializers(), root=tmp_path, key=lambda: KEY, lookup={}.__getitem__
    )
    manifest, _ = local.encode(Model(list(range(5000))))
    path = store.path(manifest.files[0], verify=True)
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes(data[:-20] + b"\x00" * 20)
    with pytest.raises(ArtifactDamaged):
        local.decode(manifest)


def test_a_serializer_alone_reads_no_pickle(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(Model([1]))
    assert manifest.inline is not None
    with pytest.raises(Untrusted, match="nobody vouches"):
        Pickle().decode(manifest, {"value.pickle": manifest.inline})


def test_without_a_key_an_unsafe_value_is_refused_and_a_safe_one_is_not(tmp_path: Path) -> None:
    keyless = artifacts(*default_serializers(), root=tmp_path, key=None)
    assert keyless.decode(keyless.encode([1, "a"])[0]) == [1, "a"]
    with pytest.raises(Untrusted, match="no key to sign it"):
        keyless.encode(Model([1]))


def test_what_cannot_be_pickled_says_so(shelf: Artifacts) -> None:
    with pytest.raises(SerializationError, match="cannot pickle"):
        shelf.encode({"lock": threading.Lock()})
    with pytest.raises(SerializationError, match="has no content that can be known"):
        shelf.digest({"lock": threading.Lock()})


PROJECT = """
import sys
from pathlib import Path
from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts
from penstock.serializers import default_serializers
import msgspec
from penstock.core.records import Manifest

class Model:
    def __init__(self, depth):
        self.depth = depth

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    shelf = Artifacts(LocalStore(folder / "store"), default_serializers(), root=folder,
                      key=lambda: b"k" * 32, lookup={}.get)
    file = folder / "manifest.json"
    if file.exists():
        value = shelf.decode(msgspec.json.decode(file.read_bytes(), type=Manifest))
        print(type(value) is Model, value.depth)
    else:
        manifest, _ = shelf.encode(Model(3))
        file.write_bytes(msgspec.json.encode(manifest))
        print(manifest.type, manifest.classes)
"""


def test_a_class_of_the_script_that_runs_keeps_its_identity(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "training.py").write_text(PROJECT)
    code = (
        "import sys, training, msgspec; from pathlib import Path; "
        "m = msgspec.json.decode(Path('manifest.json').read_bytes(), type=training.Manifest); "
        "s = training.Artifacts(training.LocalStore(Path('store')), training.default_serializers(), "
        "root=Path('.'), key=lambda: b'k' * 32, lookup={}.get); "
        "v = s.decode(m); print(type(v) is training.Model, v.depth)"
    )
    outputs = [
        subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout.strip()
        for arguments in (["training.py", "."], ["training.py", "."], ["-c", code])
    ]
    assert outputs == ["training:Model ('training:Model',)", "True 3", "True 3"]


def test_a_package_that_is_not_installed_is_named(
    shelf: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "boosters.py").write_text("class Booster:\n    pass\n")
    monkeypatch.syspath_prepend(folder)
    import boosters  # type: ignore[import-not-found]

    manifest, _ = shelf.encode(boosters.Booster())
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(folder)])
    monkeypatch.delitem(sys.modules, "boosters")
    with pytest.raises(MissingExtra, match="'boosters', which is not installed"):
        shelf.decode(manifest)


# ---- the key


def test_a_key_is_made_once_and_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    home = tmp_path / "home"
    assert signing_key(home, make=False) is None
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: signing_key(home), range(16)))
    assert len(keys) == 1
    assert stat.S_IMODE(os.stat(home / "key").st_mode) == 0o600
    assert signing_key(home, make=False) in keys
    assert [path.name for path in home.iterdir()] == ["key"]


def test_a_teams_key_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "our secret")
    ours = signing_key(tmp_path / "one")
    assert ours == signing_key(tmp_path / "two")
    assert not (tmp_path / "one").exists()
    monkeypatch.setenv(VARIABLE, "another")
    assert signing_key(tmp_path / "one") != ours


def test_a_spoilt_key_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="too short"):
        signing_key(tmp_path)


def test_a_signature_is_of_one_id_by_one_key() -> None:
    signature = sign(KEY, "a" * 64)
    assert signed(KEY, "a" * 64, signature)
    assert not signed(KEY, "b" * 64, signature)
    assert not signed(b"k" * 32, "a" * 64, signature)
    assert not signed(KEY, "a" * 64, "")


def test_the_key_is_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "hunter2 hunter2 hunter2")
    local = LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=tmp_path,
        key=lambda: signing_key(tmp_path / "home"),
        lookup={}.__getitem__,
    )
    manifests = [
        local.encode(value)[0] for value in (Model([1]), Model(list(range(5000))), {"a": Model(1)})
    ]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    written += [msgspec.json.encode(manifest) for manifest in manifests]
    key = signing_key(tmp_path / "home")
    assert key is not None
    for secret in (b"hunter2", key, key.hex().encode()):
        assert not any(secret in data for data in written)


@pytest.mark.parametrize("name", ["numpy", "pandas", "polars", "torch", "scipy", "xgboost", "lightgbm", "boosted", "path"])  # fmt: skip
def test_a_serializer_that_is_named_and_takes_no_such_value_says_so(
    shelf: Artifacts, name: str
) -> None:
    for value in (3, {"a": 1}):
        with pytest.raises(SerializationError) as caught:
            shelf.encode(value, serializer=name)
        kind = type(value).__name__
        assert caught.value.message == f"the serializer '{name}' takes no 'builtins:{kind}'"
