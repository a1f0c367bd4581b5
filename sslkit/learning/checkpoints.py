"""Checkpoints: what an interrupted training goes on from."""

from __future__ import annotations

import copy
import hashlib
import math
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from sslkit.images.files import whole
from sslkit.images.names import first_line
from sslkit.learning import weights
from sslkit.learning.training import Training

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

Select = Literal["validation", "last"] | int
"""Whose weights are kept: the lowest validation loss's, the last, or of an epoch."""


def deciding(
    training: Training,
    *,
    seed: int,
    select: Select,
    rows: Tensor,
    validation: Tensor | None,
) -> dict[str, Any]:
    """What tells a training from others of the same module on the same images.

    Args are those of ``fit``; plain values, of the rows their digest.
    """
    held = rows[:0] if validation is None else validation
    return asdict(training) | {
        "seed": seed,
        "select": select,
        "rows": hashlib.sha256(rows.numpy().tobytes()).hexdigest(),
        "validation": hashlib.sha256(held.numpy().tobytes()).hexdigest(),
    }


class State:
    """What an interrupted training needs beside weights and optimiser.

    Attributes:
        decided_by: From ``deciding``.
        epoch: How many are done.
        history: Epoch, step, metric, value.
        selected: The weights of the selected epoch.
        chosen: That epoch, counted from 1.
        lowest: Its validation loss.
    """

    def __init__(self, decided_by: dict[str, Any]) -> None:
        self.decided_by = decided_by
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
        """Write it all whole or not at all; the first process does.

        Raises:
            OSError: If it cannot be written; names the file.
        """
        if not fabric.is_global_zero:
            return
        kept = {
            "module": module.state_dict(),
            "optimiser": optimiser.state_dict(),
            **vars(self),
        }
        # To a file that Python opened: torch's own says nothing of a full disk.
        with whole(path) as partial, partial.open("wb") as file:
            torch.save(kept, file)

    def resume(
        self,
        path: Path,
        module: nn.Module,
        optimiser: torch.optim.Optimizer,
        fabric: Fabric,
    ) -> None:
        """Go on from what ``save`` wrote, or begin anew if that cannot be.

        A file that is torn, that is none of ours or that another training wrote (of
        another module, or by other settings, seed or rows) is put aside, with a
        warning: nothing is lost but time. Nothing in it is ever run.
        """
        first = copy.deepcopy((module.state_dict(), optimiser.state_dict()))
        try:
            kept = weights.plain(path, fabric.device)
            module.load_state_dict(kept.pop("module"))
            optimiser.load_state_dict(kept.pop("optimiser"))
            if kept.keys() != vars(self).keys():
                raise ValueError(f"it holds {', '.join(map(str, kept))}")
            own, other = self.decided_by, kept["decided_by"]
            if unlike := [name for name in own if own[name] != other.get(name)]:
                raise ValueError(f"it is of another {', another '.join(unlike)}")
        # Each kind of damage raises its own; all end in the warning.
        except Exception as error:  # noqa: BLE001
            module.load_state_dict(first[0])
            optimiser.load_state_dict(first[1])
            fabric.barrier()  # all have looked at it
            if fabric.is_global_zero:
                aside = path.replace(path.with_name(f"{path.name}.unreadable"))
                warnings.warn(
                    f"'{path}' is no checkpoint of this training, which begins anew: "
                    f"{first_line(error)}; it is now '{aside}'",
                    stacklevel=2,
                )
            return
        vars(self).update(kept)
