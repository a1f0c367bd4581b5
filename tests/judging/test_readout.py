"""What features know: each function against another way to the same number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import sslkit
from sslkit.judging import readout
from sslkit.judging.features import Features
from sslkit.learning.encoders import Encoder, EncoderSettings

TRAIN, TEST = torch.arange(300), torch.arange(300, 800)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --------------------------------------------------------------------- layers


def test_layers_are_those_of_features_read_one_by_one() -> None:
    images = sslkit.load("shapes", limit=5)
    encoder = Encoder(EncoderSettings())
    found = readout.layers(encoder.train(), images)
    assert list(found) == ["layer1", "layer2", "layer3", "layer4"]
    for name, features in found.items():
        one = Features(encoder, images, name).take(torch.arange(len(images)))[0]
        torch.testing.assert_close(features, one)


def test_last_layer_of_the_tiny_encoder_is_its_output() -> None:
    images = sslkit.load("shapes", limit=2)
    encoder = Encoder(EncoderSettings())
    output, _ = Features(encoder, images).take(torch.arange(len(images)))
    torch.testing.assert_close(readout.layers(encoder, images)["layer4"], output)


# ----------------------------------------------------------------- neighbours


def test_neighbours_are_those_of_a_search_one_by_one() -> None:
    features = noise(40, 5)
    queries, candidates = torch.tensor([3, 17, 39]), torch.arange(0, 40, 2)
    found = readout.neighbours(features, queries, candidates, 4)
    for query, near in zip(queries.tolist(), found.tolist(), strict=True):
        a = features[query].numpy()
        cosine = {}
        for row in candidates.tolist():
            b = features[row].numpy()
            cosine[row] = a @ b / np.sqrt((a @ a) * (b @ b))
        assert near == sorted(cosine, key=cosine.__getitem__)[::-1][:4]


def test_neighbours_look_at_directions_not_at_lengths() -> None:
    features = torch.tensor([[1.0, 0.0], [100.0, 1.0], [1.1, 0.5], [0.0, 1.0]])
    found = readout.neighbours(features, torch.tensor([0]), torch.arange(1, 4), 3)
    assert found.tolist() == [[1, 2, 3]]


def test_no_image_is_its_own_neighbour() -> None:
    rows = torch.arange(10)
    found = readout.neighbours(noise(10, 3), rows, rows, 9)
    for row, near in enumerate(found.tolist()):
        assert sorted(near) == [other for other in range(10) if other != row]
    with pytest.raises(ValueError, match="10 neighbours among 10"):
        readout.neighbours(noise(10, 3), rows, rows, 10)
    with pytest.raises(ValueError, match="0 neighbours"):
        readout.neighbours(noise(10, 3), rows, rows, 0)


# ------------------------------------------------------------------------ CKA


def hsic(x: Tensor, y: Tensor) -> float:
    """Kornblith et al. (2019), section 3, with Gram matrices and the centring one."""
    n = len(x)
    k, m = (z.double() @ z.double().T for z in (x, y))
    h = torch.eye(n, dtype=torch.float64) - torch.ones(n, n, dtype=torch.float64) / n
    return float(torch.trace(k @ h @ m @ h)) / (n - 1) ** 2


def test_cka_is_the_ratio_of_hsic_of_its_source() -> None:
    x = noise(50, 7) + 3
    y = torch.tanh(x @ noise(7, 4, seed=1)) + 0.2 * noise(50, 4, seed=2)
    by_hand = hsic(x, y) / (hsic(x, x) * hsic(y, y)) ** 0.5
    assert 0.1 < by_hand < 0.95
    assert readout.cka(x, y) == pytest.approx(by_hand)
    assert readout.cka(y, x) == pytest.approx(by_hand)


def test_cka_of_two_single_features_is_their_squared_correlation() -> None:
    x, y = noise(60, 1), noise(60, 1, seed=1) + 0.8 * noise(60, 1)
    r = np.corrcoef(x[:, 0], y[:, 0])[0, 1]
    assert readout.cka(x, y) == pytest.approx(r**2, rel=1e-5)


def test_cka_sees_no_turn_no_shift_and_no_factor_but_other_linear_maps() -> None:
    x = noise(80, 6)
    turn, _ = torch.linalg.qr(noise(6, 6, seed=1))
    assert readout.cka(x, 3 * x @ turn + 5) == pytest.approx(1)
    stretched = x * torch.tensor([20.0, 1, 1, 1, 1, 1])
    assert readout.cka(x, stretched) < 0.9


def test_cka_of_noise_is_what_the_docstring_says() -> None:
    x, y = noise(300, 100), noise(300, 100, seed=1)
    assert readout.cka(x, y) == pytest.approx(100 / 400, abs=0.02)


def test_cka_refuses_what_it_is_not_defined_for() -> None:
    with pytest.raises(ValueError, match="same everywhere"):
        readout.cka(noise(9, 2), torch.full((9, 2), 0.1))
    with pytest.raises(ValueError, match=r"\(9, 2\) and \(8, 2\)"):
        readout.cka(noise(9, 2), noise(8, 2))


# ------------------------------------------------------------------- read-out


def test_a_linear_function_is_read_completely_and_noise_not_at_all() -> None:
    features = noise(800, 8)
    linear = (features @ noise(8, 2, seed=1) + 4).double().numpy()
    unrelated = noise(800, seed=2).numpy()
    assert readout.read_out(features, linear, TRAIN, TEST) > 0.999
    assert abs(readout.read_out(features, unrelated, TRAIN, TEST)) < 0.06


def test_kinds_on_two_sides_of_a_plane_are_told_apart_and_random_ones_are_not() -> None:
    features = noise(800, 8)
    sides = np.where(features @ noise(8, seed=1) < 0, -1, 1)
    coins = np.array(["heads", "tails"])[(noise(800, seed=2) < 0).int().numpy()]
    assert readout.read_out(features, sides, TRAIN, TEST) > 0.95
    assert abs(readout.read_out(features, coins, TRAIN, TEST)) < 0.12


def test_scores_are_those_of_least_squares_and_of_recall_by_hand() -> None:
    """Ridge with 300 images shrinks little; the scores themselves by their formulas."""
    features = noise(800, 3)
    y = (features[:, 0] + 0.7 * noise(800, seed=1)).double().numpy()
    x = np.c_[np.ones(800), features.numpy()]
    weights, *_ = np.linalg.lstsq(x[:300], y[:300], rcond=None)
    rest, mean = y[300:] - x[300:] @ weights, y[300:].mean()
    by_hand = 1 - (rest**2).sum() / ((y[300:] - mean) ** 2).sum()
    assert readout.read_out(features, y, TRAIN, TEST) == pytest.approx(
        by_hand, abs=1e-3
    )
    # One feature that tells three kinds apart but for a known share of mistakes.
    kinds = np.arange(800) % 3
    seen = torch.eye(3)[torch.from_numpy(kinds)]
    wrong = [row for row in TEST.tolist() if kinds[row] == 2][::2]
    seen[wrong] = torch.tensor([1.0, 0, 0])  # half of kind 2 looks like kind 0
    share = len(wrong) / (kinds[300:] == 2).sum()
    recall = (1 + 1 + 1 - share) / 3
    assert readout.read_out(seen, kinds, TRAIN, TEST) == pytest.approx(
        (recall - 1 / 3) / (2 / 3)
    )


def test_the_scale_of_a_feature_makes_no_difference() -> None:
    features = noise(800, 4)
    y = (features.sum(1) + noise(800, seed=1)).numpy()
    scaled = features * torch.tensor([1e-4, 1, 100, 1e4]) + 7
    assert readout.read_out(scaled, y, TRAIN, TEST) == pytest.approx(
        readout.read_out(features, y, TRAIN, TEST), abs=1e-3
    )


def test_readers_do_not_see_the_test_rows() -> None:
    """With other values in the test rows, the reader of the training rows is the same:
    mirrored values are missed by as much as the right ones are met."""
    features = noise(800, 4)
    y = features.sum(1).double().numpy()
    y[300:] *= -1
    assert readout.read_out(features, y, TRAIN, TEST) < -2.5
    with pytest.raises(ValueError, match="in train and in test"):
        readout.read_out(features, y, torch.arange(301), TEST)
    with pytest.raises(ValueError, match="values of the train rows are the same"):
        readout.read_out(features, np.ones(800), TRAIN, TEST)


def test_read_outs_know_numbers_kinds_and_directions() -> None:
    hue = np.random.default_rng(0).random(800)
    circle = np.stack([np.cos(2 * np.pi * hue), np.sin(2 * np.pi * hue)], axis=1)
    features = torch.cat([torch.from_numpy(circle).float(), noise(800, 3)], dim=1)
    factors = pd.DataFrame(
        {
            "hue": hue,
            "shift": features[:, 2].double().numpy(),
            "kind": np.where(features[:, 3] < 0, "a", "b"),
            "nothing": noise(800, seed=5).double().numpy(),
        }
    )
    scores = readout.read_outs(features, factors, TRAIN, TEST)
    assert list(scores.index) == list(factors)
    assert scores["hue"] > 0.99
    assert scores["shift"] > 0.99
    assert scores["kind"] > 0.9
    assert abs(scores["nothing"]) < 0.08
    straight = readout.read_outs(features, factors, TRAIN, TEST, circular=())
    assert straight["hue"] < 0.8  # on a line, red lies at both ends
    assert straight["shift"] == scores["shift"]


def test_the_effective_rank_counts_the_directions_that_are_used() -> None:
    generator = torch.Generator().manual_seed(0)
    for rank in (1, 3, 8):
        basis = torch.linalg.qr(torch.randn(40, 40, generator=generator)).Q
        codes = basis[:, :rank] - basis[:, :rank].mean(0)  # of almost equal sizes
        features = codes @ torch.eye(8)[:rank] + 5.0  # an offset is no direction
        assert readout.effective_rank(features) == pytest.approx(rank, rel=0.05)


def test_the_effective_rank_is_that_of_the_entropy_of_singular_values() -> None:
    features = torch.diag(torch.tensor([3.0, 2.0, 1.0])).double()
    sizes = np.linalg.svd(features.numpy() - features.numpy().mean(0))[1]
    share = sizes / sizes.sum()
    share = share[share > 1e-12]
    expected = np.exp(-(share * np.log(share)).sum())
    assert readout.effective_rank(features) == pytest.approx(expected)


def test_features_that_are_all_the_same_use_no_direction() -> None:
    assert readout.effective_rank(torch.full((5, 4), 0.1)) == 0
