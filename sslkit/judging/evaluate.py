"""Judging an encoder with few labels: linear probe, MLP head, fine-tuning, kNN.

Every protocol learns from ``split.train``, chooses its epoch on ``split.val`` (but for
``folds``, which takes both together) and is scored once on ``split.test``, by
``test()`` and nowhere else.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.heads import (
    BATCH,
    Classifier,
    Features,
    Heads,
    new_head,
)
from sslkit.judging.scores import Score, test_set_interval
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training
from sslkit.views import pieces
from sslkit.views.augment import Augmentation

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

HEADS = ("linear", "mlp")  # on frozen features
LAYERS = ("layer1", "layer2", "layer3", "layer4")  # a linear probe of a stage
PROTOCOLS = (*HEADS, "finetune", "knn", "folds", *LAYERS)
NEIGHBOURS = 10
FOLDS = 5


def evaluate(
    protocols: Sequence[str],
    features: Features,
    split: Split,
    *,
    augmentation: Augmentation,
    probe: Training,
    downstream: Training,
    seed: int,
    fabric: Fabric,
    checkpoint: Path | None = None,
) -> dict[str, tuple[Score, pd.DataFrame]]:
    """Judge an encoder by several protocols.

    Args:
        protocols: Of ``"linear"`` and ``"mlp"`` (a head on frozen features),
            ``"finetune"`` (everything learns, from a copy), ``"knn"`` (nothing learns),
            ``"folds"`` (a linear probe of the whole budget, five folds of which choose
            the epoch), ``"layer1"`` to ``"layer4"`` (linear probes of earlier stages).
        features: The encoder with its images; the images are read once for all frozen
            protocols, and all heads learn at once.
        split: Rows to learn from, to choose by, to be scored on.
        augmentation: Random views while fine-tuning.
        probe: Training of the frozen heads.
        downstream: Training of the fine-tuning.
        seed: Of a head's weights and the order of the images.
        fabric: Device and precision.
        checkpoint: Where fine-tuning may resume from.

    Returns:
        By protocol the score, and the training history (empty for kNN).

    Raises:
        ValueError: If a protocol is unknown.
    """
    if unknown := [name for name in protocols if name not in PROTOCOLS]:
        raise ValueError(
            f"protocol '{unknown[0]}' is not one of {', '.join(PROTOCOLS)}"
        )
    found: dict[str, tuple[Score, pd.DataFrame]] = {}
    heads = [name for name in HEADS if name in protocols]
    if heads:
        found |= _probe(heads, features, split, probe, seed, fabric)
    if "knn" in protocols:
        found["knn"] = _nearest_neighbours(features, split), pd.DataFrame()
    if "folds" in protocols:
        found["folds"] = _cross_validate(features, split, probe, seed, fabric)
    for layer in (name for name in LAYERS if name in protocols):
        stage = Features(features.encoder, features.images, layer)
        found |= _probe([layer], stage, split, probe, seed, fabric)
    if "finetune" in protocols:
        found["finetune"] = _finetune(
            features, split, augmentation, downstream, seed, fabric, checkpoint
        )
    return {name: found[name] for name in protocols}


def _probe(
    names: Sequence[str],
    features: Features,
    split: Split,
    training: Training,
    seed: int,
    fabric: Fabric,
) -> dict[str, tuple[Score, pd.DataFrame]]:
    """Train heads on frozen features, all at once, and score each at its own epoch."""
    began = time.perf_counter()
    heads = Heads({name: new_head(name, features, seed) for name in names})
    fitted = fit(
        heads,
        features,
        split.train,
        validation=split.val,
        training=training,
        seed=seed,
        fabric=fabric,
        title=" and ".join(names),
        parts=names,
    )
    scores = {
        name: _score(
            heads,
            fitted,
            lambda rows: [features.take(rows)[0]],
            features.images,
            split,
            output=name,
            epoch=fitted.epochs[name],
        )
        for name in names
    }
    seconds = (time.perf_counter() - began) / len(names)
    return {
        name: (replace(score, seconds=seconds), _history_of(name, fitted.history))
        for name, score in scores.items()
    }


def _cross_validate(
    features: Features, split: Split, training: Training, seed: int, fabric: Fabric
) -> tuple[Score, pd.DataFrame]:
    """Choose the epoch by five folds of the budget, then train on all of it so long.

    Every label of the budget both trains and chooses, and the chosen epoch has the
    lowest loss over five times as many validation images.
    """
    began = time.perf_counter()
    budget = split.budget

    def learn(
        rows: Tensor, validation: Tensor | None, stop: int | None = None
    ) -> tuple[Heads, Fitted]:
        heads = Heads({"folds": new_head("linear", features, seed)})
        fitted = fit(
            heads,
            features,
            rows,
            validation=validation,
            training=training,
            seed=seed,
            fabric=fabric,
            title="folds",
            parts=["folds"],
            stop=stop,
        )
        return heads, fitted

    losses = np.zeros(training.epochs)
    for held in _folds(features.images, budget, seed):
        _, fitted = learn(budget[~held], budget[held])
        own = fitted.history.query("metric == 'val_folds_loss'")["value"]
        losses += own.to_numpy() * int(held.sum())
    epoch = int(losses.argmin()) + 1
    heads, fitted = learn(budget, None, epoch)
    score = _score(
        heads,
        fitted,
        lambda rows: [features.take(rows)[0]],
        features.images,
        split,
        output="folds",
        epoch=epoch,
    )
    seconds = time.perf_counter() - began
    score = replace(score, seconds=seconds, n_train=len(budget))
    return score, _history_of("folds", fitted.history)


def _folds(images: ImageSet, rows: Tensor, seed: int) -> Iterator[Tensor]:
    """Five times which of ``rows`` are held out, ``(N,)``; each is once, by groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    labels = images.labels.cpu()[rows].numpy()
    groups = np.arange(len(rows))
    if images.groups is not None:
        groups = images.groups[rows.numpy()]
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for _, held in folds.split(labels, labels, groups):
        yield torch.zeros(len(rows), dtype=torch.bool).index_fill_(
            0, torch.from_numpy(held), value=True
        )


def _finetune(
    features: Features,
    split: Split,
    augmentation: Augmentation,
    training: Training,
    seed: int,
    fabric: Fabric,
    checkpoint: Path | None,
) -> tuple[Score, pd.DataFrame]:
    """Train a copy of the encoder with a linear head, and score it."""
    began = time.perf_counter()
    images = features.images
    classifier = Classifier(
        copy.deepcopy(features.encoder),
        new_head("linear", features, seed),
        augmentation,
    )
    fitted = fit(
        classifier,
        images,
        split.train,
        validation=split.val,
        training=training,
        seed=seed,
        fabric=fabric,
        checkpoint=checkpoint,
        title="finetune",
    )
    score = _score(
        classifier,
        fitted,
        lambda rows: [pieces.to_float(images.take(rows)[0])],
        images,
        split,
        output="logits",
        epoch=fitted.selected_epoch,
    )
    seconds = time.perf_counter() - began
    return replace(score, seconds=seconds), fitted.history


def _score(
    objective: nn.Module,
    fitted: Fitted,
    inputs: Callable[[Tensor], list[Tensor]],
    images: ImageSet,
    split: Split,
    *,
    output: str,
    epoch: int,
) -> Score:
    """Score an output of a trained objective, with selected and with last weights."""
    last = copy.deepcopy(objective.state_dict())

    @torch.no_grad()
    def probabilities(weights: dict[str, Tensor], rows: Tensor) -> Tensor:
        objective.load_state_dict(weights)
        objective.eval()
        logits = [objective(inputs(some))[output] for some in rows.split(BATCH)]
        return torch.cat(logits).double().softmax(1).cpu()

    score = test(
        lambda rows: (probabilities(fitted.selected, rows), probabilities(last, rows)),
        images,
        split,
        epoch=epoch,
    )
    there = fitted.history[fitted.history["epoch"] == epoch]
    values = there.set_index("metric")["value"]
    part = "" if output == "logits" else f"{output}_"
    return replace(
        score,
        val_accuracy=values.get(f"val_{part}accuracy"),
        val_loss=values.get(f"val_{part}loss"),
    )


def _history_of(name: str, history: pd.DataFrame) -> pd.DataFrame:
    """What one of several heads did, as if it had learnt alone."""
    own = history["metric"].str.contains(f"_{name}_") | (history["metric"] == "lr")
    history = history[own].reset_index(drop=True)
    return history.assign(metric=history["metric"].str.replace(f"_{name}_", "_"))


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


def _nearest_neighbours(features: Features, split: Split) -> Score:
    """Vote of the nearest labelled images by cosine, weighted by closeness."""
    began = time.perf_counter()
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

    score = test(predict, features.images, split, epoch=None)
    return replace(score, seconds=time.perf_counter() - began)
