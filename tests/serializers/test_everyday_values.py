"""The values of everyday: exact in type and value, of one content in every process, safe where they can be."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import types
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import everyday
import numpy as np
import pandas as pd
import pydantic
import pytest
from everyday import PICKLED, VALUES, Box, Level, Model, OnSlots, Sealed
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import SerializationError
from penstock.serializers import default_serializers
from penstock.testing.serializer import Artifacts, artifacts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


def same(one: Any, other: Any) -> bool:
    """Of one type and equal to the last bit, all the way down."""
    if type(one) is not type(other):
        return False
    match one:
        case float():
            return struct.pack("d", one) == struct.pack("d", other)
        case complex():
            return same(one.real, other.real) and same(one.imag, other.imag)
        case Decimal():
            return one.as_tuple() == other.as_tuple()
        case np.ndarray():
            return one.dtype == other.dtype and np.array_equal(one, other)
        case pd.DataFrame():
            pd.testing.assert_frame_equal(one, other)
            return True
        case pydantic.BaseModel():
            return same(one.__getstate__(), other.__getstate__())
        case dict() | types.MappingProxyType():
            return same(list(one.items()), list(other.items()))
        case list() | tuple():
            return len(one) == len(other) and all(map(same, one, other))
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    return bool(one == other)


@pytest.mark.parametrize("name", VALUES)
def test_a_value_reads_back_as_it_was(shelf: Artifacts, name: str) -> None:
    value = VALUES[name]
    manifest, _ = shelf.encode(value)
    back = shelf.decode(manifest)
    assert same(back, value)
    assert shelf.digest(value) == manifest.content == shelf.digest(back)
    assert manifest.unsafe == (name in PICKLED)
    assert getattr(back, "tzinfo", None) == getattr(value, "tzinfo", None)
    assert getattr(back, "fold", 0) == getattr(value, "fold", 0)


def test_every_value_has_a_content_of_its_own(shelf: Artifacts) -> None:
    contents = {name: shelf.digest(value) for name, value in VALUES.items()}
    assert len(set(contents.values())) == len(contents)
    assert contents["alias"] == shelf.digest(everyday.Point.ORIGIN)


def test_contents_are_the_same_in_every_process(shelf: Artifacts) -> None:
    code = (
        "import json\nfrom pathlib import Path\nfrom everyday import VALUES\n"
        "from penstock.serializers import default_serializers\n"
        "from penstock.testing.serializer import artifacts\n"
        f"shelf = artifacts(*default_serializers(), root=Path({str(shelf.root)!r}))\n"
        "print(json.dumps({name: shelf.encode(value)[0].content for name, value in VALUES.items()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(everyday.__file__).parent,
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {name: shelf.digest(v) for name, v in VALUES.items()}


def test_what_stands_in_slots_is_kept(shelf: Artifacts) -> None:
    value = VALUES["dataclass on slots"]
    back = shelf.decode(shelf.encode(value)[0])
    assert (back.x, back.hidden(), back.scaled, back.fixed) == ([1], "deep", 6, 5)
    assert isinstance(back, OnSlots)


def test_a_model_keeps_its_private_attributes_and_what_was_set(shelf: Artifacts) -> None:
    back = shelf.decode(shelf.encode(VALUES["model"])[0])
    assert isinstance(back, Model)
    assert (back._seen, back._cache, back.model_extra) == (7, {"a": 1}, {"extra": 1})
    assert back.model_fields_set == {"name", "inner", "extra"}


def test_no_validator_runs_when_a_model_is_read(shelf: Artifacts) -> None:
    value = Sealed(ratio=0.5)
    assert value.ratio == 0.125, "a second time the rule would refuse it"
    assert shelf.decode(shelf.encode(value)[0]) == value


def test_a_cached_property_of_a_model_is_no_part_of_it(shelf: Artifacts) -> None:
    value = Model(name="m")
    before = shelf.encode(value)[0]
    assert value.shout == "M"
    assert shelf.encode(value)[0] == before
    assert shelf.digest(value) == before.content


def test_the_class_of_a_generic_model_is_the_one_that_is_written_down(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(VALUES["generic of generic"])
    names = {name.rpartition(":")[2] for name in manifest.classes}
    assert names == {"Box", "Level"}


@pytest.mark.parametrize(
    "secret",
    [pydantic.SecretStr("hush"), pydantic.SecretBytes(b"hush"), pydantic.Secret[int](7)],
    ids=lambda secret: type(secret).__name__,
)
def test_a_secret_is_refused_wherever_it_stands(shelf: Artifacts, secret: Any) -> None:
    class Hidden:
        def __init__(self) -> None:
            self.key = secret

    for value in (secret, [secret], {"a": (1, secret)}, Box(value=secret), Hidden()):
        with pytest.raises(SerializationError, match="secrets are not stored"):
            shelf.encode(value)
        with pytest.raises(SerializationError, match="secrets are not stored"):
            shelf.digest(value)
    assert list(shelf.store.scan()) == []


def test_a_field_that_a_model_got_since_has_its_default(shelf: Artifacts) -> None:
    value = Model(name="old")
    del value.__dict__["level"]
    manifest, _ = shelf.encode(value)
    assert shelf.decode(manifest).level is Level.LOW


def named(name: str) -> Any:
    return VALUES[name]


leaves = st.sampled_from(list(VALUES)).map(named) | st.integers() | st.text() | st.none()
nested = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.builds(lambda value: Box(value=value), inner)
        | st.builds(everyday._holder, inner)
    ),
    max_leaves=12,
)
everything = artifacts(*default_serializers(), root=Path("/nowhere"))


@given(nested)
def test_values_in_values_read_back_as_they_were(value: Any) -> None:
    manifest, _ = everything.encode(value)
    back = everything.decode(manifest)
    assert same(back, value)
    assert everything.digest(back) == manifest.content == everything.digest(value)
