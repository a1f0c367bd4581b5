"""Lightly's side of a pretraining: its transform, loader, heads, losses, a plain loop.

What is compared is the same on both sides: the network, its starting weights, the views
and the optimiser. So both views go through the network in one pass, that batch-norm may
see what it sees in sslkit; lightly's examples send one after the other. Lightly is an
extra, so whoever uses this imports it late.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightly.loss import NegativeCosineSimilarity, NTXentLoss, VICRegLoss
from lightly.models.modules.heads import (
    BYOLPredictionHead,
    BYOLProjectionHead,
    ProjectionHead,
    VICRegProjectionHead,
)
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.transforms import SimCLRTransform
from lightly.utils.scheduler import cosine_schedule
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from benchmarks.views import Transformed
from sslkit.images.imageset import ImageSet
from sslkit.learning.training import Training, new_optimiser
from sslkit.methods import byol, simclr, vicreg
from sslkit.views.augment import Augmentation


def transform(augmentation: Augmentation, size: int) -> SimCLRTransform:
    """Two views of one image in PIL's form; the encoder normalises.

    BYOLTransform and VICRegTransform are made of the same pieces, with other strengths.
    """
    a = augmentation
    return SimCLRTransform(
        input_size=size,
        cj_prob=a.jitter,
        cj_bright=a.brightness,
        cj_contrast=a.contrast,
        cj_sat=a.saturation,
        cj_hue=a.hue,
        min_scale=a.crop[0],  # up to the whole image
        random_gray_scale=a.greyscale,
        gaussian_blur=a.blur,
        hf_prob=a.flip,
        normalize=None,
    )


def loader(
    images: ImageSet,
    rows: Tensor,
    augmentation: Augmentation,
    batch: int,
    seed: int,
    *,
    size: int | None = None,  # of the views, in pixels; that of the images if not given
) -> DataLoader[Any]:
    """Batches of views of the images of ``rows``, by as many workers as cores."""
    pixels = images.take(rows)[0].cpu()
    pictures = [v2.functional.to_pil_image(image) for image in pixels]
    both = transform(augmentation, size or images.size)
    return DataLoader(
        Transformed(pictures, both, len(pictures)),
        batch_size=batch,
        shuffle=True,
        drop_last=True,
        num_workers=os.cpu_count() or 1,
        persistent_workers=True,
        multiprocessing_context="fork",  # the default, unless this process was spawned
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator().manual_seed(seed),
    )


class Siamese(nn.Module):
    """An encoder, a head, and a loss between the embeddings of two views."""

    def __init__(self, encoder: nn.Module, head: nn.Module, criterion: nn.Module):
        super().__init__()
        self.net = nn.Sequential(encoder, head)
        self.criterion = criterion

    def forward(self, both: Tensor) -> list[Tensor]:
        """Embeddings of the first views and of the second ones."""
        return list(self.net(both).chunk(2))

    def loss(self, z1: Tensor, z2: Tensor) -> Tensor:
        """A scalar, of what ``forward`` gave."""
        return self.criterion(z1, z2)

    def before_step(self, step: int, steps: int) -> None:
        """Nothing moves but what the optimiser moves."""


class Momentum(nn.Module):
    """BYOL as in lightly's example, but for the factor of its loss."""

    def __init__(self, ours: byol.BYOL) -> None:
        super().__init__()
        encoder, projector = ours.online
        self.range = ours.settings.momentum
        self.fast = nn.Sequential(encoder, _head(BYOLProjectionHead, projector))
        self.prediction_head = _head(BYOLPredictionHead, ours.predictor)
        self.slow = copy.deepcopy(self.fast)
        deactivate_requires_grad(self.slow)
        self.criterion = NegativeCosineSimilarity()

    def forward(self, both: Tensor) -> list[Tensor]:
        """Predictions of the first views and of the second, then targets likewise."""
        predictions = self.prediction_head(self.fast(both))
        with torch.no_grad():
            targets = self.slow(both)
        return [*predictions.chunk(2), *targets.chunk(2)]

    def loss(self, p1: Tensor, p2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
        """The paper's: 4 more than four times that of the example."""
        return 4 + 2 * (self.criterion(p1, t2) + self.criterion(p2, t1))

    def before_step(self, step: int, steps: int) -> None:
        """The slow copy moves a little towards the network."""
        update_momentum(self.fast, self.slow, cosine_schedule(step, steps, *self.range))


def _simclr(ours: simclr.SimCLR) -> Siamese:
    # Lightly's head ends with a batch-norm that the paper's has not; so it is ours.
    criterion = NTXentLoss(temperature=ours.settings.temperature)
    return Siamese(ours.encoder, ours.projector, criterion)


def _vicreg(ours: vicreg.VICReg) -> Siamese:
    s = ours.settings
    criterion = VICRegLoss(s.invariance, s.variance, s.covariance)
    head = _head(VICRegProjectionHead, ours.projector)
    return Siamese(ours.encoder, head, criterion)


MODELS: dict[str, Callable[[Any], nn.Module]] = {
    "simclr": _simclr,
    "byol": Momentum,
    "vicreg": _vicreg,
}
"""By method: lightly's, from an objective of sslkit whose weights it starts with."""


def _head(kind: type[ProjectionHead], ours: nn.Sequential) -> ProjectionHead:
    """Lightly's head, of the widths and weights of ours."""
    head = kind(ours[0].in_features, ours[0].out_features, ours[-1].out_features)
    # Not strictly: VICReg's has a last bias, which its loss takes no notice of.
    head.layers.load_state_dict(ours.state_dict(), strict=False)
    return head


def steps(
    model: nn.Module, data: DataLoader[Any], training: Training, fabric: Fabric
) -> Iterator[Tensor]:
    """Train one of ``MODELS``; give the loss of each step when it is done."""
    optimiser = new_optimiser(model, training)  # sslkit's, for both sides
    total = training.epochs * len(data)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total)
    trained, optimiser = fabric.setup(model.train(), optimiser)
    for epoch in range(training.epochs):
        for step, views in enumerate(data, epoch * len(data)):
            model.before_step(step, total)
            outputs = trained(torch.cat([view.to(fabric.device) for view in views]))
            loss = model.loss(*outputs)
            fabric.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
            yield loss.detach()
