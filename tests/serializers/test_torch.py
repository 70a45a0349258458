"""Tensors, state dicts, modules and datasets of torch: weights in safetensors, equal by value."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nets import Net
from torch import nn
from torch.utils.data import Dataset, Subset, TensorDataset, random_split

from penstock.artifact_stores.local import LocalStore
from penstock.artifacts.codec import Artifacts as LocalArtifacts
from penstock.errors import SerializationError, Untrusted
from penstock.serializers import default_serializers
from penstock.serializers.safetensors import read
from penstock.serializers.torch import Torch
from penstock.testing.serializer import Artifacts, SerializerContract, artifacts

BASE = torch.arange(24.0).reshape(4, 6)
SHARED = torch.ones(3)
DTYPES = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu]  # fmt: skip


def seeded(make: Any, seed: int = 1) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make()


class TestTorch(SerializerContract):
    serializer = Torch()
    values = {
        **{str(dtype): torch.ones(3, dtype=dtype) for dtype in DTYPES},
        "matrix": BASE, "row": BASE[1], "column": BASE[:, 1], "transposed": BASE.t(), "every other": BASE[::2, 1::3],
        "expanded": torch.ones(1, 4).expand(5, 4), "channels last": torch.arange(120.0).reshape(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "no dimensions": torch.tensor(1.5), "a bool alone": torch.tensor(True), "no elements": torch.empty(0), "no elements in a shape": torch.empty(2, 0, 3),
        "complex": torch.tensor([1j, -0.0 + 2j]), "conjugated": torch.tensor([1j, 2.0]).conj(), "complex of doubles": torch.ones(2, dtype=torch.complex128), "a complex alone": torch.tensor(1j),
        "odd floats": torch.tensor([float("nan"), float("inf"), -0.0]), "trained": torch.ones(3).requires_grad_(),
        "parameter": nn.Parameter(torch.ones(3)), "frozen": nn.Parameter(torch.ones(3), requires_grad=False),
        "state": {"a": torch.ones(2), "b": BASE, "n": torch.tensor(3)}, "state in another order": {"n": torch.tensor(3), "b": BASE, "a": torch.ones(2)},
        "ordered": OrderedDict(a=torch.ones(2)), "odd names": {"": torch.ones(1), "é\0": torch.zeros(1), "a.b": BASE},
        "state of a module": seeded(lambda: nn.BatchNorm1d(3)).state_dict(), "trained parts": {"w": nn.Parameter(BASE), "x": torch.ones(1).requires_grad_()},
        "shared": {"a": SHARED, "b": SHARED, "c": SHARED[:2]}, "dataset": TensorDataset(BASE, torch.arange(4)), "empty dataset": TensorDataset(torch.empty(0, 2)),
    }  # fmt: skip

    def same(self, one: Any, other: Any) -> bool:
        return same(one, other)


def same(one: Any, other: Any) -> bool:
    assert type(one) is type(other)
    match other:
        case dict():
            assert list(one) == list(other)
            assert vars(one) == vars(other) if isinstance(other, OrderedDict) else True
            return all(same(one[name], other[name]) for name in other)
        case TensorDataset():
            return all(map(same, one.tensors, other.tensors))
    assert (one.dtype, one.shape, one.requires_grad) == (
        other.dtype,
        other.shape,
        other.requires_grad,
    )
    if torch.empty_like(other).stride() == other.stride():  # its numbers lie without gaps
        assert one.stride() == other.stride()
    return torch.equal(raw(one), raw(other))


def raw(tensor: torch.Tensor) -> torch.Tensor:
    """Its bytes: they tell 0.0 from -0.0, and one NaN is the other."""
    return tensor.detach().resolve_conj().reshape(-1).contiguous().view(torch.uint8)


@pytest.fixture
def shelf(tmp_path: Path) -> Artifacts:
    return artifacts(*default_serializers(), root=tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> LocalArtifacts:
    return LocalArtifacts(
        LocalStore(tmp_path / "store"),
        default_serializers(),
        root=tmp_path,
        key=lambda: bytes(32),
        lookup={}.__getitem__,
    )


@pytest.mark.parametrize("name", TestTorch.values)
def test_no_pickle_is_needed(shelf: Artifacts, name: str) -> None:
    manifest, _ = shelf.encode(TestTorch.values[name])
    assert (manifest.serializer, manifest.unsafe) == ("torch", False)


def test_how_a_tensor_lies_in_memory_does_not_count_and_is_kept(shelf: Artifacts) -> None:
    image = torch.arange(120.0).reshape(2, 3, 4, 5)
    last = image.contiguous(memory_format=torch.channels_last)
    assert (
        shelf.digest(image)
        == shelf.digest(last)
        == shelf.digest(image.permute(2, 0, 1, 3).permute(1, 2, 0, 3))
    )
    for value in (image, last, BASE.t()):
        back = shelf.decode(shelf.encode(value)[0])
        assert back.stride() == value.stride()
        assert torch.equal(back, value)


def test_the_sign_of_zero_counts(shelf: Artifacts) -> None:
    assert shelf.digest(torch.tensor([0.0])) != shelf.digest(torch.tensor([-0.0]))


def test_a_view_is_stored_without_what_it_is_a_view_of(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode(torch.zeros(1_000_000)[10:20])
    assert sum(file.size for file in manifest.files) < 1000


def test_shared_tensors_are_written_once_and_shared_again(shelf: Artifacts) -> None:
    big = torch.ones(100_000)
    state = {"one": big, "two": big, "same memory": big.detach(), "head": big[:10]}
    manifest, _ = shelf.encode(state)
    assert sum(file.size for file in manifest.files) < 500_000
    back = shelf.decode(manifest)
    assert list(back) == list(state)
    back["one"][0] = 5.0
    assert (back["two"][0], back["same memory"][0], back["head"][0]) == (5.0, 5.0, 1.0)
    assert (
        shelf.digest({name: tensor.clone() for name, tensor in state.items()}) == manifest.content
    )


def test_tensors_are_mapped_and_changing_them_changes_no_file(local: LocalArtifacts) -> None:
    state = {"w": torch.arange(300_000.0), "b": torch.ones(5, dtype=torch.bool)}
    manifest, _ = local.encode(state)
    (file,) = manifest.files
    back = local.decode(manifest)
    assert os.fspath(local.store.path(file, verify=True)) in Path("/proc/self/maps").read_text()
    back["w"] += 1
    assert same(local.decode(manifest), state)


def test_other_tools_read_the_file_and_we_read_theirs(
    local: LocalArtifacts, tmp_path: Path
) -> None:
    odd = {
        "w": torch.ones(3, dtype=torch.bool),
        "x": BASE,
        "h": torch.ones(2, dtype=torch.bfloat16),
        "none": torch.empty(0, 2),
    }
    manifest, _ = local.encode({**odd, "f": torch.ones(3000)})
    theirs = safetensors.torch.load_file(local.store.path(manifest.files[0], verify=True))
    assert all(torch.equal(theirs[name], odd[name]) for name in odd)
    (tmp_path / "theirs").write_bytes(safetensors.torch.save(odd))
    ours, note = read(tmp_path / "theirs")
    assert note == ""
    assert all(torch.equal(ours[name], odd[name]) for name in odd)


def test_what_is_shown_of_a_state_dict(shelf: Artifacts) -> None:
    manifest, _ = shelf.encode({"w": BASE, "n": torch.tensor(3)})
    assert manifest.meta == {
        "kind": "dict",
        "tensors": 2,
        "numbers": 25,
        "shapes": {"w": "float32 [4, 6]", "n": "int64 []"},
    }
    assert shelf.encode(BASE)[0].meta == {"kind": "tensor", "dtype": "float32", "shape": [4, 6]}


def test_states_of_optimizers_and_checkpoints_are_json_beside_one_file_of_tensors(
    shelf: Artifacts,
) -> None:
    module = seeded(Net)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1)
    module(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    value = {
        "model": module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "best": None,
    }
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("json", False)
    assert sorted(file.name for file in manifest.files) == ["0/tensors.safetensors", "value.json"]
    back = shelf.decode(manifest)
    assert shelf.digest(back) == manifest.content == shelf.digest(copy.deepcopy(value))
    other = seeded(Net, 9)
    other.load_state_dict(back["model"])
    again = torch.optim.Adam(other.parameters(), lr=0.7)
    again.load_state_dict(back["optimizer"])
    for one, two in ((module, optimizer), (other, again)):
        one.zero_grad()
        one(torch.ones(2, 3)).sum().backward()
        two.step()
    assert all(map(torch.equal, module.parameters(), other.parameters()))


# ---- modules and datasets


MODULES: dict[str, Any] = {
    "own": Net, "linear": lambda: nn.Linear(3, 2), "frozen": lambda: nn.Linear(3, 2).requires_grad_(False), "evaluated": lambda: nn.Linear(3, 2).eval(),
    "sequence": lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()), "recurrent": lambda: nn.LSTM(3, 4, num_layers=2),
    "attention": lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), "without weights": nn.ReLU,
    "listed": lambda: nn.ParameterList([torch.ones(2), torch.zeros(2)]), "half": lambda: nn.Linear(3, 2).to(torch.bfloat16),
    "channels last": lambda: nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_weights_and_a_structure_that_is_marked(shelf: Artifacts, name: str) -> None:
    module, twin, other = (seeded(MODULES[name], seed) for seed in (1, 1, 2))
    manifest, _ = shelf.encode(module)
    assert (manifest.serializer, manifest.unsafe, bool(manifest.signature)) == (
        "torch-module",
        True,
        True,
    )
    assert [file.name for file in manifest.files] == ["structure.pickle", "tensors.safetensors"]
    back = shelf.decode(manifest)
    assert type(back) is type(module)
    assert same(back.state_dict(), module.state_dict())
    assert [p.requires_grad for p in back.parameters()] == [
        p.requires_grad for p in module.parameters()
    ]
    assert back.training == module.training
    assert shelf.digest(module) == shelf.digest(twin) == shelf.digest(back) == manifest.content
    learns = any(p.std() > 0 for p in module.parameters())
    assert (shelf.digest(other) != manifest.content) == learns


def test_weights_are_found_by_name_by_other_tools(local: LocalArtifacts) -> None:
    module = seeded(Net)
    module.register_buffer("mean", torch.zeros(2000))
    manifest, _ = local.encode(module)
    path = local.store.path(manifest.files[1], verify=True)
    other = seeded(Net, 2)
    other.load_state_dict(safetensors.torch.load_file(path), strict=False)
    assert torch.equal(other.inner.weight, module.inner.weight)
    assert manifest.meta["parameters"] == 8
    assert manifest.classes == ("tests.serializers.nets:Net",)


def test_a_lazy_module_stays_lazy(shelf: Artifacts) -> None:
    module = nn.LazyLinear(2)
    back = shelf.decode(shelf.encode(module)[0])
    assert back.has_uninitialized_params()
    assert back(torch.ones(1, 3)).shape == (1, 2)


def test_one_weight_changed_is_another_content_and_so_is_the_mode(shelf: Artifacts) -> None:
    module = seeded(Net)
    before = shelf.digest(module)
    assert shelf.digest(copy.deepcopy(module).eval()) != before
    with torch.no_grad():
        module.inner.weight[0, 0] += 1e-6
    assert shelf.digest(module) != before


def test_tied_weights_stay_tied(shelf: Artifacts) -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    module[1].weight = module[0].weight
    back = shelf.decode(shelf.encode(module)[0])
    assert back[1].weight is back[0].weight


def test_an_optimizer_beside_its_module_still_moves_it(shelf: Artifacts) -> None:
    module = seeded(Net)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    for value in (
        (module, optimizer),
        [module, optimizer],
        {"m": module, "o": optimizer, "s": scheduler},
    ):
        manifest, items = shelf.encode(value)
        assert (manifest.unsafe, items) == (True, ())
        found = shelf.decode(manifest)
        one, mover = list(found.values())[:2] if isinstance(found, dict) else found
        before = one.inner.weight.detach().clone()
        one(torch.ones(2, 3)).sum().backward()
        mover.step()
        assert not torch.equal(one.inner.weight, before)


def test_a_compiled_module_is_refused_with_the_way_out(shelf: Artifacts) -> None:
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        traced = torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2))
    with pytest.raises(SerializationError, match=r"compiled module of torch\.jit") as caught:
        shelf.encode(traced)
    assert "torch.jit.save" in (caught.value.hint or "")
    with pytest.raises(SerializationError):
        shelf.digest(traced)


def test_a_module_of_another_project_is_not_loaded(shelf: Artifacts, tmp_path: Path) -> None:
    manifest, _ = shelf.encode(seeded(Net))
    stranger = artifacts(*default_serializers(), root=tmp_path, key=b"x" * 32)
    with pytest.raises(Untrusted):
        stranger.decode(manifest)


class Squares(Dataset[Any]):
    """A dataset of a project's own."""

    def __init__(self, numbers: torch.Tensor, names: list[str]) -> None:
        self.numbers, self.names = numbers, names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: int) -> Any:
        return self.numbers[place] ** 2, self.names[place]


def test_other_datasets_have_their_tensors_aside(shelf: Artifacts) -> None:
    numbers = torch.arange(50_000.0)
    value = Squares(numbers, ["a", "b", "c"])
    part: Subset[Any] = random_split(
        TensorDataset(numbers), [10, 49_990], torch.Generator().manual_seed(1)
    )[0]
    for dataset in (value, part):
        manifest, _ = shelf.encode(dataset)
        assert (manifest.serializer, manifest.unsafe) == ("torch-module", True)
        assert [file.size > 100_000 for file in manifest.files] == [False, True]
        back = shelf.decode(manifest)
        assert repr([back[n] for n in range(3)]) == repr([dataset[n] for n in range(3)])
        assert shelf.digest(back) == manifest.content == shelf.digest(copy.deepcopy(dataset))


# ---- tensors that are more than their numbers


class Tagged(torch.Tensor):
    """A subclass."""


def tagged() -> torch.Tensor:
    tensor = torch.ones(3)
    tensor.unit = "m"  # type: ignore[attr-defined]  # what people do
    return tensor


MORE: dict[str, Any] = {
    "sparse": lambda: torch.eye(3).to_sparse(), "sparse by rows": lambda: torch.eye(3).to_sparse_csr(), "with an attribute": tagged,
    "nested": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "quantized": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "without data": lambda: torch.empty(3, device="meta"),
    "of a subclass": lambda: torch.ones(2).as_subclass(Tagged), "device": lambda: torch.device("cpu"),
    "dtype": lambda: torch.float32, "size": lambda: torch.Size([1, 2]),
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
@pytest.mark.filterwarnings("ignore")
def test_the_rest_is_pickled_and_marked(shelf: Artifacts, name: str) -> None:
    value = MORE[name]()
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("pickle", True)
    back = shelf.decode(manifest)
    assert type(back) is type(value)
    assert repr(back) == repr(value)
    assert getattr(back, "unit", "") == getattr(value, "unit", "")
    assert shelf.digest(back) == manifest.content == shelf.digest(MORE[name]())


def test_a_dict_with_one_tensor_of_its_own_kind_is_a_container(shelf: Artifacts) -> None:
    value = {"plain": torch.ones(2), "array": np.ones(2), "n": 1, "\ud800": torch.ones(1)}
    manifest, _ = shelf.encode(value)
    assert (manifest.serializer, manifest.unsafe) == ("json", False)
    back = shelf.decode(manifest)
    assert (type(back["plain"]), type(back["array"])) == (torch.Tensor, np.ndarray)


def contents() -> list[str]:
    shelf = artifacts(*default_serializers(), root=Path("/nowhere"))
    values = [*(seeded(make) for make in MODULES.values()), *TestTorch.values.values()]
    return [shelf.digest(value) for value in values]


def tensors() -> st.SearchStrategy[torch.Tensor]:
    arrays = hnp.arrays(
        st.sampled_from(["f8", "f4", "f2", "i8", "u1", "?", "c8"]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )

    def lie(array: Any, order: Any, every: int) -> torch.Tensor:
        tensor = torch.from_numpy(np.array(array))
        tensor = tensor.permute(sorted(range(tensor.dim()), key=order))
        return tensor[::every] if tensor.dim() else tensor

    orders = st.functions(like=lambda place: 0, returns=st.integers(), pure=True)
    return st.builds(lie, arrays, orders, st.integers(1, 3))


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=3), tensors(), min_size=1, max_size=4))
def test_reading_undoes_writing_and_a_digest_is_what_writing_gives(
    state: dict[str, torch.Tensor],
) -> None:
    shelf = artifacts(*default_serializers(), root=Path("/nowhere"))
    manifest, _ = shelf.encode(state)
    assert (manifest.serializer, manifest.unsafe) == ("torch", False)
    back = shelf.decode(manifest)
    assert list(back) == list(state)
    for name, tensor in state.items():
        raw = [t.detach().contiguous().numpy().tobytes() for t in (back[name], tensor)]
        assert (back[name].dtype, back[name].shape, raw[0]) == (tensor.dtype, tensor.shape, raw[1])
    whole = {
        name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in state.items()
    }
    assert shelf.digest(whole) == manifest.content == shelf.digest(back)


PROGRAM = """
import json, sys
sys.path.insert(0, {tests!r})
from test_torch import contents
print(json.dumps(contents()))
"""


def test_contents_are_the_same_in_every_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(tests=str(Path(__file__).parent))],
        env={**os.environ, "PYTHONHASHSEED": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == contents()


def test_datasets_modules_and_tensors_in_one_container(shelf: Artifacts) -> None:
    module = seeded(Net)
    value = {
        "train": TensorDataset(BASE, torch.arange(4)),
        "rows": [BASE, SHARED],
        "nested": {"state": module.state_dict(), "module": module, "weight": module.inner.weight},
        "test": TensorDataset(SHARED),
    }
    manifest, _ = shelf.encode(value)
    back = shelf.decode(manifest)
    assert shelf.digest(back) == manifest.content == shelf.digest(value)
    assert same(back["train"], value["train"])
    assert same(back["test"], value["test"])
    assert torch.equal(back["rows"][0], BASE)
    assert same(back["nested"]["module"].state_dict(), module.state_dict())
