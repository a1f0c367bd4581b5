"""The protocols: ways to judge an encoder with few labels, one function each.

Each learns from ``split.train``, chooses its epoch on ``split.val`` (but for ``folds``,
which takes both together) and is scored once on ``split.test``. Self-training, which
sees unlabelled images, too, has a file of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.judging.cases import Case, Judged
from sslkit.judging.classifier import Classifier
from sslkit.judging.features import Features
from sslkit.judging.scores import score_test
from sslkit.judging.selftraining import selftrain
from sslkit.learning.checkpoints import Select
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import Fitted, fit

NEIGHBOURS = 10
FOLDS = 5


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
    score = case.score(head, features, fitted)
    score = replace(score, seconds=time.perf_counter() - began)
    whole = None if features.layer else case.classifier(features.encoder, head.head)
    return Judged(score, fitted.history, whole)


def finetune(case: Case) -> dict[str, Judged]:
    """All of a copy of the encoder learns, with a linear head."""
    began = time.perf_counter()
    if not list(case.features.encoder.parameters()):
        kind = type(case.features.encoder).__name__
        raise ValueError(f"a {kind} has no weights: nothing in it can be fine-tuned")
    classifier = case.thawed()
    fitted = case.fit(classifier, case.images, "finetune")
    score = case.score(classifier, case.images, fitted)
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
    score = case.score(head, features, fitted)
    seconds = time.perf_counter() - began
    score = replace(score, seconds=seconds, n_train=len(budget))
    history = fitted.history.query("epoch <= @epoch").reset_index(drop=True)
    whole = case.classifier(features.encoder, head.head)
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
    "selftrain": selftrain,
}
"""By name. A protocol gives one score under its own name, or several under others."""

UNFROZEN = ("finetune", "selftrain")
"""The protocols under which labels train the encoder; under the others it is frozen."""
