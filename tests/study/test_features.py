"""Features compared: each function against another way to the same number."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import sslkit
from sslkit.judging import readout
from sslkit.study import features


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def images() -> sslkit.ImageSet:
    return sslkit.load("shapes", limit=20)


# ---------------------------------------------------------- neighbours and maps


def test_neighbours_are_those_of_each_encoder():
    every = {"a": noise(30, 4), "b": noise(30, 4, seed=1)}
    asked, among = torch.arange(3), torch.arange(3, 30)
    found = features.nearest(every, asked, among, 2)
    assert list(found) == ["a", "b"]
    for name, own in every.items():
        a, b = own[asked].numpy(), own[among].numpy()
        lengths = np.linalg.norm(a, axis=1)[:, None] * np.linalg.norm(b, axis=1)
        order = np.argsort(-(a @ b.T) / lengths, axis=1)[:, :2]
        assert found[name].tolist() == among.numpy()[order].tolist()


def test_shuffled_rows_are_the_same_rows_in_an_order_of_their_seed():
    rows = torch.arange(50, 100)
    one, again = features.shuffled(rows), features.shuffled(rows)
    assert one.tolist() == again.tolist()
    assert one.tolist() != rows.tolist()
    assert sorted(one.tolist()) == rows.tolist()
    assert features.shuffled(rows, seed=1).tolist() != one.tolist()


def test_a_map_keeps_two_far_heaps_apart_and_is_the_same_twice():
    heaps = torch.cat([torch.ones(20, 5), -torch.ones(20, 5)]) + 0.05 * noise(40, 5)
    rows = torch.arange(2, 38)
    places = features.maps({"one": heaps, "same": heaps.clone()}, rows)
    assert places["one"].shape == (36, 2)
    assert (places["one"] == places["same"]).all()
    first, second = places["one"][:18], places["one"][18:]
    apart = np.linalg.norm(first.mean(0) - second.mean(0))
    assert apart > np.linalg.norm(first - first.mean(0), axis=1).max()


# ------------------------------------------------------------------- read-outs


# -------------------------------------------------------------------- likeness


@pytest.fixture
def layers() -> dict[str, dict[str, Tensor]]:
    first = noise(60, 3)
    return {
        "A": {"layer1": noise(60, 2, seed=1), "layer2": first},
        "B": {"layer1": noise(60, 4, seed=2), "layer2": 2 * first.flip(1) + 1},
        "C": {"layer1": noise(60, 4, seed=3), "layer2": noise(60, 3, seed=4)},
    }


def test_all_layers_are_compared_with_all_on_the_rows_that_were_asked_for(layers):
    rows = torch.arange(10, 60)
    found = features.alikeness(layers, rows)
    assert (
        list(found) == list(found.index) == ["A 1", "A 2", "B 1", "B 2", "C 1", "C 2"]
    )
    assert np.diag(found) == pytest.approx(1)
    assert found.to_numpy() == pytest.approx(found.to_numpy().T)
    assert found.loc["A 2", "B 2"] == pytest.approx(1), "turned, scaled, shifted"
    x, y = (z[rows].numpy() for z in (layers["A"]["layer1"], layers["C"]["layer2"]))
    centre = np.eye(50) - 1 / 50
    k, m = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    by_kernels = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert found.loc["A 1", "C 2"] == pytest.approx(by_kernels, rel=1e-5)


# ------------------------------------------------------------------------ dial


def test_a_known_hue_is_a_point_of_the_circle(images):
    points = features.colours(images)
    turns = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) % 1
    assert turns == pytest.approx(images.factors["hue"].to_numpy() % 1)
    assert np.linalg.norm(points, axis=1) == pytest.approx(1)


def test_an_unknown_hue_is_the_angle_of_the_mean_colour():
    plain = {  # red, green, blue, cyan and grey
        (200, 0, 0): 0.0,
        (0, 200, 0): 1 / 3,
        (0, 0, 200): 2 / 3,
        (0, 100, 100): 0.5,
        (90, 90, 90): None,
    }
    pixels = torch.tensor(list(plain), dtype=torch.uint8)[:, :, None, None]
    count = len(plain)
    images = sslkit.ImageSet(
        "plain",
        pixels.expand(-1, -1, 4, 4).contiguous(),
        torch.zeros(count, dtype=torch.int64),
        np.repeat("train", count),
        ("all",),
    )
    points = features.colours(images)
    for (x, y), turn in zip(points, plain.values(), strict=True):
        if turn is None:
            assert math.hypot(x, y) == pytest.approx(0)
        else:
            assert math.atan2(y, x) / (2 * math.pi) % 1 == pytest.approx(turn)


def test_votes_are_those_of_a_nearest_neighbour_classifier_by_cosine():
    from sklearn.neighbors import KNeighborsClassifier

    own, labels = noise(200, 6), torch.arange(200) % 3
    own[:, 0] += labels
    train, test = torch.arange(150), torch.arange(150, 200)
    found = features.votes(own, labels, train, test, count=7)
    reader = KNeighborsClassifier(7, metric="cosine")
    said = reader.fit(own[train].numpy(), labels[train]).predict(own[test].numpy())
    assert found.tolist() == (said == labels[test].numpy()).astype(float).tolist()
    assert 0 < found.mean() < 1


def test_a_dial_is_read_by_hue_and_by_votes(images):
    train, test = images.rows("train"), images.rows("test")
    hue, blind = (
        torch.from_numpy(features.colours(images)).float(),
        noise(len(images), 2),
    )
    found = features.hue_and_class({0.0: hue, 0.5: blind}, images, train, test)
    assert list(found.index) == [0.0, 0.5]
    assert found.index.name == "hue jitter"
    assert found.loc[0.0, "hue"] > 0.99
    assert found.loc[0.5, "hue"] < 0.3
    wanted = features.colours(images)
    assert found.loc[0.5, "hue"] == readout.read_out(blind, wanted, train, test)
    right = features.votes(blind, images.labels, train, test)
    assert found.loc[0.5, "class"] == right.mean()
