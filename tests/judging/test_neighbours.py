"""Nearest neighbours against a brute-force search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from judging.made import N_TEST, scored, untouched
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.judging import protocols
from sslkit.judging.cases import Case
from sslkit.judging.features import Features
from sslkit.learning.devices import launch
from sslkit.learning.encoders import Encoder
from sslkit.learning.training import Training


def brute_force(
    known: NDArray, labels: NDArray, asked: NDArray, neighbours: int
) -> NDArray[np.float64]:
    """Shares of the votes, each weighted by one over the cosine distance."""
    votes = np.zeros((len(asked), 3))
    for query, row in zip(asked.astype(float), votes, strict=True):
        lengths = np.linalg.norm(known, axis=1) * np.linalg.norm(query)
        distance = 1 - (known @ query) / lengths
        for index in np.argsort(distance)[:neighbours]:
            row[labels[index]] += 1 / distance[index]
    return votes / votes.sum(1, keepdims=True)


@pytest.mark.parametrize("neighbours", [1, 10])
def test_neighbours_vote_by_cosine_as_a_brute_force_search_does(
    neighbours: int,
    images: ImageSet,
    encoder: Encoder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocols, "NEIGHBOURS", (neighbours,))
    # Distances between features of a random encoder are small, and one in float32
    # is the difference of numbers near 1: so features are spread out first.
    torch.manual_seed(1)
    encoder.net.add_module("spread", nn.BatchNorm1d(128, affine=False))
    encoder.train()
    with torch.no_grad():
        for _ in range(50):
            encoder(images.images[:90] / 255)
    rows = split(images, 1.0)
    score = scored("knn", encoder, images, rows)
    known = untouched(encoder, images, rows.train).double().numpy()
    asked = untouched(encoder, images, rows.test).double().numpy()
    truth = images.labels[rows.test].numpy()
    labels = images.labels[rows.train].numpy()
    shares = brute_force(known, labels, asked, neighbours)
    answers = shares.argmax(1)
    assert score.confusion == metrics.confusion_matrix(truth, answers).tolist()
    assert score.accuracy == pytest.approx(np.mean(answers == truth))
    tiny = np.finfo(float).eps
    loss = -np.log(shares[range(N_TEST), truth].clip(tiny)).mean()
    assert score.loss == pytest.approx(loss, rel=1e-3)
    assert score.epoch is None
    assert (score.last_accuracy, score.last_loss) == (score.accuracy, score.loss)


class Noisy(nn.Module):
    """The first pixel, which tells two classes apart but for noise."""

    def forward(self, images: Tensor) -> Tensor:
        angle = images[:, 0, 0, 0]
        return torch.stack([angle.cos(), angle.sin()], dim=1)


def chosen(images: ImageSet, rows: Split) -> int:
    """How many neighbours vote on features of one number."""
    case = Case(
        features=Features(Noisy(), images),
        split=rows,
        augmentation=None,
        probe=Training(),
        downstream=Training(),
        seed=0,
        select="validation",
        fabric=launch(),
        checkpoint=None,
    )
    nearest = KNeighborsClassifier(metric="cosine", weights="distance")
    return protocols._neighbours(case, nearest)


def two_classes(wrong: float) -> ImageSet:
    """400 images to learn from and 200 to test on; a part of the labels is wrong."""
    random = torch.Generator().manual_seed(0)
    light = torch.randint(0, 256, (600,), generator=random, dtype=torch.uint8)
    labels = (light > 127).long()
    flipped = torch.rand(600, generator=random) < wrong
    pixels = light[:, None, None, None].expand(-1, 3, 8, 8).contiguous()
    return ImageSet.of(
        pixels, torch.where(flipped, 1 - labels, labels), test=torch.arange(400, 600)
    )


def test_how_many_neighbours_vote_is_chosen_in_the_budget() -> None:
    clean, noisy = two_classes(0.0), two_classes(0.3)
    assert chosen(clean, split(clean, 1.0)) == 1
    assert chosen(noisy, split(noisy, 1.0)) >= 20


def test_choosing_among_neighbours_reads_no_test_and_no_validation_label() -> None:
    images = two_classes(0.3)
    rows = split(images, 0.5)
    others = torch.ones(len(images), dtype=torch.bool)
    others[rows.train] = False
    changed = replace(images, labels=torch.where(others, 0, images.labels))
    assert chosen(changed, rows) == chosen(images, rows)


def test_one_neighbour_is_asked_where_a_class_has_one_image() -> None:
    images = two_classes(0.3)
    assert chosen(images, split(images, labels=1)) == 1


def test_groups_fewer_than_folds_choose_and_one_group_does_not() -> None:
    images = two_classes(0.3)
    rows = split(images, 1.0)
    names = np.array([f"g{row % 3}" for row in range(len(images))])
    assert chosen(replace(images, groups=names), rows) > 1
    assert chosen(replace(images, groups=np.full(len(images), "g")), rows) == 1


def test_fewer_labels_than_neighbours_are_all_asked(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    few = torch.cat([rows.train[images.labels[rows.train] == c][:2] for c in (0, 1)])
    score = scored("knn", encoder, images, replace(rows, train=few))
    assert score.n_test == N_TEST
    assert np.sum(score.confusion, axis=0)[2] == 0, "no one votes for an unknown class"
    assert score.recall[2] == 0


def test_a_known_image_is_its_own_nearest_neighbour(
    images: ImageSet, rows: Split, encoder: Encoder
) -> None:
    score = scored("knn", encoder, images, replace(rows, test=rows.train))
    assert score.accuracy == 1
