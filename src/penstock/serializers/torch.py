"""Tensors of torch, flat dicts of them (state dicts) and tensor datasets, in safetensors.

Equal values are equal contents, however they lie in memory, whatever device they were on, and
whether parts are shared. What is read lies on the CPU, mapped privately: it may be changed in place.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from penstock.core.digest import digest_bytes, digest_struct
from penstock.core.ports import Encoded, Files
from penstock.core.records import Manifest
from penstock.errors import Unfit
from penstock.serializers import safetensors, tree, untree

_sorted = msgspec.json.Encoder(order="deterministic").encode
FILE = "tensors.safetensors"
ONLY = "tensor"
SHOWN = 100
"""Tensors that a manifest lists."""


class Torch:
    """Not subclasses of Tensor, sparse and quantized ones, and those with attributes of their own."""

    name = "torch"

    def accepts(self, value: object) -> bool:
        torch = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "nn"):  # it is being imported
            return False
        if type(value) in (dict, OrderedDict):
            return _is_state(value)
        return is_tensor(value) or _is_dataset(value) or _is_storage(value)

    def pool(self, value: object) -> str:
        return "tensors" if is_tensor(value) else ""

    def encode(self, value: Any, files: Files) -> Encoded:
        return Encoded(meta=store(value, files), content=self.digest(value))

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        return restore(manifest.meta, files[FILE])

    def digest(self, value: Any) -> str:
        if _is_storage(value):
            return _memory_content(value)
        kind, tensors = _taken_apart(value)
        if kind == "tensor":
            return _content(value)
        parts = [part for name, tensor in tensors.items() for part in (name, _content(tensor))]
        attributes = _attributes(value) if kind == "OrderedDict" else {}
        return digest_struct("tensors", kind, parts, _sorted(attributes))


def store(value: Any, files: Files) -> dict[str, Any]:
    """Write what `Torch` accepts, or a list of tensors; what `restore` needs of it."""
    kind, tensors = _taken_apart(value)
    prepared, notes, first = {}, {}, dict[Any, str]()
    for name, tensor in tensors.items():
        described = _described(tensor)
        same = first.setdefault(_place(tensor, described), name)
        if same != name:
            described = {"same": same}
        else:
            prepared[name] = _numbers(tensor)
        if described:
            notes[name] = described
    note: dict[str, Any] = {"tensors": notes} if notes else {}
    if len(prepared) < len(tensors):
        note["names"] = list(tensors)  # the file has each memory once, so not all of them
    safetensors.write(files, FILE, prepared, _sorted(note).decode() if note else "")
    meta = {"kind": kind, **_shown(kind, tensors)}
    if kind == "OrderedDict" and vars(value):
        meta["attributes"] = _attributes(value)
    return meta


def restore(meta: Mapping[str, Any], file: Path | bytes) -> Any:
    found, text = safetensors.read(file)
    note = msgspec.json.decode(text) if text else {}
    notes = note.get("tensors", {})
    values = {name: _restored(tensor, notes.get(name, {})) for name, tensor in found.items()}
    names = note.get("names", values)
    return _put_together(
        meta, {name: values[notes.get(name, {}).get("same", name)] for name in names}
    )


def is_tensor(value: object) -> bool:
    """Whether its numbers, its shape and whether it is trained are all there is to a value."""
    torch: Any = sys.modules["torch"]
    if type(value) not in (torch.Tensor, torch.nn.Parameter):
        return False
    tensor: Any = value
    return (
        tensor.layout is torch.strided
        and not tensor.is_nested
        and not any(getattr(tensor, "names", ()))  # older versions of torch name dimensions
        and tensor.device.type != "meta"
        and (tensor.is_complex() or safetensors.dtype_name(tensor) in safetensors.DTYPES)
        and not vars(tensor)
    )


def _is_state(value: Any) -> bool:
    return bool(value) and all(
        type(key) is str and is_tensor(tensor) and _is_name(key) for key, tensor in value.items()
    )


def _is_name(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False
    return key != safetensors.RESERVED


def _is_dataset(value: Any) -> bool:
    data: Any = sys.modules.get("torch.utils.data")
    return (
        data is not None
        and type(value) is data.TensorDataset
        and vars(value).keys() == {"tensors"}
        and all(map(is_tensor, value.tensors))
    )


def _is_storage(value: Any) -> bool:
    storage: Any = sys.modules.get("torch.storage")
    kinds = (storage.TypedStorage, storage.UntypedStorage) if storage is not None else ()
    return isinstance(value, kinds) and _bare(value).device.type == "cpu"


def _bare(storage: Any) -> Any:
    # The public way from a typed storage to the untyped one warns that it will be removed.
    return getattr(storage, "_untyped_storage", storage)


def _taken_apart(value: Any) -> tuple[str, dict[str, Any]]:
    """What it is, and its tensors by name."""
    match value:
        case dict():
            return type(value).__name__, dict(value)
        case list():
            return "list", {str(number): tensor for number, tensor in enumerate(value)}
    if is_tensor(value):
        return "tensor", {ONLY: value}
    if _is_storage(value):
        raise Unfit("the memory of a tensor is not stored without it")
    return "dataset", {str(number): tensor for number, tensor in enumerate(value.tensors)}


def _put_together(meta: Mapping[str, Any], values: dict[str, Any]) -> Any:
    match meta["kind"]:
        case "tensor":
            return values[ONLY]
        case "list":
            return list(values.values())
        case "dataset":
            data: Any = sys.modules["torch"].utils.data
            return data.TensorDataset(*values.values())
        case "OrderedDict":
            state = OrderedDict(values)
            for name, attribute in meta.get("attributes", {}).items():
                setattr(state, name, untree.loads(_sorted(attribute), _refused))
            return state
    return values


def _attributes(value: Any) -> dict[str, Any]:
    """What stands beside the tensors: a module's `state_dict()` has its versions in `_metadata`."""
    return {
        name: msgspec.json.decode(tree.dumps(attribute, _refused))
        for name, attribute in vars(value).items()
    }


def _refused(part: object) -> Any:
    raise Unfit(f"a '{type(part).__name__}' beside the tensors of a dict has no form in JSON")


# ---- one tensor


def _numbers(tensor: Any) -> Any:
    """The numbers alone; complex ones as pairs."""
    import torch

    tensor = tensor.detach().resolve_conj().resolve_neg()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _described(tensor: Any) -> dict[str, Any]:
    """What the format does not say of a tensor."""
    import torch

    note: dict[str, Any] = {}
    if tensor.is_complex():
        note["complex"] = True
    if type(tensor) is torch.nn.Parameter:
        note["parameter"] = tensor.requires_grad
    elif tensor.requires_grad:
        note["grad"] = True
    order = _order(tensor)
    if order:
        note["order"] = order
    return note


def _order(tensor: Any) -> list[int]:
    """The dimensions as they lie, where that is not as they are counted: transposed, channels last."""
    if tensor.is_contiguous():
        return []
    order = sorted(range(tensor.dim()), key=lambda place: -tensor.stride(place))
    return order if tensor.permute(order).is_contiguous() else []


def _place(tensor: Any, note: dict[str, Any]) -> object:
    """What two names of the same memory have in common."""
    if not tensor.numel():
        return object()
    begin = (tensor.untyped_storage().data_ptr(), tensor.storage_offset(), str(tensor.device))
    views = (tensor.is_conj(), tensor.is_neg(), _sorted(note))
    return begin, tensor.shape, tensor.stride(), tensor.dtype, views


def _restored(tensor: Any, note: dict[str, Any]) -> Any:
    import torch

    if "complex" in note:
        tensor = torch.view_as_complex(tensor)
    if order := note.get("order"):
        back = [order.index(place) for place in range(len(order))]
        tensor = tensor.permute(order).contiguous().permute(back)
    if "parameter" in note:
        return torch.nn.Parameter(tensor, requires_grad=note["parameter"])
    return tensor.requires_grad_() if "grad" in note else tensor


def _content(tensor: Any) -> str:
    import torch

    plain = safetensors.in_order(_numbers(tensor))
    trained = (type(tensor) is torch.nn.Parameter, tensor.requires_grad)
    data = safetensors.memory(plain) if plain.numel() else b""
    described = (str(tensor.dtype), tuple(tensor.shape), *trained)
    return digest_struct("tensor", *described, digest_bytes(data))


def _memory_content(storage: Any) -> str:
    """Of the memory of a tensor that is more than its numbers: its pickle differs each time."""
    bare = _bare(storage)
    data = safetensors.memory_at(bare.data_ptr(), bare.nbytes()) if bare.nbytes() else b""
    return digest_struct("storage", type(storage).__name__, digest_bytes(data))


def _shown(kind: str, tensors: dict[str, Any]) -> dict[str, Any]:
    if kind == "tensor":
        (tensor,) = tensors.values()
        return {"dtype": safetensors.dtype_name(tensor), "shape": list(tensor.shape)}
    shapes = {
        name: f"{safetensors.dtype_name(tensor)} {list(tensor.shape)}"
        for name, tensor in islice(tensors.items(), SHOWN)
    }
    numbers = sum(tensor.numel() for tensor in tensors.values())
    return {"tensors": len(tensors), "numbers": numbers, "shapes": shapes}
