"""torch in real runs: seeded, its draws noticed, its modules trained, kept and reused, in every process."""

from __future__ import annotations

from pathlib import Path

import pytest
from place import Place

FLOW = """
from typing import NamedTuple

from penstock import context, each, pipeline, step


@step
def late() -> list[float]:
    import torch  # not before this step runs

    return torch.rand(2).tolist()


@step
def plain() -> float:
    import torch

    return torch.ones(2).sum().item()


@step
def own() -> float:
    import torch

    return torch.rand(1, generator=torch.Generator().manual_seed(1)).item()


@step
def shuffled() -> list[int]:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.arange(6)), batch_size=1, shuffle=True)
    return [batch[0].item() for batch in loader]


@step
def reseeded() -> float:
    import torch

    torch.manual_seed(3)
    return torch.rand(1).item()


@step
def initial() -> int:
    import torch

    return torch.initial_seed() == context().seed


@step
def item(number: int) -> float:
    import torch

    return torch.rand(1).item()


@pipeline
def drawing():
    items = item.map(each([1, 2]))
    return [late(), plain(), own(), shuffled(), reseeded(), initial(), items]


class Trained(NamedTuple):
    module: object
    loss: float


@step
def train(epochs: int) -> Trained:
    import torch

    rows = torch.rand(20, 3)
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))
    for _ in range(epochs):
        loss = ((module(rows) - rows.sum(1, keepdim=True)) ** 2).mean()
        for weight, gradient in zip(
            module.parameters(), torch.autograd.grad(loss, list(module.parameters()))
        ):
            weight.data -= 0.01 * gradient
    return Trained(module, loss.item())


@step
def evaluate(module: object) -> float:
    import torch

    module.eval()
    with torch.no_grad():
        return module(torch.ones(1, 3)).item()


@step
def weights(module: object) -> dict:
    return module.state_dict()


@step
def shapes(state: dict) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in state.items()}


@pipeline
def training(epochs: int = 3):
    trained = train(epochs)
    return [evaluate(trained.module), shapes(weights(trained.module)), trained.loss]
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "penstock.toml").touch()
    return Place(tmp_path.resolve()).write(flow=FLOW)


def test_who_draws_from_torch_is_made_again_under_another_seed(place: Place) -> None:
    first = place.run("flow:drawing")
    assert first.status == "done"
    assert first.result[6][0] != first.result[6][1]
    other = place.run("flow:drawing", seed=1, workers=2)
    drawers = {"late", "shuffled", "reseeded", "initial", "item", "item[0]", "item[1]"}
    assert other.executed == drawers
    changed = [one != two for one, two in zip(first.result, other.result, strict=True)]
    assert changed == [True, False, False, True, False, False, True]
    assert first.result[5] is other.result[5] is True
    back = place.run("flow:drawing")
    assert (back.executed - {"item"}, back.result) == (set(), first.result)
    # The same seed on workers, cold.
    assert place.run("flow:drawing", workers=2, cache=False).result == first.result


def test_a_module_is_trained_alike_kept_and_reused(place: Place) -> None:
    first = place.run("flow:training")
    assert first.result[1] == {"0.weight": [4, 3], "0.bias": [4], "2.weight": [1, 4], "2.bias": [1]}
    # Trained anew it is the same module to the last bit: what hangs on it is known.
    anew = place.run("flow:training", refresh=["train"], workers=2)
    assert (anew.executed, anew.result) == ({"train"}, first.result)
    longer = place.run("flow:training", 4)
    assert longer.executed == {"train", "evaluate", "weights", "shapes"}
