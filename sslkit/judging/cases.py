"""Cases: what a protocol is given, what it finds, and how that is scored."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.classifier import Classifier, new_head
from sslkit.judging.features import BATCH, Features
from sslkit.judging.scores import Score, score_test
from sslkit.learning.checkpoints import Select
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training
from sslkit.views.augment import Augmentation

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used


@dataclass(frozen=True)
class Judged:
    """What a protocol found.

    Attributes:
        score: On the test images.
        history: Columns epoch, step, metric, value; empty where nothing learns.
        classifier: The encoder with what was learnt on it, with the selected weights;
            ``None`` for neighbours, which have none.
    """

    score: Score
    history: pd.DataFrame
    classifier: Classifier | None


@dataclass(frozen=True)
class Case:
    """What a protocol is given: the arguments of ``judge``, images on the device."""

    features: Features
    split: Split
    augmentation: Augmentation | None
    probe: Training
    downstream: Training
    seed: int
    select: Select
    fabric: Fabric
    checkpoint: Path | None
    known: Mapping[str, Score] = field(default_factory=dict)

    @property
    def images(self) -> ImageSet:
        """The image set."""
        return self.features.images

    def head(self, kind: str, features: Features | None = None) -> nn.Module:
        """A new head for the features and classes."""
        dim = (features or self.features).dim
        return new_head(kind, dim, len(self.images.classes), self.seed)

    def classifier(
        self,
        encoder: nn.Module,
        head: nn.Module,
        augmentation: Augmentation | None = None,
    ) -> Classifier:
        """An encoder and a head that know the classes and the size of the images."""
        images = self.images
        return Classifier(
            encoder, head, augmentation, classes=images.classes, size=images.size
        )

    def thawed(self) -> Classifier:
        """A copy of the encoder, all of which learns, with a new linear head."""
        encoder = copy.deepcopy(self.features.encoder).requires_grad_(True)
        return self.classifier(encoder, self.head("linear"), self.augmentation)

    def fit(
        self, classifier: Classifier, source: ImageSet | Features, title: str
    ) -> Fitted:
        """Train a classifier on the budget's training part."""
        frozen = isinstance(source, Features)
        return fit(
            classifier,
            source,
            self.split.train,
            validation=self.split.val,
            training=self.probe if frozen else self.downstream,
            seed=self.seed,
            fabric=self.fabric,
            checkpoint=None if frozen else self.checkpoint,
            title=title,
            select=self.select,
        )

    def tested(
        self,
        name: str,
        predict: Callable[[Tensor], tuple[Tensor, Tensor]],
        epoch: int | None,
    ) -> Score:
        """Score on the test images, which are not read where that score is known.

        Args:
            name: Of the score.
            predict: As ``score_test`` takes it.
            epoch: The selected epoch, if one was.
        """
        if name in self.known:
            return self.known[name]
        return score_test(predict, self.images, self.split, epoch=epoch)

    def score(
        self,
        name: str,
        classifier: Classifier,
        source: ImageSet | Features,
        fitted: Fitted,
    ) -> Score:
        """Score with selected and with last weights; the selected stay in it."""
        last = copy.deepcopy(classifier.state_dict())

        def probabilities(weights: dict[str, Tensor], rows: Tensor) -> Tensor:
            classifier.load_state_dict(weights)
            return predictions(classifier, source, rows)

        def predict(rows: Tensor) -> tuple[Tensor, Tensor]:
            of_last = probabilities(last, rows)
            return probabilities(fitted.selected, rows), of_last

        score = self.tested(name, predict, fitted.epoch)
        classifier.load_state_dict(fitted.selected)
        there = fitted.history[fitted.history["epoch"] == fitted.epoch]
        values = there.set_index("metric")["value"]
        return replace(
            score,
            val_accuracy=values.get("val_accuracy"),
            val_loss=values.get("val_loss"),
        )


def predictions(
    classifier: Classifier, source: ImageSet | Features, rows: Tensor
) -> Tensor:
    """Probabilities ``(N, classes)``, float64, of some rows as they are, on the CPU."""
    found = [classifier.predict(source.take(some)[0]) for some in rows.split(BATCH)]
    return torch.cat(found).cpu()
