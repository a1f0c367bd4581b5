"""Nearest neighbours against a brute-force search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from judging.made import N_TEST, scored, untouched
from numpy.typing import NDArray
from sklearn import metrics
from torch import nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split, split
from sslkit.learning.encoders import Encoder


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


@pytest.mark.parametrize("fraction", [0.2, 1.0])  # 18 labels; 10 of 72
def test_neighbours_vote_by_cosine_as_a_brute_force_search_does(
    fraction: float, images: ImageSet, encoder: Encoder
) -> None:
    # Distances between features of a random encoder are small, and one in float32
    # is the difference of numbers near 1: so features are spread out first.
    torch.manual_seed(1)
    encoder.net.add_module("spread", nn.BatchNorm1d(128, affine=False))
    encoder.train()
    with torch.no_grad():
        for _ in range(50):
            encoder(images.images[:90] / 255)
    rows = split(images, fraction)
    score = scored("knn", encoder, images, rows)
    known = untouched(encoder, images, rows.train).double().numpy()
    asked = untouched(encoder, images, rows.test).double().numpy()
    truth = images.labels[rows.test].numpy()
    shares = brute_force(known, images.labels[rows.train].numpy(), asked, 10)
    answers = shares.argmax(1)
    assert score.confusion == metrics.confusion_matrix(truth, answers).tolist()
    assert score.accuracy == pytest.approx(np.mean(answers == truth))
    tiny = np.finfo(float).eps
    loss = -np.log(shares[range(N_TEST), truth].clip(tiny)).mean()
    assert score.loss == pytest.approx(loss, rel=1e-3)
    assert score.epoch is None
    assert (score.last_accuracy, score.last_loss) == (score.accuracy, score.loss)


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
