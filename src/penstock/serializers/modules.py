"""Modules and datasets of torch: their tensors in safetensors, the rest of them as a pickle, marked.

Equal weights in an equal structure are an equal content, by the walk: the pickle's bytes are not.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from penstock.core import unsafe
from penstock.core.ports import Encoded, Family, Files
from penstock.core.records import Manifest
from penstock.core.walk import digest_plain, unfold
from penstock.errors import SerializationError
from penstock.serializers.pickle import read
from penstock.serializers.torch import FILE as WEIGHTS
from penstock.serializers.torch import is_tensor, restore, store

FILE = "structure.pickle"


@dataclass(frozen=True)
class Modules:
    """Any `nn.Module` or `Dataset`; other tools find a module's weights in the tensors' file by name."""

    name: str = field(default="torch-module", init=False)
    walked: bool = field(default=True, init=False)
    family: Family | None = None

    def joined(self, family: Family) -> Modules:
        return Modules(family)

    def accepts(self, value: object) -> bool:
        torch: Any = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "nn"):
            return False
        data: Any = sys.modules.get("torch.utils.data")
        if isinstance(value, torch.nn.Module):
            return True
        return data is not None and isinstance(value, data.Dataset)

    def pool(self, value: object) -> str:
        return "pickle"  # an optimizer beside its module is kept with it: they share the weights

    def encode(self, value: Any, files: Files) -> Encoded:
        _refuse_compiled(value)
        names, tensors = _named(value), dict[str, Any]()

        def aside(part: object) -> str | None:
            if not is_tensor(part):
                return None
            name = names.setdefault(id(part), f".{len(tensors)}")
            tensors[name] = part  # alive until all is written: no other one gets its address
            return name

        with files.create(FILE) as file:
            unsafe.dump(value, file, aside)
        meta: dict[str, Any] = {"tensors": store(tensors, files)}
        if isinstance(value, sys.modules["torch"].nn.Module):
            meta["parameters"] = sum(
                # Of a lazy module's parameters the shapes are not known yet.
                part.numel()
                for part in value.parameters()
                if is_tensor(part)
            )
        return Encoded(meta=meta, content=self.digest(value), unsafe=True)

    def decode(self, manifest: Manifest, files: Mapping[str, Path | bytes]) -> Any:
        tensors = restore(manifest.meta["tensors"], files[WEIGHTS])
        return read(FILE, manifest, files, self.family, tensors.__getitem__)

    def digest(self, value: Any) -> str:
        _refuse_compiled(value)
        return digest_plain(value, unfold) if self.family is None else self.family.digest(value)


def _named(value: Any) -> dict[int, str]:
    """Tensors of a module by the names that they have in its `state_dict()`."""
    if not isinstance(value, sys.modules["torch"].nn.Module):
        return {}
    named = (*value.named_parameters(), *value.named_buffers())
    return {id(tensor): name for name, tensor in named}


def _refuse_compiled(value: Any) -> None:
    jit: Any = sys.modules.get("torch.jit")
    if jit is not None and isinstance(value, jit.ScriptModule):
        raise SerializationError(
            "a compiled module of torch.jit is neither weights nor a Python object",
            hint="Write it to a file: `torch.jit.save(module, context().scratch / 'module.pt')`, "
            "and return the file's path.",
        )
