"""Judging an encoder with few labels: linear probe, MLP head, fine-tuning, kNN.

Every protocol learns from ``split.train``, chooses its epoch on ``split.val`` and is
scored once on ``split.test``, by ``test()`` and nowhere else.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit import augment
from sslkit.augment import Augmentation, Draw
from sslkit.data import ImageSet
from sslkit.distributed import gather
from sslkit.encoders import Encoder
from sslkit.splits import Split
from sslkit.train import Training, fit

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

PROTOCOLS = ("linear", "mlp", "finetune", "knn")
NEIGHBOURS = 10
BATCH = 256  # images at a time where nothing is learnt


@dataclass(frozen=True)
class Score:
    """What one protocol reached on the test set.

    Attributes:
        accuracy: Share of test images classified correctly, in [0, 1].
        loss: Mean cross-entropy on the test images, in nats.
        low: Lower end of the 95 % bootstrap interval of the accuracy over *test images*
            (over their groups where known): what another test set might have given this
            one trained model. It says nothing about other draws of labels or seeds.
        high: The upper end.
        confusion: Test images by true class (rows) and predicted class (columns).
        epoch: The selected epoch, counted from 1; ``None`` where none is chosen (kNN).
        last_accuracy: Accuracy with the last epoch's weights instead.
        last_loss: Loss with the last epoch's weights instead.
        n_train: Images whose labels trained (validation images not counted).
        seconds: Time taken, features included.
    """

    accuracy: float
    loss: float
    low: float
    high: float
    confusion: list[list[int]]
    epoch: int | None
    last_accuracy: float
    last_loss: float
    n_train: int
    seconds: float = 0.0

    @property
    def n_test(self) -> int:
        """Test images scored."""
        return int(np.sum(self.confusion))

    @property
    def recall(self) -> list[float]:
        """Accuracy within each true class."""
        table = np.asarray(self.confusion)
        return list(table.diagonal() / table.sum(axis=1).clip(min=1))

    @property
    def macro_recall(self) -> float:
        """Mean accuracy over the classes, whatever their sizes."""
        return float(np.mean(self.recall))

    @property
    def majority(self) -> float:
        """Accuracy of always answering the test set's commonest class."""
        table = np.asarray(self.confusion)
        return float(table.sum(axis=1).max() / table.sum())


class Classifier(nn.Module):
    """An encoder with a head: the objective of supervised training and fine-tuning."""

    def __init__(
        self, encoder: nn.Module, head: nn.Module, augmentation: Augmentation | None
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.augmentation = augmentation

    def views(self, images: Tensor, draw: Draw) -> list[Tensor]:
        """One view: random in training, the plain image otherwise; features as is."""
        if images.dtype != torch.uint8:
            return [images]
        if self.training and self.augmentation is not None:
            return [augment.view(images, self.augmentation, draw)]
        return [augment.to_float(images)]

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


class Features:
    """The features of an image set, computed when first asked for and kept.

    Takes the place of an image set: ``take(rows)`` gives features ``(B, dim)`` and
    labels. The encoder is read in eval mode without gradients, so neither its weights
    nor its batch-norm statistics can move.
    """

    def __init__(self, encoder: Encoder, images: ImageSet) -> None:
        self.encoder = encoder
        self.images = images
        self.known = torch.zeros(len(images), dtype=torch.bool)
        self.values = torch.zeros(len(images), encoder.dim, device=images.device)

    @torch.no_grad()
    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``(B, dim)`` and labels ``(B,)`` of ``rows``, a CPU tensor."""
        new = rows[~self.known[rows]]
        if len(new):
            self.encoder.eval()
            for some in new.split(BATCH):
                batch, _ = self.images.take(some)
                some = some.to(self.values.device)
                self.values[some] = self.encoder(augment.to_float(batch)).float()
            self.known[new] = True
        on_device = rows.to(self.values.device)
        return self.values[on_device], self.images.labels[on_device]


def evaluate(
    protocol: str,
    features: Features,
    split: Split,
    *,
    augmentation: Augmentation,
    probe: Training,
    downstream: Training,
    seed: int,
    fabric: Fabric,
    checkpoint: Path | None = None,
) -> tuple[Score, pd.DataFrame]:
    """Judge an encoder by one protocol.

    Args:
        protocol: ``"linear"`` or ``"mlp"`` (a head on frozen features), ``"finetune"``
            (everything learns, from a copy), ``"knn"`` (nothing learns).
        features: The encoder with its images; shared by the protocols.
        split: Rows to learn from, to choose by, to be scored on.
        augmentation: Random views while fine-tuning.
        probe: Training of the frozen heads.
        downstream: Training of the fine-tuning.
        seed: Of the head's weights and the order of the images.
        fabric: Device and precision.
        checkpoint: Where fine-tuning may resume from.

    Returns:
        The score, and the training history (empty for kNN).

    Raises:
        ValueError: If the protocol is unknown.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol '{protocol}' is not one of {', '.join(PROTOCOLS)}")
    if protocol == "knn":
        return _nearest_neighbours(features, split), pd.DataFrame()
    classes = len(features.images.classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = _head(protocol, features.encoder.dim, classes)
    tuned = protocol == "finetune"
    encoder = copy.deepcopy(features.encoder) if tuned else nn.Identity()
    source = features.images if tuned else features
    classifier = Classifier(encoder, head, augmentation)
    fitted = fit(
        classifier,
        source,
        split.train,
        validation=split.val,
        training=downstream if tuned else probe,
        seed=seed,
        fabric=fabric,
        checkpoint=checkpoint if tuned else None,
        title=protocol,
    )
    last = copy.deepcopy(classifier.state_dict())

    @torch.no_grad()
    def logits(weights: dict[str, Tensor], rows: Tensor) -> Tensor:
        classifier.load_state_dict(weights)
        classifier.eval()
        batches = (source.take(some)[0] for some in rows.split(BATCH))
        views = (
            classifier.views(batch, Draw(0, 0, size=len(batch))) for batch in batches
        )
        return (
            torch.cat([classifier(view)["logits"] for view in views])
            .double()
            .softmax(1)
            .cpu()
        )

    score = test(
        lambda rows: (logits(fitted.selected, rows), logits(last, rows)),
        features.images,
        split,
        epoch=fitted.selected_epoch,
    )
    return score, fitted.history


def test(
    predict: Callable[[Tensor], tuple[Tensor, Tensor]],
    images: ImageSet,
    split: Split,
    *,
    epoch: int | None,
) -> Score:
    """Score predictions on the test images: the only reader of ``split.test``.

    Args:
        predict: From rows to class probabilities ``(N, classes)`` of the selected and
            of the last weights.
        images: The set, for its labels and groups.
        split: Whose ``test`` rows are scored, all of them, once.
        epoch: The selected epoch, for the record.
    """
    from sklearn.metrics import log_loss

    selected, last = (p.numpy() for p in predict(split.test))
    labels = images.labels.cpu()[split.test].numpy()
    names = np.arange(len(images.classes))
    correct = selected.argmax(1) == labels
    groups = None if images.groups is None else images.groups[split.test.numpy()]
    low, high = test_set_interval(correct, groups)
    confusion = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(confusion, (labels, selected.argmax(1)), 1)
    return Score(
        accuracy=float(correct.mean()),
        loss=float(log_loss(labels, selected, labels=names)),
        low=low,
        high=high,
        confusion=confusion.tolist(),
        epoch=epoch,
        last_accuracy=float((last.argmax(1) == labels).mean()),
        last_loss=float(log_loss(labels, last, labels=names)),
        n_train=len(split.train),
    )


def test_set_interval(
    correct: NDArray[np.bool_], groups: NDArray | None = None
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of an accuracy, over images or their groups.

    Args:
        correct: ``(N,)``, whether each test image was classified correctly.
        groups: ``(N,)`` group of each image; whole groups are resampled, since images
            of one slide or person are right and wrong together.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    from scipy.stats import bootstrap

    units = np.arange(len(correct)) if groups is None else groups
    _, member = np.unique(units, return_inverse=True)
    sizes = np.bincount(member)
    right = np.bincount(member, weights=correct)
    if right.sum() in (0, len(correct)) or len(sizes) < 2:
        return float(right.sum() / len(correct)), float(right.sum() / len(correct))
    interval = bootstrap(
        (right, sizes),
        lambda r, n, axis=-1: r.sum(axis) / n.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=2000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _head(protocol: str, dim: int, classes: int) -> nn.Module:
    if protocol == "mlp":
        return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, classes))
    return nn.Linear(dim, classes)


def _nearest_neighbours(features: Features, split: Split) -> Score:
    """Vote of the nearest labelled images by cosine, weighted by closeness."""
    from sklearn.neighbors import KNeighborsClassifier

    known, labels = (t.cpu().numpy() for t in features.take(split.train))
    knn = KNeighborsClassifier(
        min(NEIGHBOURS, len(known)), metric="cosine", weights="distance"
    ).fit(known, labels)

    def predict(rows: Tensor) -> tuple[Tensor, Tensor]:
        votes = knn.predict_proba(features.take(rows)[0].cpu().numpy())
        shape = len(rows), len(features.images.classes)
        probabilities = torch.zeros(shape, dtype=torch.float64)
        probabilities[:, knn.classes_] = torch.from_numpy(votes).double()
        return probabilities, probabilities

    return test(predict, features.images, split, epoch=None)
