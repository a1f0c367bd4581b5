"""What learns from labels: a head with its encoder, or heads on frozen features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.images.devices import to_device
from sslkit.images.imageset import ImageSet
from sslkit.learning.distributed import gather
from sslkit.learning.encoders import Encoder
from sslkit.views import augment, pieces
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

BATCH = 256  # images at a time where nothing is learnt


class Classifier(nn.Module):
    """An encoder with a head: the objective of supervised training and fine-tuning."""

    def __init__(
        self, encoder: nn.Module, head: nn.Module, augmentation: Augmentation | None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.augmentation = augmentation

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """One view: random in training, the plain image otherwise."""
        if self.training and self.augmentation is not None:
            return [augment.view(images, self.augmentation, random)]
        return [pieces.to_float(images)]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Logits ``(B, classes)``; with labels also cross-entropy and accuracy."""
        logits = self.head(self.encoder(views[0]))
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if labels is None:
            return {"logits": logits}
        logits, labels = gather(logits), gather(labels)
        accuracy = (logits.detach().argmax(1) == labels).float().mean()
        return {"loss": F.cross_entropy(logits, labels), "accuracy": accuracy}

    def after_step(self, progress: float) -> None:
        """Nothing moves but what the optimiser moves."""


class Heads(nn.ModuleDict):
    """Heads on the same frozen features, which learn at once and each for itself.

    The loss is the sum of theirs; since no weight is in two of them, each gets the
    gradient that it would get alone.
    """

    @property
    def encoder(self) -> nn.Module:
        """None: features are what is given."""
        return nn.Identity()

    def views(self, images: Tensor, random: RandomNumbers) -> list[Tensor]:
        """The features as they are."""
        return [images]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Logits by head; with labels the loss, and loss and accuracy by head."""
        found = {name: head(views[0]) for name, head in self.items()}
        wide = {
            k: v.to(torch.promote_types(v.dtype, torch.float32))
            for k, v in found.items()
        }
        if labels is None:
            return wide
        outputs = {}
        labels = gather(labels)
        for name, own in wide.items():
            logits = gather(own)
            outputs[f"{name}_loss"] = F.cross_entropy(logits, labels)
            right = (logits.detach().argmax(1) == labels).float().mean()
            outputs[f"{name}_accuracy"] = right
        loss = torch.stack([outputs[f"{name}_loss"] for name in wide]).sum()
        return {"loss": loss, **outputs}

    def after_step(self, progress: float) -> None:
        """Nothing moves but what the optimiser moves."""


class Features:
    """The features of an image set, computed when first asked for and kept.

    Takes the place of an image set: ``take(rows)`` gives features ``(B, dim)`` and
    labels. The encoder is read in eval mode without gradients, so neither its weights
    nor its batch-norm statistics can move.

    Args:
        encoder: What is read.
        images: The images.
        layer: One of ``encoder.layers`` to read in place of its output.
    """

    def __init__(
        self, encoder: Encoder, images: ImageSet, layer: str | None = None
    ) -> None:
        self.encoder = encoder
        self.images = images
        self.layer = layer
        self.known = torch.zeros(len(images), dtype=torch.bool)
        self.dim = encoder.dim
        if layer is not None:
            nothing = torch.zeros(1, *images.images.shape[1:], device=images.device)
            with torch.no_grad():
                self.dim = self._read(nothing).shape[1]
        self.values = torch.zeros(len(images), self.dim, device=images.device)

    @torch.no_grad()
    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, dim)`` and labels ``(B,)`` of ``rows``, a CPU tensor."""
        new = rows[~self.known[rows]]
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
            return self.encoder(views).float()
        return self.encoder.layers(views)[self.layer].float()


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


def new_head(kind: str, features: Features, seed: int) -> nn.Module:
    """A head for some features: a linear layer, or for ``"mlp"`` one layer more."""
    dim, classes = features.dim, len(features.images.classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if kind != "mlp":
            return nn.Linear(dim, classes)
        return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, classes))
