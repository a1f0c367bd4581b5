"""The one loop over images: any objective, any images, any number of epochs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.std import tqdm

from sslkit.learning import memory
from sslkit.learning.batches import Batch, Batches, TakesRows
from sslkit.learning.checkpoints import Select, State, deciding
from sslkit.learning.devices import keep_freed_memory
from sslkit.learning.distributed import sharing, synchronise
from sslkit.learning.objective import Objective
from sslkit.learning.training import Training, learning_rate, new_optimiser
from sslkit.views.random_numbers import RandomNumbers

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

SECONDS_BETWEEN_CHECKPOINTS = 10
VALIDATION_SEED = 2**31 - 1  # the views of validation images are the same every epoch
WAYS_OUT = "try a lower lr, a warmup, or full precision (precision='32-true')"


@dataclass(frozen=True)
class Fitted:
    """What training leaves beside the trained objective.

    Attributes:
        history: Columns epoch, step, metric, value; metrics ``train_loss``,
            ``val_loss``, ``lr`` and whatever else the objective reports.
        selected: The weights of the selected epoch. The objective itself holds the
            last ones.
        epoch: The selected epoch, counted from 1.
    """

    history: pd.DataFrame
    selected: dict[str, Tensor]
    epoch: int


@dataclass(frozen=True)
class Progress:
    """Where a training stands at the end of an epoch: what ``watch`` is told.

    Attributes:
        epoch: How many are done, of ``epochs``.
        epochs: How many there will be.
        step: How many optimiser steps are done.
        values: The epoch's means by metric, as in the history.
        objective: What is being trained; look, and leave it as it is.
    """

    epoch: int
    epochs: int
    step: int
    values: dict[str, float]
    objective: Objective


def fit(
    objective: Objective,
    images: TakesRows,
    rows: Tensor,
    *,
    validation: Tensor | None,
    training: Training,
    seed: int,
    fabric: Fabric,
    checkpoint: Path | None = None,
    title: str = "training",
    bar: bool = True,
    select: Select = "validation",
    watch: Callable[[Progress], None] | None = None,
) -> Fitted:
    """Train ``objective`` on the images of ``rows``; an interrupted run resumes.

    Several processes share every batch, and learn what one process would: each makes
    the views of its own rows, batch-norm and losses are taken over all of them.

    Args:
        objective: What to train, on any device; left on Fabric's device, in eval mode.
        images: Where batches come from.
        rows: ``(N,)`` int64, the rows to learn from.
        validation: ``(M,)`` rows whose loss is watched and may select; none, or an
            empty tensor, if there are no such.
        training: Optimiser, schedule, length.
        seed: Decides the order of the images and every random view.
        fabric: Device, precision, processes.
        checkpoint: Written every few seconds at the end of an epoch, and resumed from
            when it exists; the result is the same as without interruption. One of
            another training is put aside.
        title: What the progress bar says.
        bar: Whether there is one.
        select: The epoch whose weights are kept beside the last: that of the lowest
            ``"validation"`` loss (the last without validation rows), the ``"last"``,
            or one given by its number, from 1.
        watch: Called at the end of every epoch, by the first process alone, with the
            objective in eval mode.

    Raises:
        ValueError: If there are no rows, fewer in a batch than processes, no epoch to
            ``select``, or nothing in the objective can learn.
        FloatingPointError: If a loss is not finite; names the step and what to try.
        MemoryError: If a batch does not fit; names one that does, where one was found.
    """
    if len(rows) == 0:
        raise ValueError(f"{title}: no images to train on")
    if validation is not None and not len(validation):
        validation = None  # a budget too small to have any
    if select not in ("validation", "last", *range(1, training.epochs + 1)):
        raise ValueError(
            f"{title}: select is {select!r}; it is 'validation', 'last' or an epoch, 1 "
            f"to {training.epochs}"
        )
    if fabric.device.type == "cpu":
        keep_freed_memory()
    module = cast(nn.Module, objective)
    module = synchronise(module.to(fabric.device))
    optimiser = new_optimiser(module, training)
    model, optimiser = fabric.setup(module, optimiser)
    epoch_steps = training.epoch_steps(len(rows))
    total = epoch_steps * training.epochs

    def batches_of(size: int, rows: Tensor) -> Batches:
        return Batches(
            images,
            objective.views,
            rows,
            batch_size=size,
            seed=seed,
            fabric=fabric,
            size=partial(training.size, total=total),
        )

    def learn(batch: Batch) -> dict[str, Tensor]:
        with sharing(batch.held):
            outputs: dict[str, Tensor] = model(batch.views, batch.labels)
            fabric.backward(outputs["loss"])
        optimiser.step()
        optimiser.zero_grad()
        return outputs

    def attempt(size: int) -> None:
        """Learn from so many images, in the largest views; this training is over."""
        optimiser.zero_grad()
        learn(batches_of(size, rows[:size]).make(total - 1))

    batches = batches_of(training.batch_size, rows)
    alone = fabric.world_size == 1  # of several processes, all must do a step together

    state = State(
        deciding(training, seed=seed, select=select, rows=rows, validation=validation)
    )
    if checkpoint is not None and checkpoint.exists():
        state.resume(checkpoint, module, optimiser, fabric)
    saved = time.monotonic()
    quiet: Any = {} if bar and fabric.is_global_zero else {"disable": True}
    epochs = tqdm(
        range(state.epoch, training.epochs),
        title,
        training.epochs,
        initial=state.epoch,
        unit="epoch",
        mininterval=1,
        dynamic_ncols=True,
        **quiet,
    )
    for epoch in epochs:
        module.train()
        seen: dict[str, list[Tensor]] = {}
        steps = range(epoch * epoch_steps, (epoch + 1) * epoch_steps)
        with memory.told(title, training.batch_size, attempt if alone else None):
            for step, batch in zip(steps, batches.of(steps), strict=True):
                for group in optimiser.param_groups:
                    group["lr"] = learning_rate(step, total, training)
                outputs = learn(batch)
                objective.after_step((step + 1) / total)
                for metric, value in outputs.items():
                    seen.setdefault(metric, []).append(value.detach())
        values = _epoch_means(seen, first=epoch * epoch_steps, title=title)
        values["lr"] = learning_rate((epoch + 1) * epoch_steps - 1, total, training)
        if validation is not None:
            values |= _validate(
                model, objective, images, validation, training.batch_size
            )
        if not math.isfinite(values.get("val_loss", 0.0)):
            raise FloatingPointError(
                f"{title}: the validation loss is {values['val_loss']} after step "
                f"{(epoch + 1) * epoch_steps - 1}; {WAYS_OUT}"
            )
        done = (epoch + 1) * epoch_steps
        state.finish_epoch(module, values, steps=done, select=select)
        epochs.set_postfix(
            {k: f"{v:.3g}" for k, v in values.items() if k.endswith("loss")}
        )
        due = time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS
        if checkpoint is not None and due and epoch + 1 < training.epochs:
            state.save(checkpoint, module, optimiser, fabric)
            saved = time.monotonic()
        if watch is not None and fabric.is_global_zero:
            module.eval()  # so that a look through the encoder leaves its batch-norm
            watch(Progress(epoch + 1, training.epochs, done, values, objective))
    module.eval()
    history = pd.DataFrame(state.history, columns=["epoch", "step", "metric", "value"])
    return Fitted(history, state.selected, state.chosen)


def _epoch_means(
    seen: dict[str, list[Tensor]], *, first: int, title: str
) -> dict[str, float]:
    """Means over an epoch: the one copy to the host, and the check on the losses."""
    names = list(seen)
    table = torch.stack([torch.stack(seen[name]).float() for name in names]).cpu()
    losses = table[names.index("loss")]
    if not torch.isfinite(losses).all():
        step = first + int((~torch.isfinite(losses)).nonzero()[0])
        raise FloatingPointError(
            f"{title}: the loss is {losses[step - first].item()} at step {step}; "
            f"{WAYS_OUT}"
        )
    return {
        f"train_{name}": float(row.mean())
        for name, row in zip(names, table, strict=True)
    }


@torch.no_grad()
def _validate(
    model: nn.Module,
    objective: Objective,
    images: TakesRows,
    rows: Tensor,
    batch_size: int,
) -> dict[str, float]:
    """Means over validation images; every image counts, in views that never change."""
    model.eval()
    sums: dict[str, Tensor] = {}
    dealt = torch.tensor_split(rows, math.ceil(len(rows) / batch_size))
    for index, batch_rows in enumerate(dealt):
        batch, labels = images.take(batch_rows)
        random = RandomNumbers(
            VALIDATION_SEED, index, size=len(batch), device=batch.device
        )
        for metric, value in model(objective.views(batch, random), labels).items():
            share = value.float() * len(batch) / len(rows)
            sums[metric] = sums[metric] + share if metric in sums else share
    return {f"val_{name}": float(value) for name, value in sums.items()}
