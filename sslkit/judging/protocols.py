"""The protocols: ways to judge an encoder with few labels, one function each.

Each learns from ``split.train``, chooses its epoch on ``split.val`` (but for ``folds``,
which takes both together) and is scored once on ``split.test``.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.classifier import Classifier, new_head
from sslkit.judging.features import BATCH, Features
from sslkit.judging.scores import Score, score_test
from sslkit.learning.checkpoints import Select
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training
from sslkit.views.augment import Augmentation

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

NEIGHBOURS = 10
FOLDS = 5


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

    @property
    def images(self) -> ImageSet:
        """The image set."""
        return self.features.images

    def head(self, kind: str, features: Features | None = None) -> nn.Module:
        """A new head for the features and classes."""
        dim = (features or self.features).dim
        return new_head(kind, dim, len(self.images.classes), self.seed)

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


def linear(case: Case) -> dict[str, Judged]:
    """A linear layer on frozen features."""
    return {"linear": _probe(case, "linear", case.features)}


def mlp(case: Case) -> dict[str, Judged]:
    """A linear layer, a ReLU and another linear layer on frozen features."""
    return {"mlp": _probe(case, "mlp", case.features)}


def layers(case: Case) -> dict[str, Judged]:
    """A linear probe of each stage of an encoder, averaged over space."""
    encoder, pixels = case.features.encoder, case.images.images
    if not isinstance(encoder, Encoder):
        kind = type(encoder).__name__
        raise ValueError(f"layers are those of sslkit's encoders, not of a {kind}")
    nothing = torch.zeros(1, *pixels.shape[1:], device=case.images.device)
    with torch.no_grad():
        names = list(encoder.layers(nothing))
    stages = {n: Features(encoder, case.images, n) for n in names}
    return {name: _probe(case, name, stage) for name, stage in stages.items()}


def _probe(case: Case, name: str, features: Features) -> Judged:
    began = time.perf_counter()
    head = Classifier(nn.Identity(), case.head(name, features))
    fitted = case.fit(head, features, name)
    score = _score(case, head, features, fitted)
    score = replace(score, seconds=time.perf_counter() - began)
    whole = None if features.layer else _classifier(case, features.encoder, head.head)
    return Judged(score, fitted.history, whole)


def finetune(case: Case) -> dict[str, Judged]:
    """All of a copy of the encoder learns, with a linear head."""
    began = time.perf_counter()
    encoder = copy.deepcopy(case.features.encoder).requires_grad_(True)
    if not any(weights.requires_grad for weights in encoder.parameters()):
        kind = type(encoder).__name__
        raise ValueError(f"a {kind} has no weights: nothing in it can be fine-tuned")
    classifier = _classifier(case, encoder, case.head("linear"), case.augmentation)
    fitted = case.fit(classifier, case.images, "finetune")
    score = _score(case, classifier, case.images, fitted)
    score = replace(score, seconds=time.perf_counter() - began)
    return {"finetune": Judged(score, fitted.history, classifier)}


def folds(case: Case) -> dict[str, Judged]:
    """Choose the epoch by five folds of the budget, then train on all of it so long.

    Every label of the budget both trains and chooses, and the chosen epoch has the
    lowest loss over five times as many validation images.
    """
    began = time.perf_counter()
    features, budget = case.features, case.split.budget

    def learn(
        rows: Tensor, validation: Tensor | None, select: Select
    ) -> tuple[Classifier, Fitted]:
        head = Classifier(nn.Identity(), case.head("linear"))
        return head, fit(
            head,
            features,
            rows,
            validation=validation,
            training=case.probe,
            seed=case.seed,
            fabric=case.fabric,
            title="folds",
            select=select,
        )

    losses = np.zeros(case.probe.epochs)
    for held in _folds(case.images, budget, case.seed):
        _, fitted = learn(budget[~held], budget[held], "validation")
        own = fitted.history.query("metric == 'val_loss'")["value"]
        losses += own.to_numpy() * int(held.sum())
    epoch = int(losses.argmin()) + 1
    head, fitted = learn(budget, None, epoch)
    head.load_state_dict(fitted.selected)  # what comes later does not count
    score = _score(case, head, features, fitted)
    seconds = time.perf_counter() - began
    score = replace(score, seconds=seconds, n_train=len(budget))
    history = fitted.history.query("epoch <= @epoch").reset_index(drop=True)
    whole = _classifier(case, features.encoder, head.head)
    return {"folds": Judged(score, history, whole)}


def _folds(images: ImageSet, rows: Tensor, seed: int) -> Iterator[Tensor]:
    """Five times which of ``rows`` are held out, ``(N,)``; each is once, by groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels = images.labels.cpu()[rows].numpy()
    groups = np.arange(len(rows))
    if images.groups is not None:
        groups = images.groups[rows.numpy()]
    dealt = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for _, held in dealt.split(labels, labels, groups):
        yield torch.zeros(len(rows), dtype=torch.bool).index_fill_(
            0, torch.from_numpy(held), value=True
        )


def knn(case: Case) -> dict[str, Judged]:
    """Vote of the nearest labelled images by cosine, weighted by closeness."""
    began = time.perf_counter()
    from sklearn.neighbors import KNeighborsClassifier

    features, split = case.features, case.split
    known, labels = (t.cpu().numpy() for t in features.take(split.train))
    nearest = KNeighborsClassifier(
        min(NEIGHBOURS, len(known)), metric="cosine", weights="distance"
    ).fit(known, labels)

    def predict(rows: Tensor) -> tuple[Tensor, Tensor]:
        votes = nearest.predict_proba(features.take(rows)[0].cpu().numpy())
        shape = len(rows), len(case.images.classes)
        probabilities = torch.zeros(shape, dtype=torch.float64)
        probabilities[:, nearest.classes_] = torch.from_numpy(votes).double()
        return probabilities, probabilities

    score = score_test(predict, case.images, split, epoch=None)
    score = replace(score, seconds=time.perf_counter() - began)
    return {"knn": Judged(score, pd.DataFrame(), None)}


PROTOCOLS: dict[str, Callable[[Case], dict[str, Judged]]] = {
    "linear": linear,
    "mlp": mlp,
    "finetune": finetune,
    "knn": knn,
    "folds": folds,
    "layers": layers,
}
"""By name. A protocol gives one score under its own name, or several under others."""


def _classifier(
    case: Case,
    encoder: nn.Module,
    head: nn.Module,
    augmentation: Augmentation | None = None,
) -> Classifier:
    images = case.images
    return Classifier(
        encoder, head, augmentation, classes=images.classes, size=images.size
    )


def _score(
    case: Case, classifier: Classifier, source: ImageSet | Features, fitted: Fitted
) -> Score:
    """Score a classifier with selected and with last weights; it keeps the selected."""
    last = copy.deepcopy(classifier.state_dict())

    def probabilities(weights: dict[str, Tensor], rows: Tensor) -> Tensor:
        classifier.load_state_dict(weights)
        found = [classifier.predict(source.take(b)[0]) for b in rows.split(BATCH)]
        return torch.cat(found).cpu()

    def predict(rows: Tensor) -> tuple[Tensor, Tensor]:
        of_last = probabilities(last, rows)
        return probabilities(fitted.selected, rows), of_last

    score = score_test(predict, case.images, case.split, epoch=fitted.epoch)
    there = fitted.history[fitted.history["epoch"] == fitted.epoch]
    values = there.set_index("metric")["value"]
    return replace(
        score,
        val_accuracy=values.get("val_accuracy"),
        val_loss=values.get("val_loss"),
    )
