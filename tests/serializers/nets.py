"""Modules of a project, as its steps would return them; apart from the other classes, as torch is slow to load."""

from __future__ import annotations

import torch


class Net(torch.nn.Module):
    """Weights, and a buffer that is no float."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(3, 2)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.inner(rows)
