"""Random views: what they may change, each image its own way."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional as tv
from views.made import FULL, OFF, close, pictures

from sslkit.views import augment, pieces
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


def test_a_view_with_everything_off_is_the_image():
    images = pictures()
    view = augment.view(images, OFF, RandomNumbers(0, 0, size=12))
    assert torch.equal(view, images.float() / 255)
    again = augment.view(view, OFF, RandomNumbers(0, 0, size=12))
    assert torch.equal(again, view)
    assert again.data_ptr() != view.data_ptr()


def test_every_sample_gets_its_own_parameters():
    images = pictures(1).expand(32, -1, -1, -1)
    for part in (
        {"crop": (0.2, 0.5)},
        {"jitter": 1.0, "contrast": 0, "saturation": 0, "hue": 0},
        {"jitter": 1.0, "brightness": 0, "saturation": 0, "hue": 0},
        {"jitter": 1.0, "brightness": 0, "contrast": 0, "hue": 0},
        {"jitter": 1.0, "brightness": 0, "contrast": 0, "saturation": 0},
        {"blur": 1.0},
    ):
        parts = {"crop": None, "flip": 0, "jitter": 0, "greyscale": 0} | part
        views = augment.view(
            images, Augmentation(**parts), RandomNumbers(0, 0, size=32)
        )
        assert len(views.flatten(1).unique(dim=0)) == 32, part


def test_a_view_follows_from_the_position_in_the_global_batch():
    images = pictures(8)
    whole = augment.view(images, FULL, RandomNumbers(1, 2, size=8))
    halves = [
        augment.view(
            images[s : s + 4], FULL, RandomNumbers(1, 2, size=4, start=s, total=8)
        )
        for s in (0, 4)
    ]
    close(torch.cat(halves), whole, 1e-6)
    assert whole.dtype == torch.float32
    assert whole.is_contiguous()
    assert whole.min() >= 0
    assert whole.max() <= 1


def test_the_size_of_a_chunk_changes_nothing(monkeypatch):
    images = pictures(7)
    whole = augment.view(images, FULL, RandomNumbers(1, 2, size=7))
    monkeypatch.setattr(augment, "_CHUNK_PIXELS", 1)
    close(augment.view(images, FULL, RandomNumbers(1, 2, size=7)), whole, 1e-6)


def test_a_view_leaves_its_images_alone():
    images, floats = pictures(), pictures().float() / 255
    for given in (images, floats):
        before = given.clone()
        augment.view(given, FULL, RandomNumbers(0, 0, size=12))
        assert torch.equal(given, before)


def test_geometry_comes_first_then_the_colours_in_a_drawn_order_then_blur(monkeypatch):
    colours = [f"adjust_{n}" for n in ("brightness", "contrast", "saturation", "hue")]
    called: list[str] = []
    for name in ("sample", *colours, "greyscale", "gaussian_blur"):

        def piece(images, _, *, name=name, kernel_size=None, out=None):
            called.append(name)
            return images

        monkeypatch.setattr(pieces, name, piece)
    every, orders = replace(FULL, greyscale=1.0, blur=1.0), set()
    for step in range(20):
        called.clear()
        augment.view(pictures(), every, RandomNumbers(0, step, size=12))
        assert called[0] == "sample"
        assert sorted(called[1:5]) == sorted(colours)
        assert called[5:] == ["greyscale", "gaussian_blur"]
        orders.add(tuple(called[1:5]))
    assert len(orders) > 5


def drawn(n: int, height: int, width: int, **crop) -> Tensor:
    """Top, left, height, width of ``n`` crops; mirrored ones have negative widths.

    Read off views of two ramps, one down and one across.
    """
    sides = torch.tensor([height, width])
    down, across = torch.arange(height).float(), torch.arange(width).float()
    ramps = [down[:, None].expand(height, width), across.expand(height, width)] * 2
    images = (torch.stack(ramps[:3]) / max(height, width)).expand(n, -1, -1, -1)
    only_geometry = Augmentation(jitter=0, greyscale=0, **crop)
    view = augment.view(images, only_geometry, RandomNumbers(5, 0, size=n)) * max(
        height, width
    )
    last, middle = sides // 2 - 1, sides // 2
    before = torch.stack([view[:, 0, last[0], 0], view[:, 1, 0, last[1]]], dim=1)
    after = torch.stack([view[:, 0, middle[0], 0], view[:, 1, 0, middle[1]]], dim=1)
    lengths = (after - before) * sides
    return torch.cat([(before + after + 1 - lengths.abs()) / 2, lengths], dim=1)


@pytest.fixture(scope="module")
def boxes() -> Tensor:
    return drawn(4000, 48, 48)


def test_crops_are_whole_pixels_inside_the_image(boxes):
    close(boxes, boxes.round(), 0.01)
    corner, lengths = boxes[:, :2].round(), boxes[:, 2:].abs().round()
    gap = 48 - lengths - corner
    assert torch.stack([corner, gap]).amin((0, 1)).tolist() == [0, 0]
    # Top and bottom, left and right are alike, within 5 standard errors.
    assert ((corner - gap).mean(0).abs() < 5 * (corner - gap).std(0) / 63).all()


@pytest.mark.parametrize("size", [(48, 48), (20, 60), (60, 20)])
@pytest.mark.parametrize("share", [(0.08, 1.0), (0.7, 1.0)])
def test_sides_of_crops_are_distributed_as_torchvisions(size, share):
    ours = drawn(2000, *size, crop=share)[:, 2:].abs().round()
    image = torch.empty(3, *size)
    torch.manual_seed(0)
    theirs = [
        RandomResizedCrop.get_params(image, share, (3 / 4, 4 / 3))[2:]
        for _ in range(2000)
    ]
    for axis, sides in enumerate(zip(*theirs, strict=True)):
        assert stats.ks_2samp(ours[:, axis], sides).pvalue > 1e-3


def test_half_of_the_crops_are_mirrored(boxes):
    assert abs((boxes[:, 3] < 0).float().mean() - 0.5) < 0.04


@pytest.mark.parametrize("size", [(20, 60), (60, 20)])
def test_crops_of_oblong_images_stay_inside(size):
    boxes = drawn(200, *size, crop=(0.9, 1.0))
    first, last = boxes[:, :2], boxes[:, :2] + boxes[:, 2:].abs()
    assert first.min() > -0.01
    assert (last < torch.tensor(size) + 0.01).all()


def test_images_without_jitter_keep_their_colours_exactly():
    images = pictures(40)
    half = Augmentation(crop=None, flip=0, jitter=0.5, greyscale=0)
    views = augment.view(images, half, RandomNumbers(0, 0, size=40))
    same = (views == pieces.to_float(images)).flatten(1).all(1)
    draw = RandomNumbers(0, 0, size=40)
    draw.chance(half.flip)
    assert torch.equal(same, ~draw.chance(half.jitter))


def test_jitter_is_applied_with_its_probability_and_within_its_strength():
    n = 4000
    images = torch.full((n, 3, 4, 4), 100, dtype=torch.uint8)
    brightness = Augmentation(
        crop=None, flip=0, jitter=0.8, brightness=0.4, contrast=0, saturation=0, hue=0,
        greyscale=0,
    )  # fmt: skip
    views = augment.view(images, brightness, RandomNumbers(0, 0, size=n))
    factor = views[:, 0, 0, 0] * 255 / 100
    close(factor[:, None, None, None].expand_as(views), views * 2.55, 1e-6)
    changed = (factor - 1).abs() > 1e-6
    assert abs(changed.float().mean() - 0.8) < 0.035
    assert 0.6 - 1e-5 < factor.min() < 0.605
    assert 1.395 < factor.max() < 1.4 + 1e-5


def test_the_rates_of_flip_greyscale_blur_and_solarisation_are_as_asked():
    n = 3000
    images = pictures(1, 12, 12).expand(n, -1, -1, -1)
    still = (images[:1].float() / 255).expand(n, -1, -1, -1)
    for part, rate in (
        ("flip", 0.5),
        ("greyscale", 0.2),
        ("blur", 0.3),
        ("solarise", 0.2),
    ):
        parts = {"crop": None, "flip": 0, "jitter": 0, "greyscale": 0} | {part: rate}
        views = augment.view(images, Augmentation(**parts), RandomNumbers(2, 0, size=n))
        same = (views == still).flatten(1).all(1).float().mean()
        assert abs(1 - same - rate) < 0.046, part  # 5 standard errors


def test_solarisation_comes_last_and_changes_nothing_else():
    images = pictures(40)
    plain = augment.view(images, FULL, RandomNumbers(1, 2, size=40))
    half = replace(FULL, solarise=0.5)
    views = augment.view(images, half, RandomNumbers(1, 2, size=40))
    chosen = (views != plain).flatten(1).any(1)
    assert 0 < chosen.sum() < 40
    assert torch.equal(views[~chosen], plain[~chosen])
    assert torch.equal(views[chosen], tv.solarize(plain[chosen], 0.5))
    assert views.min() >= 0
    assert views.max() <= 1


def test_a_view_that_is_not_solarised_draws_the_numbers_it_always_drew():
    # What comes next after a view, as it was before there was solarisation.
    for augmentation, wanted in (
        (FULL, [997335, 947662, 446698, 724244]),
        (OFF, [926032, 988336, 98311, 418518]),
        (Augmentation(), [656778, 212838, 440674, 154143]),
    ):
        draw = RandomNumbers(1, 2, size=12)
        augment.view(pictures(), augmentation, draw)
        assert draw.integers(10**6).tolist()[:4] == wanted


def test_a_bright_image_that_is_blurred_and_solarised_stays_in_bounds():
    white = torch.full((64, 3, 32, 32), 255, dtype=torch.uint8)
    every = replace(FULL, blur=1.0, solarise=1.0)
    views = augment.view(white, every, RandomNumbers(0, 0, size=64))
    assert views.min() >= 0
    assert views.max() <= 1


def test_a_pair_is_two_views_of_which_the_second_may_differ():
    images, other = pictures(), Augmentation(solarise=1.0)
    for second in (None, other):
        draw, again = (RandomNumbers(0, 0, size=12) for _ in range(2))
        both = augment.pair(images, FULL, second, draw)
        wanted = [augment.view(images, one, again) for one in (FULL, second or FULL)]
        assert all(map(torch.equal, both, wanted))


@pytest.mark.parametrize(("side", "kernel"), [(8, 3), (96, 9), (160, 17), (240, 17)])
def test_blur_spreads_a_dot_over_a_tenth_of_the_side_but_never_far(side, kernel):
    images = torch.zeros(32, 3, side, side, dtype=torch.uint8)
    images[:, :, side // 2, side // 2] = 255
    blur = Augmentation(crop=None, flip=0, jitter=0, greyscale=0, blur=1)
    rows = augment.view(images, blur, RandomNumbers(0, 0, size=32))[:, 0].sum(2)
    assert (rows > 0).sum(1).max() == kernel
    if kernel == 17:  # wide enough to read sigma off the spread
        distance = torch.arange(side) - side // 2
        sigma = (rows * distance**2).sum(1).sqrt()
        assert sigma.min() < 0.3
        assert 1.8 < sigma.max() < 2.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"crop": (0.0, 1.0)}, "crop"),
        ({"crop": (0.5, 1.1)}, "crop"),
        ({"crop": (0.9, 0.5)}, "crop"),
        ({"ratio": (0.0, 1.0)}, "ratio"),
        ({"ratio": (2.0, 1.0)}, "ratio"),
        ({"flip": 1.2}, "flip"),
        ({"jitter": -0.1}, "jitter"),
        ({"greyscale": 2}, "greyscale"),
        ({"blur": float("nan")}, "blur"),
        ({"solarise": 1.5}, "solarise"),
        ({"brightness": -1}, "brightness"),
        ({"hue": 0.6}, "hue=0.6: expected 0 to 0.5"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**wrong)


@pytest.mark.parametrize(
    "images",
    [torch.zeros(3, 8, 8), torch.zeros(4, 1, 8, 8), torch.zeros(5, 3, 8, 8)],
    ids=["no batch", "one channel", "another size than the draw's"],
)
def test_images_of_another_shape_are_refused(images):
    with pytest.raises(ValueError, match=r"not images \(4, 3, H, W\)"):
        augment.view(images.byte(), OFF, RandomNumbers(0, 0, size=4))


def test_images_of_another_type_are_refused():
    with pytest.raises(ValueError, match="uint8 images or float32 views"):
        augment.view(
            torch.zeros(4, 3, 8, 8).double(), FULL, RandomNumbers(0, 0, size=4)
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_makes_the_same_views_and_the_host_never_waits():
    images = pictures(64)
    ours = augment.view(images, FULL, RandomNumbers(1, 2, size=64))
    there = images.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        views = augment.view(there, FULL, RandomNumbers(1, 2, size=64, device="cuda"))
        turned = pieces.quarter_turn(
            there, RandomNumbers(1, 2, size=64, device="cuda").integers(4)
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")
    close(views.cpu(), ours, 1e-3)
    turns = RandomNumbers(1, 2, size=64).integers(4)
    assert torch.equal(turned.cpu(), pieces.quarter_turn(images, turns))
