from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric
from PIL import Image
from torch import Tensor, nn

from sslkit.images import shapes
from sslkit.images.imageset import ImageSet
from sslkit.images.loading import from_shapes
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import fit
from sslkit.learning.training import Training
from sslkit.methods.rotnet import RotNet, Settings, rotation_loss
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers

NOTHING = Augmentation(crop=None, flip=0.0, jitter=0.0, greyscale=0.0)
JITTER = Settings(after=Augmentation().colours)


def some_images(count: int = 6, size: int = 12, high: int = 256) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    shape = (count, 3, size, size)
    return torch.randint(high, shape, dtype=torch.uint8, generator=generator)


def rotnet(**settings: object) -> RotNet:
    torch.manual_seed(0)
    return RotNet(Encoder(EncoderSettings()), Settings(**settings))


def turned_by_pillow(views: Tensor, turns: int) -> Tensor:
    """Every channel turned counter-clockwise, by another library."""
    if turns == 0:
        return views
    how = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180)
    how = (*how, Image.Transpose.ROTATE_270)[turns - 1]
    planes = [
        np.asarray(Image.fromarray(plane).transpose(how))
        for plane in views.flatten(0, 1).numpy()
    ]
    return torch.from_numpy(np.stack(planes)).view_as(views)


# ---------------------------------------------------------------------- views


def test_views_are_the_four_quarter_turns_of_the_plain_image() -> None:
    images = some_images()
    views = rotnet().eval().views(images, RandomNumbers(0, 0, size=6))
    assert len(views) == 4
    for turns, view in enumerate(views):
        assert torch.equal(view, turned_by_pillow(images / 255, turns))
        assert torch.equal(view, torch.rot90(images / 255, turns, (2, 3)))


def test_in_training_all_four_are_turns_of_one_random_view() -> None:
    objective, images = rotnet().train(), some_images()
    views = objective.views(images, RandomNumbers(0, 0, size=6))
    others = objective.views(images, RandomNumbers(0, 1, size=6))
    for turns, view in enumerate(views):
        assert torch.equal(view, turned_by_pillow(views[0], turns))
    assert not torch.equal(views[0], images / 255)
    assert not torch.equal(views[0], others[0])


def test_a_flip_comes_before_the_turn_and_never_after() -> None:
    flipping = Augmentation(crop=None, flip=1.0, jitter=0.0, greyscale=0.0)
    images = some_images()
    views = rotnet(before=flipping).train().views(images, RandomNumbers(0, 0, size=6))
    mirrored = (images / 255).flip(3)
    for turns, view in enumerate(views):
        assert torch.equal(view, turned_by_pillow(mirrored, turns))
    # The other order would have made a turn of 90 look like one of 270.
    after = turned_by_pillow(images / 255, 1).flip(3)
    assert torch.equal(after, turned_by_pillow(mirrored, 3))
    assert not torch.equal(views[1], after)


def test_nothing_is_interpolated_or_lost_after_the_turn() -> None:
    objective, images = rotnet().train(), some_images()
    views = objective.views(images, RandomNumbers(5, 2, size=6))
    upright = views[0].flatten(2).sort().values
    for view in views[1:]:
        assert torch.equal(view.flatten(2).sort().values, upright)


def test_jitter_changes_every_copy_in_its_own_way_and_no_geometry() -> None:
    brighter = Augmentation(
        crop=None,
        flip=0.0,
        jitter=1.0,
        brightness=0.4,
        contrast=0.0,
        saturation=0.0,
        hue=0.0,
        greyscale=0.0,
    )
    images = some_images(high=128).clamp(min=1)  # 1.4 times as bright is below 1
    objective = rotnet(before=NOTHING, after=brighter).train()
    views = objective.views(images, RandomNumbers(0, 0, size=6))
    factors = []
    for turns, view in enumerate(views):
        ratio = torch.rot90(view, -turns, (2, 3)) / (images / 255)
        factor = ratio.flatten(1).mean(1)
        torch.testing.assert_close(ratio, factor.view(-1, 1, 1, 1).expand_as(ratio))
        factors.append(factor)
    every = torch.stack(factors).flatten()
    assert every.unique().numel() == 24  # 4 copies of 6 images
    assert every.min() >= 0.6
    assert every.max() <= 1.4


def test_without_jitter_the_colours_are_never_changed() -> None:
    objective, images = rotnet(before=NOTHING).train(), some_images()
    assert torch.equal(
        objective.views(images, RandomNumbers(0, 0, size=6))[0], images / 255
    )


@pytest.mark.parametrize(
    "after",
    [
        Augmentation(crop=(0.5, 1.0), flip=0.0),
        Augmentation(crop=None, flip=0.5),
        Augmentation(crop=None, flip=0.0, blur=0.5),
    ],
)
def test_geometry_after_the_turn_is_refused(after: Augmentation) -> None:
    with pytest.raises(ValueError, match="only colours"):
        Settings(after=after)


def test_views_of_another_method_give_it_their_colours_and_no_geometry() -> None:
    views = Augmentation(crop=(0.1, 0.9), flip=0.5, blur=0.5, hue=0.4, jitter=0.7)
    settings = JITTER.with_views(views)
    assert settings.after == replace(views, crop=None, flip=0.0, blur=0.0)
    assert settings.before == Settings().before
    assert (settings.name, Settings().name) == ("rotnet-jitter", "rotnet")


def test_views_of_another_method_bring_no_colours_to_a_rotnet_without() -> None:
    plain = Settings(shuffled=True)
    assert plain.with_views(Augmentation()) == plain


def test_there_is_no_second_view() -> None:
    for settings in (Settings(), JITTER):
        with pytest.raises(ValueError, match="RotNet has no second view"):
            settings.with_views(Augmentation(), Augmentation())


# ----------------------------------------------------------------------- loss


def test_the_loss_is_cross_entropy_by_hand() -> None:
    logits = np.random.default_rng(0).normal(size=(7, 4))
    turns = np.array([0, 1, 2, 3, 3, 0, 1])
    by_hand = [
        math.log(sum(math.exp(value) for value in row)) - row[turn]
        for row, turn in zip(logits, turns, strict=True)
    ]
    loss = rotation_loss(torch.tensor(logits), torch.tensor(turns))
    assert loss.item() == pytest.approx(sum(by_hand) / 7, rel=1e-12)


def test_a_guess_costs_the_logarithm_of_four() -> None:
    loss = rotation_loss(torch.zeros(5, 4), torch.tensor([0, 1, 2, 3, 3]))
    assert loss.item() == pytest.approx(math.log(4))
    for batch in (1, 64, 256):
        assert Settings().chance(batch) == pytest.approx(loss.item())


def test_an_encoder_that_sees_nothing_reaches_chance_and_no_more() -> None:
    objective = rotnet()
    with torch.no_grad():
        objective.head.weight.zero_()
        objective.head.bias.fill_(3.0)
        views = objective.views(some_images(), RandomNumbers(0, 0, size=6))
        loss = objective(views)["loss"].item()
    assert loss == pytest.approx(Settings().chance(6))


class Corners(nn.Module):
    """Brightness of four corners: top left, bottom left, bottom right, top right."""

    dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def forward(self, images: Tensor) -> Tensor:
        self.sizes.append(len(images))
        half = images.shape[2] // 2
        corners = [
            images[:, :, :half, :half],
            images[:, :, half:, :half],
            images[:, :, half:, half:],
            images[:, :, :half, half:],
        ]
        return torch.stack([corner.mean((1, 2, 3)) for corner in corners], dim=1)


def test_labels_name_the_turn_that_each_view_got() -> None:
    # A light in the top left corner goes to the bottom left by a quarter turn
    # counter-clockwise, then to the bottom right, then to the top right.
    images = torch.zeros(5, 3, 8, 8, dtype=torch.uint8)
    images[:, :, :4, :4] = 255
    objective = RotNet(Corners(), Settings()).eval()
    with torch.no_grad():
        objective.head.weight.copy_(torch.eye(4) * 50)
        objective.head.bias.zero_()
        right = objective(objective.views(images, RandomNumbers(0, 0, size=5)))
        objective.head.weight.copy_(torch.eye(4)[[0, 3, 2, 1]] * 50)  # 90 is 270
        half = objective(objective.views(images, RandomNumbers(0, 0, size=5)))
    assert right["accuracy"] == 1
    assert right["loss"] < 1e-6
    assert half["accuracy"] == 0.5


def test_all_copies_are_encoded_in_one_pass() -> None:
    encoder = Corners()
    objective = RotNet(encoder, Settings()).train()
    objective(objective.views(some_images(), RandomNumbers(0, 0, size=6)))
    assert encoder.sizes == [24]


# ---------------------------------------------------------- nothing leaks a turn


def test_the_control_gives_every_image_one_turn_that_never_changes() -> None:
    images = some_images(400)
    objective = rotnet(shuffled=True).eval()
    views = objective.views(images, RandomNumbers(0, 0, size=400))
    backwards = objective.views(images.flip(0), RandomNumbers(9, 9, size=400))
    assert torch.equal(backwards[0].flip(0), views[0])
    same = [
        (torch.rot90(images / 255, k, (2, 3)) == views[0]).flatten(1).all(1)
        for k in range(4)
    ]
    counts = torch.stack(same).sum(1)
    assert counts.sum() == 400, "each image, in exactly one of its turns"
    # 400 draws of 4: a count is 100 with a deviation of 8.7
    assert counts.min() > 60
    assert counts.max() < 140
    for turns, view in enumerate(views):
        assert torch.equal(view, turned_by_pillow(views[0], turns))


def test_the_control_leaves_no_trace_of_the_way_an_image_was_stored() -> None:
    images = some_images(200)
    objective = rotnet(shuffled=True).eval()
    stored = objective.views(images, RandomNumbers(0, 0, size=200))[0]
    turned = objective.views(
        torch.rot90(images, 1, (2, 3)), RandomNumbers(0, 0, size=200)
    )[0]
    assert torch.equal(turned, torch.rot90(stored, 1, (2, 3)))


def validation_accuracy(images: ImageSet, settings: Settings, steps: int) -> float:
    """Accuracy on images that a small encoder did not learn from."""
    torch.manual_seed(0)
    objective = RotNet(Encoder(EncoderSettings()), settings)
    fitted = fit(
        objective,
        images,
        images.rows("train"),
        validation=images.rows("test"),
        training=Training(lr=3e-3, epochs=2, steps=steps, batch_size=64),
        seed=0,
        fabric=Fabric(accelerator="cpu", devices=1),
    )
    history = fitted.history
    return float(history.value[history.metric == "val_accuracy"].iloc[-1])


@pytest.fixture(scope="module")
def scenes() -> ImageSet:
    settings = shapes.Scenes(n_train=480, n_test=600, n_unlabelled=0)
    return from_shapes(settings, image_size=16, seed=0)


@pytest.fixture(scope="module")
def noise() -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    shape = (1080, 3, 16, 16)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    part = np.repeat(["train", "test"], [480, 600])
    labels = torch.zeros(1080, dtype=torch.int64)
    return ImageSet("noise", images, labels, part, ("noise",))


# 600 images: were the four answers on an image one, a guess would have a deviation of
# sqrt(.25 * .75 / 600) = 1.8 points; the bounds are four of them from a quarter.
LOWEST, HIGHEST = 0.18, 0.32


def test_turns_are_learnt_where_there_is_an_up(scenes: ImageSet) -> None:
    assert validation_accuracy(scenes, Settings(), steps=80) > 0.5


def test_turns_cannot_be_learnt_where_the_control_took_the_up(scenes: ImageSet) -> None:
    accuracy = validation_accuracy(scenes, Settings(shuffled=True), steps=80)
    assert LOWEST < accuracy < HIGHEST


@pytest.mark.parametrize("settings", [Settings(), JITTER])
def test_turns_cannot_be_learnt_from_noise(noise: ImageSet, settings: Settings) -> None:
    accuracy = validation_accuracy(noise, settings, steps=80)
    assert LOWEST < accuracy < HIGHEST


def test_a_border_of_one_pixel_would_have_been_found_in_noise(noise: ImageSet) -> None:
    images = noise.images.clone()
    images[:, :, 0] = 0
    bordered = replace(noise, images=images)
    assert validation_accuracy(bordered, Settings(before=NOTHING), steps=80) > 0.9
