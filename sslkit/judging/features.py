"""Features of frozen encoders: read once, kept, and taken like images."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from sslkit.images.devices import to_device
from sslkit.images.imageset import ImageSet
from sslkit.learning.encoders import Encoder
from sslkit.views import pieces

BATCH = 256  # images at a time where nothing is learnt


class Features:
    """The features of an image set, computed when first asked for and kept.

    Takes the place of an image set: ``take(rows)`` gives features ``(B, dim)`` and
    labels. The encoder is read in eval mode without gradients, so neither its weights
    nor its batch-norm statistics can move.

    Args:
        encoder: What is read: any module that gives ``(B, D)`` for floats in [0, 1].
        images: The images.
        layer: One of ``encoder.layers`` to read in place of its output.

    Raises:
        ValueError: If the encoder gives anything but ``(B, D)``.
    """

    def __init__(
        self, encoder: nn.Module, images: ImageSet, layer: str | None = None
    ) -> None:
        self.encoder = encoder
        self.images = images
        self.layer = layer
        self.known = torch.zeros(len(images), dtype=torch.bool)
        nothing = torch.zeros(1, *images.images.shape[1:], device=images.device)
        with torch.no_grad():
            found = self._read(nothing)
        self.dim = found.shape[1]
        self.values = torch.zeros(len(images), self.dim, device=images.device)

    @torch.no_grad()
    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, dim)`` and labels ``(B,)``, on the device of the images.

        Args:
            rows: ``(B,)`` int64, on the CPU or the device.
        """
        here = rows.cpu()
        new = here[~self.known[here]]
        if len(new):
            for some in new.split(BATCH):
                batch, _ = self.images.take(some)
                some = some.to(self.values.device)
                self.values[some] = self._read(batch)
            self.known[new] = True
        there = to_device(rows, self.values.device)
        return self.values[there], self.images.labels[there]

    def _read(self, images: Tensor) -> Tensor:
        self.encoder.eval()
        views = pieces.to_float(images)
        if self.layer is None:
            found: Any = self.encoder(views)
        else:
            found = self.encoder.layers(views)[self.layer]  # type: ignore[operator]
        if not isinstance(found, Tensor) or found.ndim != 2:
            kind = type(found).__name__
            given = (*found.shape,) if isinstance(found, Tensor) else f"a {kind}"
            raise ValueError(
                f"an encoder gives features (B, D); this one gives {given}"
            )
        return found.float()


@torch.no_grad()
def settle(encoder: Encoder, images: ImageSet, rows: Tensor) -> None:
    """Let the batch-norm of an encoder that never learnt see some images.

    New batch-norm takes all features for standard normal ones. A random encoder's are
    far smaller, so that without this its heads would hardly learn, and the floor that
    it stands for would be too low. The statistics become those of ``rows``, in their
    plain views; no weight moves.

    Args:
        encoder: Changed in place, left in eval mode.
        images: Where the rows are.
        rows: ``(N,)``, training images.
    """
    norms = [m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)]
    usual = [norm.momentum for norm in norms]
    encoder.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean of all batches
    for some in torch.tensor_split(rows, math.ceil(len(rows) / BATCH)):
        encoder(pieces.to_float(images.take(some)[0]))
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
    encoder.eval()
