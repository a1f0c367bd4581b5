"""Checkpoints: what an interrupted training goes on from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used


class State:
    """What an interrupted training needs beside weights and optimiser.

    Attributes:
        epoch: How many are done.
        history: Epoch, step, metric, value.
        selected: The weights of the epoch with the lowest validation loss.
        epochs: That epoch by part, counted from 1.
        lowest: Its loss by part.
    """

    def __init__(self, parts: Sequence[str]) -> None:
        self.epoch = 0
        self.history: list[tuple[int, int, str, float]] = []
        self.selected: dict[str, Tensor] = {}
        self.epochs = dict.fromkeys(parts or [""], 0)
        self.lowest = dict.fromkeys(self.epochs, math.inf)

    def finish_epoch(
        self, module: nn.Module, values: dict[str, float], steps: int
    ) -> None:
        """Note an epoch's values, and its weights if they are the best so far."""
        self.epoch += 1
        self.history += [(self.epoch, steps, metric, v) for metric, v in values.items()]
        for part in self.epochs:
            metric, within = f"val_{part}_loss" if part else "val_loss", f"{part}."
            # Without validation the last epoch is taken.
            loss = values.get(metric, -self.epoch)
            if loss < self.lowest[part]:
                self.lowest[part], self.epochs[part] = loss, self.epoch
                self.selected |= {
                    name: value.detach().clone()
                    for name, value in module.state_dict().items()
                    if not part or name.startswith(within)
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
