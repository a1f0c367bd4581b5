"""Looks: each measure beside one by hand, and what is looked at stays as it was."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from judging.watching import BYOL, marked, scenes
from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.judging import looks
from sslkit.judging.looks import Labelled
from sslkit.judging.readout import effective_rank
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.objective import Objective
from sslkit.methods import METHODS, simclr
from sslkit.methods.byol import deviation
from sslkit.methods.settings import Settings
from sslkit.views.random_numbers import RandomNumbers


@pytest.fixture(scope="module")
def images() -> ImageSet:
    return scenes()


def objective(method: Settings) -> Objective:
    """One that has learnt nothing, in eval mode as watchers get it."""
    torch.manual_seed(0)
    return method.objective(Encoder(EncoderSettings())).eval()


def looked(one: Objective, images: ImageSet) -> dict[str, float]:
    pixels = images.images[:40]
    return looks.look(one, pixels, pixels[:16], looks.noise_like(pixels, 16))


@pytest.mark.parametrize("name", METHODS)
def test_what_is_looked_at_stays_as_it_was(name: str, images: ImageSet) -> None:
    one = objective(METHODS[name])
    before = copy.deepcopy(one.state_dict())
    random = torch.get_rng_state()
    found = looked(one, images)
    after = one.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(p.grad is None for p in one.parameters())
    assert not any(part.training for part in one.modules())
    assert torch.equal(torch.get_rng_state(), random)
    assert found == looked(one, images), "and every look is the same"


def test_features_are_measured_as_elsewhere(images: ImageSet) -> None:
    one = objective(METHODS["simclr"])
    found = looked(one, images)
    with torch.no_grad():
        features = one.encoder(images.images[:40] / 255)
    assert found["deviation"] == pytest.approx(float(deviation(features)), rel=1e-4)
    assert found["rank"] == pytest.approx(effective_rank(features), rel=1e-4)


def test_the_gradient_is_that_of_a_step_of_training(images: ImageSet) -> None:
    one = objective(METHODS["simclr"])
    found = looked(one, images)
    one.train()
    views = one.views(images.images[:16], RandomNumbers(looks.SEED, 0, size=16))
    one(views)["loss"].backward()
    squares = [p.grad.square().sum() for p in one.parameters()]
    by_hand = math.sqrt(sum(map(float, squares)))
    assert found["gradient"] == pytest.approx(by_hand, rel=1e-3)


def test_a_slow_copy_that_does_not_learn_has_no_part_in_the_gradient(
    images: ImageSet,
) -> None:
    assert math.isfinite(looked(objective(BYOL), images)["gradient"])


def test_only_a_task_with_an_accuracy_has_one_on_noise(images: ImageSet) -> None:
    measured = {
        name: "noise_accuracy" in looked(objective(METHODS[name]), images)
        for name in METHODS
    }
    assert measured == {
        "rotnet": True,
        "rotnet-jitter": True,
        "simclr": True,
        "byol": False,
        "vicreg": False,
    }


def test_weights_that_are_no_numbers_leave_a_gradient_without_end(
    images: ImageSet,
) -> None:
    one = objective(simclr.Settings())
    with torch.no_grad():
        next(one.encoder.parameters()).fill_(math.nan)
    found = looked(one, images)
    assert found["gradient"] == math.inf
    assert not {"deviation", "rank"} & set(found)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16], ids=str)
def test_weights_of_another_precision_are_looked_at_in_32_bits(
    kind: torch.dtype, images: ImageSet
) -> None:
    one, other = objective(METHODS["simclr"]), objective(METHODS["simclr"]).to(kind)
    found = looked(other, images)
    assert found == pytest.approx(looked(one, images), rel=0.2)
    assert next(other.parameters()).dtype == kind
    features = looks.read(other.encoder, images.images[:40])
    assert features.dtype == kind


# ----------------------------------------------------------------------- noise


def test_noise_has_the_mean_of_the_images_and_half_of_what_they_differ_by() -> None:
    random = torch.Generator().manual_seed(3)
    pixels = torch.randint(40, 200, (200, 3, 8, 8), generator=random).byte()
    pixels[:, 0] //= 2
    noise = looks.noise_like(pixels, 500).float()
    assert noise.shape == (500, 3, 8, 8)
    mean = pixels.float().mean(0)
    torch.testing.assert_close(noise.mean(0), mean, atol=6, rtol=0)
    by_channel = (0, 2, 3)
    half = (pixels.float() - mean).square().mean(by_channel).sqrt() / 2
    spread = (noise - mean).square().mean(by_channel).sqrt()
    torch.testing.assert_close(spread, half, atol=0, rtol=0.05)


def test_noise_has_no_up_but_that_of_the_mean() -> None:
    """Images that differ in stripes across, none of which is down: noise has both."""
    random = torch.Generator().manual_seed(0)
    stripes = torch.randint(80, 160, (256, 1, 1, 16), generator=random)
    pixels = stripes.expand(-1, 3, 16, -1).byte()
    noise = looks.noise_like(pixels, 300).float()
    noise -= noise.mean(0)
    across, down = (noise.mean(dim).square().mean() for dim in (2, 3))
    assert float(down / across) == pytest.approx(1, abs=0.2)
    step = (noise - noise.roll(1, 2)).mean((0, 1, 3))
    assert float(step.abs().max()) < 1.5, "and no row is darker than the next"


def test_noise_carries_what_all_images_share_and_no_image(images: ImageSet) -> None:
    noise = looks.noise_like(marked(images).images, 32)
    assert float(noise[:, :, :3, :3].float().mean()) > 240
    assert float(noise[:, :, 4:, 4:].float().mean()) < 140
    inside = noise[:, :, 4:, 4:].float().flatten(1)
    seen = images.images[:, :, 4:, 4:].float().flatten(1)
    nearest = torch.cdist(inside, seen).min(1).values / inside.shape[1] ** 0.5
    assert float(nearest.min()) > 10, "levels away from every image"


# ------------------------------------------------------------------ neighbours


def labelled(classes: str, groups: str | None = None) -> tuple[ImageSet, Tensor]:
    """Images of classes and groups, a letter each, and all of their rows."""
    labels = torch.tensor([ord(letter) - ord("a") for letter in classes])
    pixels = torch.zeros(len(classes), 3, 4, 4, dtype=torch.uint8)
    made = ImageSet.of(pixels, labels, groups=None if groups is None else list(groups))
    return made, torch.arange(len(classes))


def directions(found: Labelled, *degrees: float) -> Tensor:
    """Features that point there, an angle a row, in the order of the rows."""
    angles = torch.tensor(degrees)[found.rows] * math.pi / 180
    return torch.stack([angles.cos(), angles.sin()], 1) * (1 + found.rows[:, None])


def test_neighbours_agree_as_counted_by_hand() -> None:
    found = Labelled.of(*labelled("aabba"))
    # Nearest of 0: 10 (a); 10: 0 (a); 50: 60 (b); 60: 50 (b); 90: 60, which is b.
    assert found.agreeing(directions(found, 0, 10, 50, 60, 90)) == pytest.approx(0.8)
    assert found.by_chance == pytest.approx(2 * (3 + 1) / 20)


def test_no_image_is_compared_with_one_of_its_own_group() -> None:
    found = Labelled.of(*labelled("aabb", groups="xxyz"))
    # Without the groups 0 and 10 would agree; now both are nearest to 50, which is b.
    assert found.agreeing(directions(found, 0, 10, 50, 60)) == pytest.approx(0.5)
    assert found.by_chance == pytest.approx(2 / 10)


def test_random_features_agree_as_often_as_by_chance() -> None:
    shares = np.random.default_rng(0).choice(list("aaab"), 250)
    found = Labelled.of(*labelled("".join(shares)))
    random = torch.randn(250, 8, generator=torch.Generator().manual_seed(0))
    assert found.agreeing(random) == pytest.approx(found.by_chance, abs=0.07)
    assert found.by_chance == pytest.approx(0.625, abs=0.05), "not the largest share"


def test_images_of_one_group_have_no_neighbours() -> None:
    assert len(Labelled.of(*labelled("ab", groups="xx"))) == 0
    images, rows = labelled("ab")
    assert len(Labelled.of(images, rows[:0])) == 0


def test_many_rows_become_a_few_always_the_same() -> None:
    rows = torch.arange(1000, 2000)
    some = looks.some(rows)
    assert len(some) == len(some.unique()) == looks.SAMPLE
    assert torch.isin(some, rows).all()
    assert torch.equal(some, looks.some(rows))
    assert sorted(looks.some(rows[:5]).tolist()) == rows[:5].tolist()


def test_a_row_without_a_label_is_refused() -> None:
    images, rows = labelled("ab")
    unknown = replace(images, labels=torch.tensor([0, -1]))
    with pytest.raises(ValueError, match="row 1 of 'tensors' has no label"):
        Labelled.of(unknown, rows)
