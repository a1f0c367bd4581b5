"""Checkpoints: what an interrupted training goes on from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

Select = Literal["validation", "last"] | int
"""Whose weights are kept: the lowest validation loss's, the last, or of an epoch."""


class State:
    """What an interrupted training needs beside weights and optimiser.

    Attributes:
        epoch: How many are done.
        history: Epoch, step, metric, value.
        selected: The weights of the selected epoch.
        chosen: That epoch, counted from 1.
        lowest: Its validation loss.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self.history: list[tuple[int, int, str, float]] = []
        self.selected: dict[str, Tensor] = {}
        self.chosen = 0
        self.lowest = math.inf

    def finish_epoch(
        self, module: nn.Module, values: dict[str, float], *, steps: int, select: Select
    ) -> None:
        """Note an epoch's values, and its weights if they are the ones to keep."""
        self.epoch += 1
        self.history += [(self.epoch, steps, metric, v) for metric, v in values.items()]
        if select == "validation" and "val_loss" in values:
            better = values["val_loss"] < self.lowest
            self.lowest = min(self.lowest, values["val_loss"])
        else:  # a given epoch, or the last so far
            better = select in ("validation", "last", self.epoch)
        if better:
            self.chosen = self.epoch
            self.selected = {
                name: value.detach().clone()
                for name, value in module.state_dict().items()
            }

    def save(
        self,
        path: Path,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        fabric: Fabric,
    ) -> None:
        """Write it all whole or not at all; the first process does."""
        if not fabric.is_global_zero:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save(
            {
                "module": module.state_dict(),
                "optimiser": optimiser.state_dict(),
                **vars(self),
            },
            partial,
        )
        partial.replace(path)

    def resume(
        self,
        path: Path,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        fabric: Fabric,
    ) -> None:
        """Go on from what ``save`` wrote."""
        kept = torch.load(path, map_location=fabric.device, weights_only=True)
        module.load_state_dict(kept.pop("module"))
        optimiser.load_state_dict(kept.pop("optimiser"))
        vars(self).update(kept)
