"""Judging an encoder with few labels: linear probe, MLP head, fine-tuning, kNN.

Every protocol learns from ``split.train``, chooses its epoch on ``split.val`` and is
scored once on ``split.test``, by ``test()`` and nowhere else.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit import augment
from sslkit.augment import Augmentation, Draw
from sslkit.data import ImageSet
from sslkit.devices import to_device
from sslkit.distributed import gather
from sslkit.encoders import Encoder
from sslkit.scores import Score, test_set_interval
from sslkit.splits import Split
from sslkit.train import Fitted, Training, fit

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

HEADS = ("linear", "mlp")  # on frozen features
PROTOCOLS = (*HEADS, "finetune", "knn")
NEIGHBOURS = 10
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

    def views(self, images: Tensor, draw: Draw) -> list[Tensor]:
        """One view: random in training, the plain image otherwise."""
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


class Heads(nn.ModuleDict):
    """Heads on the same frozen features, which learn at once and each for itself.

    The loss is the sum of theirs; since no weight is in two of them, each gets the
    gradient that it would get alone.
    """

    @property
    def encoder(self) -> nn.Module:
        """None: features are what is given."""
        return nn.Identity()

    def views(self, images: Tensor, draw: Draw) -> list[Tensor]:
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
        there = to_device(rows, self.values.device)
        return self.values[there], self.images.labels[there]


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
            ``"finetune"`` (everything learns, from a copy), ``"knn"`` (nothing learns).
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
    heads = Heads({name: _head(name, features, seed) for name in names})
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
        copy.deepcopy(features.encoder), _head("linear", features, seed), augmentation
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
        lambda rows: [augment.to_float(images.take(rows)[0])],
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

    return test(
        lambda rows: (probabilities(fitted.selected, rows), probabilities(last, rows)),
        images,
        split,
        epoch=epoch,
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


def _head(protocol: str, features: Features, seed: int) -> nn.Module:
    dim, classes = features.encoder.dim, len(features.images.classes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if protocol == "linear":
            return nn.Linear(dim, classes)
        return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, classes))


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
