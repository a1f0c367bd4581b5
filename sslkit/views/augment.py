"""Random views of a batch, made on the device of the images, each image its own way.

``view`` draws one parameter a sample and runs the ``pieces`` that it asks for. Nothing
makes the host wait for a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from sslkit.views import pieces
from sslkit.views.random_numbers import RandomNumbers

# Pixels a CPU thread works on at once: larger temporaries would leave its cache.
_CHUNK_PIXELS = 2**17
_TRIES = 10  # at a crop that fits

Plan = list[tuple[Callable[..., Tensor], Tensor]]  # pieces, each with its parameters


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What a random view may change; ``None`` or 0 switches a part off.

    Raises:
        ValueError: If a value is out of its range.

    Source:
        SimCLR, appendix A, for the parts; BYOL, appendix B, for the strengths.
    """

    crop: tuple[float, float] | None = (0.2, 1.0)  #: share of the area that is kept
    ratio: tuple[float, float] = (3 / 4, 4 / 3)  #: width over height of the crop
    flip: float = 0.5  #: probability of a left-right flip
    jitter: float = 0.8  #: probability that the next four are applied, all together
    brightness: float = 0.4  #: strength s, a factor uniform in 1 - s (or 0) to 1 + s
    contrast: float = 0.4  #: strength, likewise
    saturation: float = 0.2  #: strength, likewise
    hue: float = 0.1  #: largest turn either way; 0.5 is the full circle
    greyscale: float = 0.2  #: probability that the colours are taken away
    blur: float = 0.0  #: probability of a Gaussian blur, sigma 0.1 to 2 pixels
    solarise: float = 0.0  #: probability that levels above a half are inverted

    def __post_init__(self) -> None:
        if self.crop is not None and not 0 < self.crop[0] <= self.crop[1] <= 1:
            raise ValueError(f"crop={self.crop}: expected 0 < low <= high <= 1 or None")
        if not 0 < self.ratio[0] <= self.ratio[1] < math.inf:
            raise ValueError(f"ratio={self.ratio}: expected 0 < low <= high")
        limits = dict.fromkeys(("flip", "jitter", "greyscale", "blur", "solarise"), 1.0)
        limits |= dict.fromkeys(("brightness", "contrast", "saturation"), math.inf)
        for name, limit in {**limits, "hue": 0.5}.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name}={getattr(self, name)}: expected 0 to {limit}")

    @property
    def colours(self) -> Augmentation:
        """The same without crop, flip and blur."""
        return replace(self, crop=None, flip=0.0, blur=0.0)


def view(images: Tensor, augmentation: Augmentation, random: RandomNumbers) -> Tensor:
    """One random view of every image: geometry, colour, blur, and solarisation.

    Args:
        images: ``(B, 3, H, W)`` uint8; or float32 in [0, 1], a view to change further.
        augmentation: What may change.
        random: The random numbers of this batch, on the device of the images.

    Returns:
        ``(B, 3, H, W)`` float32 in [0, 1].

    Raises:
        ValueError: If the images have another shape or type, or ``random`` another
            size.
    """
    if images.ndim != 4 or images.shape[:2] != (random.size, 3):
        raise ValueError(f"not images ({random.size}, 3, H, W): {tuple(images.shape)}")
    height, width = images.shape[2:]
    geometry = _geometry(augmentation, random, height, width)
    jittered, colours = _colours(augmentation, random)
    greyed = random.chance(augmentation.greyscale)
    last = _blur(augmentation, random, min(height, width))
    if augmentation.solarise:
        last.append((pieces.solarise, random.chance(augmentation.solarise).float()))
    size = _CHUNK_PIXELS * torch.get_num_threads() // (height * width)
    size = max(1, size if images.is_cpu else len(images))
    views = torch.empty(images.shape, device=images.device)
    for start in range(0, len(images), size):
        # In the order jittered, jittered and grey, grey, neither: so that a CPU spares
        # itself the work on the others. A GPU does it all, where the host would have to
        # wait to hear how many there are of each.
        here = slice(start, start + size)
        kind = torch.where(jittered[here], greyed[here].byte(), 3 - greyed[here].byte())
        order = kind.argsort()
        coloured = grey = slice(None)
        if images.is_cpu:
            ends = torch.bincount(kind, minlength=4).cumsum(0).tolist()
            coloured, grey = slice(ends[1]), slice(ends[0], ends[2])
        rows = start + order
        part = pieces.to_float(images.index_select(0, rows))
        for piece, parameters in geometry:
            part = piece(part, parameters[rows])
        for piece, parameters in colours:
            piece(part[coloured], parameters[rows[coloured]], out=part[coloured])
        if augmentation.greyscale:
            pieces.greyscale(part[grey], greyed[rows[grey]], out=part[grey])
        for piece, parameters in last:
            _change_some(part, piece, parameters[rows])
        torch.index_select(part, 0, order.argsort(), out=views[here])
    return views


def pair(
    images: Tensor,
    first: Augmentation,
    second: Augmentation | None,
    random: RandomNumbers,
) -> list[Tensor]:
    """Two views of every image, each with its own random parameters.

    Args:
        images: ``(B, 3, H, W)`` uint8.
        first: What may change in the first view, and
        second: in the second one; ``None``: as in the first.
        random: The random numbers of this batch, on the device of the images.
    """
    return [view(images, one, random) for one in (first, second or first)]


def _geometry(
    augmentation: Augmentation, random: RandomNumbers, height: int, width: int
) -> Plan:
    mirrored = random.chance(augmentation.flip)
    if augmentation.crop is None:
        return [(pieces.flip, mirrored)] if augmentation.flip else []
    # As torchvision: of ten areas and ratios the first that fit into the image; if none
    # does, the largest crop of a ratio in bounds. So large crops are rarer than asked.
    side = random.uniform(*augmentation.crop, times=_TRIES).mul_(height * width).sqrt_()
    lowest, highest = augmentation.ratio
    low, high = math.log(lowest) / 2, math.log(highest) / 2
    root = random.uniform(low, high, times=_TRIES).exp_()
    tall = float(min(height, round(width / lowest)))
    wide = float(min(width, round(height * highest)))
    heights = F.pad((side / root).round_(), (0, 0, 0, 1), value=tall)
    widths = F.pad((side * root).round_(), (0, 0, 0, 1), value=wide)
    fits = (heights <= height) & (widths <= width)
    first = fits.max(0, keepdim=True).indices
    crop_height = heights.gather(0, first)[0].clamp_(min=1)
    crop_width = widths.gather(0, first)[0].clamp_(min=1)
    top = (random.uniform() * (height - crop_height + 1)).floor_()
    left = (random.uniform() * (width - crop_width + 1)).floor_()
    # A flip costs nothing when the crop is read from right to left.
    left = torch.where(mirrored, left + crop_width, left)
    crop_width = torch.where(mirrored, -crop_width, crop_width)
    boxes = torch.stack((top, left, crop_height, crop_width), dim=1)
    return [(pieces.sample, pieces.places(boxes, height, width))]


def _colours(augmentation: Augmentation, random: RandomNumbers) -> tuple[Tensor, Plan]:
    """Which images are jittered ``(B,)``, and how."""
    plan: Plan = []
    applied = random.chance(augmentation.jitter)
    if augmentation.jitter:
        changes = (
            pieces.adjust_brightness,
            pieces.adjust_contrast,
            pieces.adjust_saturation,
            pieces.adjust_hue,
        )
        names = ("brightness", "contrast", "saturation", "hue")
        for i in random.order(4):  # one order a batch; torchvision draws one an image
            if strength := getattr(augmentation, names[i]):
                change = applied * random.uniform(max(-strength, -1.0), strength)
                plan.append((changes[i], change if names[i] == "hue" else 1 + change))
    return applied, plan


def _blur(augmentation: Augmentation, random: RandomNumbers, side: int) -> Plan:
    if not augmentation.blur:
        return []
    # A tenth of the side, as SimCLR; past 17 the weights left out sum to < 1e-4.
    blur = partial(pieces.gaussian_blur, kernel_size=min(max(2, side // 10), 16) | 1)
    return [(blur, random.chance(augmentation.blur) * random.uniform(0.1, 2.0))]


def _change_some(
    images: Tensor, piece: Callable[[Tensor, Tensor], Tensor], parameters: Tensor
) -> None:
    """Apply a piece in place where its parameter is not 0.

    On a GPU everywhere: the host would have to wait to hear where that is.
    """
    if not images.is_cpu:
        images.copy_(piece(images, parameters))
    elif len(some := parameters.nonzero()[:, 0]):
        changed = piece(images.index_select(0, some), parameters[some])
        images.index_copy_(0, some, changed)
