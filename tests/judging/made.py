"""Short judgements, and what was read and learnt while one was made."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging import cases, protocols, selftraining
from sslkit.judging.cases import Judged
from sslkit.judging.features import Features
from sslkit.judging.judge import judge
from sslkit.judging.scores import Score
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training
from sslkit.views.augment import Augmentation

N_TEST = 300  # no multiple of the 256 that are read at a time
LEARNT = Training(lr=0.02, epochs=6, batch_size=16, schedule="constant")
VIEWS = Augmentation(crop=(0.5, 1.0), jitter=0.0, greyscale=0.0)


def judged(
    protocols: Sequence[str],
    encoder: nn.Module,
    images: ImageSet,
    rows: Split,
    *,
    training: Training = LEARNT,
    **rest: Any,
) -> dict[str, Judged]:
    return judge(
        encoder,
        images,
        rows,
        protocols=protocols,
        augmentation=VIEWS,
        probe=training,
        downstream=training,
        fabric=Fabric(accelerator="cpu", devices=1),
        **rest,
    )


def scored(
    protocol: str, encoder: nn.Module, images: ImageSet, rows: Split, **rest: Any
) -> Score:
    return judged([protocol], encoder, images, rows, **rest)[protocol].score


def digest(encoder: nn.Module) -> str:
    sha = hashlib.sha256()
    for name, tensor in encoder.state_dict().items():
        sha.update(name.encode() + tensor.numpy().tobytes())
    return sha.hexdigest()


def untouched(encoder: nn.Module, images: ImageSet, rows: Tensor) -> Tensor:
    """The features of a copy in eval mode, all rows in one batch."""
    with torch.no_grad():
        return copy.deepcopy(encoder).eval()(images.images[rows] / 255)


class Watched:
    """What ``fit`` was given and left behind, and the order of events around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, list[int], str | None]] = []
        self.objective: nn.Module
        self.fitted: Fitted
        self.last: dict[str, Tensor]
        image_take, feature_take = ImageSet.take, Features.take
        knn_fit = KNeighborsClassifier.fit

        def take_images(images: ImageSet, rows: Tensor) -> tuple[Tensor, Tensor]:
            self.events.append(("images", rows.tolist(), None))
            return image_take(images, rows)

        def take_features(features: Features, rows: Tensor) -> tuple[Tensor, Tensor]:
            self.events.append(("features", rows.tolist(), features.layer))
            return feature_take(features, rows)

        def fit_and_watch(
            objective: nn.Module, source: Any, rows: Tensor, **rest: Any
        ) -> Fitted:
            self.objective = objective
            layer = getattr(source, "layer", None)
            self.events.append(("fit", rows.tolist(), layer))
            self.fitted = fit(objective, source, rows, **rest)
            self.last = copy.deepcopy(objective.state_dict())
            self.events.append(("fitted", [], layer))
            return self.fitted

        def fit_neighbours(knn: KNeighborsClassifier, *given: NDArray) -> Any:
            fitted = knn_fit(knn, *given)
            self.events.append(("fitted", [], None))
            return fitted

        monkeypatch.setattr(ImageSet, "take", take_images)
        monkeypatch.setattr(Features, "take", take_features)
        for module in (cases, protocols, selftraining):
            monkeypatch.setattr(module, "fit", fit_and_watch)
        monkeypatch.setattr(KNeighborsClassifier, "fit", fit_neighbours)

    def when(self, kind: str, layer: str | None = None) -> list[int]:
        """The places of such events."""
        return [
            at
            for at, (what, _, of) in enumerate(self.events)
            if (what, of) == (kind, layer)
        ]

    def learnt(self) -> list[list[int]]:
        """The rows of every training."""
        return [rows for what, rows, _ in self.events if what == "fit"]

    def reads(
        self, rows: Tensor, source: str, layer: str | None = None
    ) -> list[tuple[int, list[int]]]:
        """When and which of these rows were read."""
        wanted = set(rows.tolist())
        found = [
            (at, [row for row in self.events[at][1] if row in wanted])
            for at in self.when(source, layer)
        ]
        return [(at, some) for at, some in found if some]
