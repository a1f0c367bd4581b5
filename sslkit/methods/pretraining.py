"""Pretraining: an encoder that learns from images alone, without a store."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
import torch
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.learning.choices import check_choice
from sslkit.learning.devices import launch
from sslkit.learning.encoders import Backbone, Encoder, EncoderSettings, stem_for
from sslkit.learning.loop import Progress, fit
from sslkit.learning.training import Training
from sslkit.methods import METHODS
from sslkit.methods.settings import Settings

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

# What works for small images: github.com/dkobak/simclr-cifar10.
TRAINING = Training(
    optimiser="sgd", lr=0.06, warmup=0.05, batch_size=256, weight_decay=5e-4
)


@dataclass(frozen=True)
class Pretrained:
    """What pretraining leaves.

    Attributes:
        encoder: What is judged and saved, in eval mode: the objective's ``encoder``.
        history: Columns epoch, step, metric, value.
        seconds: Time taken.
    """

    encoder: nn.Module
    history: pd.DataFrame
    seconds: float


def rows_to_learn_from(images: ImageSet, rows: Tensor | None = None) -> Tensor:
    """Some rows, if no test image is among them; all but the test part if not given.

    Raises:
        ValueError: If a row is of the test part.
    """
    if rows is None:
        return images.seen()
    if torch.isin(rows, images.rows("test")).any():
        raise ValueError("rows of the test part are not for pretraining")
    return rows


def pretrain(
    images: ImageSet,
    method: str | Settings,
    *,
    rows: Tensor | None = None,
    watched: Tensor | None = None,
    backbone: Backbone = "resnet18",
    stem: Literal["small", "image"] | None = None,
    init: str = "random",
    training: Training | None = None,
    epochs: int | None = None,
    seed: int = 0,
    precision: str = "auto",
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Pretrained:
    """Train an encoder on images without a label.

    Args:
        images: Where the rows are; never changed.
        method: A name of ``METHODS``, or settings, also of a class of your own.
        rows: ``(N,)`` int64, what to learn from. Without them every training and every
            unlabelled image; a test image never.
        watched: ``(M,)`` rows whose loss is measured and not learnt from, or none.
        backbone: ``"tiny"``, ``"small"``, ``"resnet18"``, ``"resnet34"`` or
            ``"resnet50"``.
        stem: ``"small"`` or ``"image"``; by the size of the images if not given.
        init: ``"random"``, ``"imagenet"`` or an encoder file.
        training: Optimiser, rate, length; ``TRAINING`` if not given.
        epochs: Passes over the images, in place of the training's length.
        seed: Of the initial weights, the order of the images and the views.
        precision: Lightning's name for it; ``"auto"`` is bf16 where the device
            computes in it, else 32 bits.
        fabric: Device, precision, processes; the best device if not given.
        checkpoint: A file to resume from, as ``fit`` writes it; the caller deletes it.
        watch: Called with a ``Progress`` at the end of each epoch; as a
            ``sslkit.judging.health.Health``, which says whether it is learning.

    Raises:
        ValueError: If the method is unknown, rows are of the test part, or settings do
            not fit together.
        FloatingPointError: If a loss is not finite.
    """
    if isinstance(method, str):
        check_choice("method", method, METHODS)
        method = METHODS[method]
    rows = rows_to_learn_from(images, rows)
    if watched is not None:
        watched = rows_to_learn_from(images, watched)
    training = training or TRAINING
    if epochs is not None:
        training = replace(training, epochs=epochs, steps=None)
    settings = EncoderSettings(
        backbone=backbone, stem=stem or stem_for(images.size, init), init=init
    )
    fabric = fabric or launch(precision)
    began = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        objective = method.objective(Encoder(settings))
    fitted = fit(
        objective,
        images.to(fabric.device),
        rows,
        validation=watched,
        training=training,
        seed=seed,
        fabric=fabric,
        checkpoint=checkpoint,
        title=f"pretrain {method.name}",
        select="last",
        watch=watch,
    )
    seconds = time.perf_counter() - began
    return Pretrained(objective.encoder.eval(), fitted.history, seconds)
