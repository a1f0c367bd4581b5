"""The protocols: ways to judge an encoder with few labels, one function each.

Each learns from ``split.train``, chooses its epoch on ``split.val`` (but for ``folds``,
which takes both together) and is scored once on ``split.test``. Self-training, which
sees unlabelled images, too, has a file of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslkit.judging.cases import Case, Judged
from sslkit.judging.classifier import Classifier
from sslkit.judging.features import Features
from sslkit.judging.selftraining import selftrain
from sslkit.learning.checkpoints import Select
from sslkit.learning.encoders import Encoder
from sslkit.learning.loop import Fitted, fit

if TYPE_CHECKING:
    from sklearn.neighbors import KNeighborsClassifier  # imported when it is used

NEIGHBOURS = (1, 3, 5, 10, 20, 50)  # how many may be asked
CHOOSING = 2000  # labelled images that choose among them, at most
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
    score = case.score(name, head, features, fitted)
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
    score = case.score("finetune", classifier, case.images, fitted)
    score = replace(score, seconds=time.perf_counter() - began)
    return {"finetune": Judged(score, fitted.history, classifier)}


def folds(case: Case) -> dict[str, Judged]:
    """Choose the epoch by five folds of the budget, then train on all of it so long.

    Every label of the budget both trains and chooses, and the chosen epoch has the
    lowest loss over five times as many validation images. Where the budget has fewer
    groups than five, there are as many folds as groups.

    Raises:
        ValueError: If no class has as many labelled images as there are folds, or the
            budget is of one group.
    """
    began = time.perf_counter()
    features, budget = case.features, case.split.budget
    count = _fold_count(case, budget)
    if count < 2:
        raise ValueError(
            "folds: all labelled images are of one group, and no two folds may share "
            "one; take the protocol 'linear'"
        )
    most = int(case.images.labels.cpu()[budget].bincount().max())
    if most < count:
        raise ValueError(
            f"folds: {count} folds need {count} labelled images of a class, and there "
            f"are at most {most}; take more labels, or the protocol 'linear'"
        )

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
    for held in _folds(case, budget, count):
        _, fitted = learn(budget[~held], budget[held], "validation")
        own = fitted.history.query("metric == 'val_loss'")["value"]
        losses += own.to_numpy() * int(held.sum())
    epoch = int(losses.argmin()) + 1
    head, fitted = learn(budget, None, epoch)
    head.load_state_dict(fitted.selected)  # what comes later does not count
    score = case.score("folds", head, features, fitted)
    seconds = time.perf_counter() - began
    score = replace(score, seconds=seconds, n_train=len(budget))
    history = fitted.history.query("epoch <= @epoch").reset_index(drop=True)
    whole = case.classifier(features.encoder, head.head)
    return {"folds": Judged(score, history, whole)}


def _groups(case: Case, rows: Tensor) -> NDArray:
    """What may not be in two folds, ``(N,)``: an image's group, else the image."""
    groups = case.images.groups
    return np.arange(len(rows)) if groups is None else groups[rows.numpy()]


def _fold_count(case: Case, rows: Tensor) -> int:
    """How many folds there are of ``rows``: a fold without a group would be empty."""
    return min(FOLDS, len(np.unique(_groups(case, rows))))


def _folds(case: Case, rows: Tensor, count: int) -> Iterator[Tensor]:
    """Several times which of ``rows`` are held out, ``(N,)``; each once, by groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels, groups = case.images.labels.cpu()[rows].numpy(), _groups(case, rows)
    dealt = StratifiedGroupKFold(count, shuffle=True, random_state=case.seed)
    for _, held in dealt.split(labels, labels, groups):
        yield torch.zeros(len(rows), dtype=torch.bool).index_fill_(
            0, torch.from_numpy(held), value=True
        )


def knn(case: Case) -> dict[str, Judged]:
    """Vote of the nearest labelled images by cosine, weighted by closeness.

    How many vote is chosen by folds of the training images, of ``NEIGHBOURS``; one
    does where a class has a single image, or all are of one group.
    """
    began = time.perf_counter()
    from sklearn.neighbors import KNeighborsClassifier

    features = case.features
    known, labels = (t.cpu().numpy() for t in features.take(case.split.train))
    nearest = KNeighborsClassifier(metric="cosine", weights="distance")
    nearest.set_params(n_neighbors=_neighbours(case, nearest)).fit(known, labels)

    def predict(rows: Tensor) -> tuple[Tensor, Tensor]:
        votes = nearest.predict_proba(features.take(rows)[0].cpu().numpy())
        shape = len(rows), len(case.images.classes)
        probabilities = torch.zeros(shape, dtype=torch.float64)
        probabilities[:, nearest.classes_] = torch.from_numpy(votes).double()
        return probabilities, probabilities

    score = case.tested("knn", predict, epoch=None)
    score = replace(score, seconds=time.perf_counter() - began)
    return {"knn": Judged(score, pd.DataFrame(), None)}


def _neighbours(case: Case, nearest: KNeighborsClassifier) -> int:
    """How many neighbours do best over folds of the training images; of equals few."""
    from sklearn.model_selection import GridSearchCV

    rows = case.split.train[:: math.ceil(len(case.split.train) / CHOOSING)]
    known, labels = (t.cpu().numpy() for t in case.features.take(rows))
    rarest = np.unique(labels, return_counts=True)[1].min()
    count = min(_fold_count(case, rows), rarest)
    if count < 2:
        return 1
    folds = [(~held, held) for held in map(np.asarray, _folds(case, rows, count))]
    most = min(kept.sum() for kept, _ in folds)
    options = {"n_neighbors": [k for k in NEIGHBOURS if k <= most]}
    search = GridSearchCV(
        nearest, options, cv=folds, refit=False, error_score="raise"
    ).fit(known, labels)
    return int(search.best_params_["n_neighbors"])


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
