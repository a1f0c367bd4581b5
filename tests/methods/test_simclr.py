from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.methods.simclr import Settings, SimCLR, nt_xent
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

Array = NDArray[np.float64]


def by_the_paper(z1: Array, z2: Array, temperature: float) -> float:
    """Algorithm 1, with its two sums written as loops and its order of embeddings."""
    z = [row for pair in zip(z1, z2, strict=True) for row in pair]
    count = len(z1)

    def s(i: int, j: int) -> float:
        cosine = z[i] @ z[j] / (math.sqrt(z[i] @ z[i]) * math.sqrt(z[j] @ z[j]))
        return float(cosine) / temperature

    def pair_loss(i: int, j: int) -> float:
        others = sum(math.exp(s(i, k)) for k in range(2 * count) if k != i)
        return -math.log(math.exp(s(i, j)) / others)

    pairs = [(2 * k, 2 * k + 1) for k in range(count)]
    return sum(pair_loss(i, j) + pair_loss(j, i) for i, j in pairs) / (2 * count)


def embeddings(count: int, dim: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dim)), rng.normal(size=(count, dim))


def loss_of(z1: Array, z2: Array, temperature: float) -> float:
    return nt_xent(torch.tensor(z1), torch.tensor(z2), temperature).item()


# ----------------------------------------------------------------------- loss


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
@pytest.mark.parametrize(("count", "dim"), [(2, 3), (9, 5), (16, 64)])
def test_nt_xent_is_the_papers(count: int, dim: int, temperature: float) -> None:
    z1, z2 = embeddings(count, dim)
    wanted = by_the_paper(z1, z2, temperature)
    assert loss_of(z1, z2, temperature) == pytest.approx(wanted, rel=1e-5)


def test_nt_xent_of_two_images_by_hand() -> None:
    # Opposite views: for each of four embeddings the partner is at cosine -1 and the
    # two others are at 0.
    z1 = np.array([[1.0, 0.0], [0.0, 1.0]])
    wanted = 1 / 0.5 + math.log(math.exp(-1 / 0.5) + 2)
    assert loss_of(z1, -z1, 0.5) == pytest.approx(wanted, rel=1e-6)


def test_negative_similarities_are_not_clamped() -> None:
    z1, z2 = embeddings(8, 2)
    z2 = -z1 + 0.1 * z2
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in (z1, z2)]
    assert np.sum(unit[0] * unit[1], axis=1).max() < -0.5, "the partners are far apart"
    wanted = by_the_paper(z1, z2, 0.1)
    assert loss_of(z1, z2, 0.1) == pytest.approx(wanted, rel=1e-5)
    # With cosines of at least 0 no loss could pass ln(2N - 2 + 1) + 1 / temperature.
    assert wanted > math.log(15) + 10


def test_a_collapse_costs_the_logarithm_of_all_others() -> None:
    same = np.tile(np.random.default_rng(0).normal(size=6), (10, 1))
    loss = loss_of(same, 3 * same, 0.1)
    assert loss == pytest.approx(math.log(19), rel=1e-5)
    assert Settings().chance(10) == pytest.approx(loss, rel=1e-5)


def test_well_separated_pairs_cost_next_to_nothing() -> None:
    corners = np.eye(4)
    wanted = math.log(1 + 6 * math.exp(-1 / 0.05))
    assert loss_of(corners, corners, 0.05) == pytest.approx(wanted, abs=1e-7)


def test_the_order_of_views_and_of_images_and_the_length_do_not_matter() -> None:
    z1, z2 = embeddings(12, 7)
    loss = loss_of(z1, z2, 0.2)
    order = np.random.default_rng(1).permutation(12)
    lengths = np.random.default_rng(2).uniform(0.1, 9, size=(12, 1))
    assert loss_of(z2, z1, 0.2) == pytest.approx(loss, rel=1e-5)
    assert loss_of(z1[order], z2[order], 0.2) == pytest.approx(loss, rel=1e-5)
    assert loss_of(z1 * lengths, z2, 0.2) == pytest.approx(loss, rel=1e-5)
    assert abs(loss_of(z1[order], z2, 0.2) - loss) > 0.01, (
        "but who belongs to whom does"
    )


def test_the_gradient_is_that_of_the_papers_formula() -> None:
    z1, z2 = embeddings(4, 3)
    inputs = [
        torch.tensor(z, dtype=torch.float32, requires_grad=True) for z in (z1, z2)
    ]
    nt_xent(*inputs, 0.5).backward()
    step = 1e-5
    for which, given in enumerate(inputs):
        slope = np.zeros((4, 3))
        for place in np.ndindex(4, 3):
            sides = []
            for sign in (1, -1):
                moved = [z1.copy(), z2.copy()]
                moved[which][place] += sign * step
                sides.append(by_the_paper(*moved, 0.5))
            slope[place] = (sides[0] - sides[1]) / (2 * step)
        assert given.grad is not None
        np.testing.assert_allclose(given.grad.numpy(), slope, atol=1e-5)


def test_half_precision_around_it_does_not_coarsen_the_loss() -> None:
    z1, z2 = (torch.tensor(z, dtype=torch.bfloat16) for z in embeddings(32, 16))
    exact = by_the_paper(z1.double().numpy(), z2.double().numpy(), 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nt_xent(z1, z2, 0.1)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize(
    ("one", "other"),
    [((4, 3), (5, 3)), ((4, 3), (4, 2)), ((12,), (12,)), ((2, 2, 3),) * 2],
)
def test_embeddings_of_other_shapes_are_refused(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="one shape"):
        nt_xent(torch.ones(one), torch.ones(other), 0.5)


def test_one_image_is_refused() -> None:
    with pytest.raises(ValueError, match="one image is not enough"):
        nt_xent(torch.ones(1, 4), torch.ones(1, 4), 0.5)


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_of_zero_or_less_is_refused(temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature"):
        Settings(temperature=temperature)


# ------------------------------------------------------------------ objective


class Means(nn.Module):
    """The mean colour; remembers the sizes of its batches."""

    dim = 3

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(len(images))
        return images.mean((2, 3))


def some_images(count: int = 6, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, 3, size, size)
    return torch.randint(256, shape, dtype=torch.uint8, generator=generator)


def test_views_are_two_and_each_has_its_own_parameters() -> None:
    objective = SimCLR(Means(), Settings())
    first, second = objective.views(some_images(), RandomNumbers(0, 0, size=6))
    assert first.shape == second.shape == (6, 3, 16, 16)
    assert first.dtype == torch.float32
    assert min(first.min(), second.min()) >= 0
    assert max(first.max(), second.max()) <= 1
    assert all(not torch.equal(a, b) for a, b in zip(first, second, strict=True))
    again = objective.views(some_images(), RandomNumbers(0, 0, size=6))
    assert torch.equal(again[0], first)
    assert torch.equal(again[1], second)


def test_validation_too_compares_random_views() -> None:
    objective = SimCLR(Means(), Settings()).eval()
    first, second = objective.views(some_images(), RandomNumbers(0, 0, size=6))
    assert not torch.equal(first, second)


def test_both_views_are_encoded_in_one_pass_so_batch_norm_sees_both() -> None:
    torch.manual_seed(0)
    encoder = Means()
    objective = SimCLR(encoder, Settings(hidden=5)).train()
    views = [torch.rand(8, 3, 4, 4), torch.rand(8, 3, 4, 4) * 0.1]
    objective(views)
    assert encoder.sizes == [16]
    linear, norm = objective.projector[0], objective.projector[1]
    hidden = torch.cat(views).mean((2, 3)) @ linear.weight.T
    # after one batch: a tenth of the way from 0, and from 1, to the batch's own
    torch.testing.assert_close(norm.running_mean, 0.1 * hidden.mean(0))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * hidden.var(0))
    assert norm.num_batches_tracked == 1


def test_the_loss_is_nt_xent_of_the_projected_features() -> None:
    torch.manual_seed(0)
    objective = SimCLR(Encoder(EncoderSettings()), Settings(temperature=0.3)).eval()
    views = objective.views(some_images(), RandomNumbers(0, 0, size=6))
    with torch.no_grad():
        outputs = objective(views)
        z1, z2 = (objective.projector(objective.encoder(v)).double() for v in views)
    wanted = by_the_paper(z1.numpy(), z2.numpy(), 0.3)
    assert outputs["loss"].item() == pytest.approx(wanted, rel=1e-4)


def test_accuracy_is_the_share_of_views_that_find_their_partner() -> None:
    class Given(nn.Module):
        dim = 4

        def forward(self, views: Tensor) -> Tensor:
            return views

    objective = SimCLR(Given(), Settings())
    objective.projector = nn.Identity()
    corners = torch.eye(4)
    assert objective([corners, 2 * corners])["accuracy"] == 1
    assert objective([corners, corners[[0, 1, 3, 2]]])["accuracy"] == 0.5


def test_the_projector_is_as_wide_as_the_encoder_unless_asked_otherwise() -> None:
    encoder = Encoder(EncoderSettings())
    plain = Settings(embedding=24).objective(encoder)
    assert [tuple(p.shape) for p in plain.projector.parameters() if p.ndim > 1] == [
        (128, 128),
        (24, 128),
    ]
    narrow = Settings(hidden=7).objective(encoder)
    assert narrow.projector[0].weight.shape == (7, 128)
    assert plain.encoder is encoder


def test_views_follow_the_augmentation_of_the_settings() -> None:
    still = Augmentation(crop=None, flip=0.0, jitter=0.0, greyscale=0.0)
    settings = Settings(temperature=0.2).with_views(still)
    assert settings == Settings(temperature=0.2, augmentation=still)
    objective = SimCLR(Means(), settings)
    for view in objective.views(some_images(), RandomNumbers(0, 0, size=6)):
        assert torch.equal(view, some_images() / 255)


def test_a_projector_that_maps_all_to_one_point_reaches_chance() -> None:
    objective = SimCLR(Means(), Settings(hidden=4)).eval()
    with torch.no_grad():
        objective.projector[-1].weight.zero_()
        views = objective.views(some_images(), RandomNumbers(0, 0, size=6))
        loss = objective(views)["loss"].item()
    assert loss == pytest.approx(Settings().chance(6), rel=1e-5)


def test_a_second_view_may_differ_and_leaves_the_first_as_it_is() -> None:
    strong = Augmentation(crop=(0.05, 0.1), blur=1.0)
    still = Augmentation(crop=None, flip=0.0, jitter=0.0, greyscale=0.0)
    numbers = {"seed": 0, "step": 3, "size": 6}
    both = Settings(temperature=0.2).with_views(Augmentation())
    one, two = SimCLR(Means(), both).views(some_images(), RandomNumbers(**numbers))
    for second in (strong, still):
        settings = Settings(temperature=0.2).with_views(Augmentation(), second)
        assert settings.temperature == 0.2
        objective = SimCLR(Means(), settings)
        first, other = objective.views(some_images(), RandomNumbers(**numbers))
        assert torch.equal(first, one)
        assert not torch.equal(other, two)
    assert torch.equal(other, some_images() / 255)  # which had nothing to change


def test_the_same_second_view_is_no_second_view() -> None:
    views = Augmentation(hue=0.3)
    made = [Settings().with_views(views, second) for second in (None, views)]
    found = [
        SimCLR(Means(), one).views(some_images(), RandomNumbers(0, 0, size=6))
        for one in made
    ]
    for ours, wanted in zip(*found, strict=True):
        assert torch.equal(ours, wanted)
