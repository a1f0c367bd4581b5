"""Handmade features: which colours and which textures an image has, learnt by nobody.

A rival that every encoder must beat: where it wins, no network is needed. Nothing in it
is fitted to any image, and neither place nor orientation enters, so that an image
flipped, or turned by quarters, has the same features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LIGHTS = 4  # bins from black to white
TINTS = 5  # bins of each of the two colour axes; the middle one is grey
REACHES = (1, 2)  # how far, in pixels, a point's eight neighbours are from it
PATTERNS = 10  # of neighbours: see ``texture``
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


class Handmade(nn.Module):
    """A histogram of colours and two of textures, as an encoder without weights.

    ``encoder(images)`` takes floats in [0, 1] of shape ``(B, 3, H, W)`` and gives
    ``(B, dim)``. Each histogram is scaled by constants alone: the square root of a
    share, so that rare bins count, too, is 0 where all bins hold the same, and -1 in
    an empty bin. A linear probe then learns as fast as on an encoder's features.

    Source:
        Square roots: Arandjelovic and Zisserman, Three things everyone should know to
        improve object retrieval (CVPR 2012), of SIFT's histograms.
    """

    dim = LIGHTS * TINTS**2 + PATTERNS * len(REACHES)

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(B, dim)`` of images ``(B, 3, H, W)`` in [0, 1].

        Raises:
            ValueError: If the images are too small to have texture.
        """
        side = 2 * max(REACHES) + 1
        if min(images.shape[2:]) < side:
            given = tuple(images.shape[2:])
            raise ValueError(f"texture needs {side} pixels a side; images have {given}")
        parts = [colours(images), *(texture(images, reach=r) for r in REACHES)]
        return torch.cat([(p * p.shape[1]).sqrt() - 1 for p in parts], dim=1)


def colours(images: Tensor) -> Tensor:
    """How much of each image has which colour: a joint histogram, soft at the edges.

    The axes are lightness (mean of the channels), red against green, and yellow against
    blue. Most pictures are nearly grey, so the bins of the last two are narrow there:
    they are even in the square root of the distance from grey. Each pixel is shared
    between the nearest bins, so that a small change of colour is a small change here.

    Source:
        Swain and Ballard, Color indexing (IJCV 7, 1991), on these axes, with hard bins
        of equal width.

    Args:
        images: ``(B, 3, H, W)`` in [0, 1].

    Returns:
        Shares ``(B, LIGHTS * TINTS * TINTS)``, which sum to 1.
    """
    red, green, blue = images.flatten(2).unbind(1)
    lights = _shares((red + green + blue) / 3, LIGHTS)
    first, second = (
        torch.stack(_shares((axis.sign() * axis.abs().sqrt() + 1) / 2, TINTS), dim=1)
        for axis in (red - green, (red + green) / 2 - blue)
    )
    joint = [(light[:, None] * first) @ second.mT for light in lights]
    return torch.stack(joint, dim=1).flatten(1) / red.shape[1]


def _shares(places: Tensor, bins: int) -> list[Tensor]:
    """What each bin gets of a pixel: linear between bins at 0, …, 1, evenly spaced."""
    places = places * (bins - 1)
    return [(1 - (places - i).abs()).clamp_(min=0) for i in range(bins)]


def texture(images: Tensor, *, reach: int) -> Tensor:
    """How many points of each image have which pattern around them.

    Which of a point's eight neighbours are at least as light as it is? If they lie side
    by side, the pattern is their number, 0 to 8; all others are the tenth.

    Source:
        Ojala, Pietikäinen and Mäenpää, Multiresolution gray-scale and rotation
        invariant texture classification with local binary patterns (TPAMI 24, 2002),
        section 2.3, equation 9; neighbours here stand on a square, not on a circle, so
        that nothing is interpolated.

    Args:
        images: ``(B, 3, H, W)`` in [0, 1].
        reach: Distance of the neighbours in pixels.

    Returns:
        Shares ``(B, PATTERNS)``, which sum to 1.
    """
    # Whole numbers: rounding must not decide, on any device, which of two is lighter.
    light = (images * 255).round().sum(1)
    height, width = (side - 2 * reach for side in light.shape[1:])

    def at(down: int, right: int) -> Tensor:
        top, left = reach * (1 + down), reach * (1 + right)
        return light[:, top : top + height, left : left + width]

    lighter = [at(*place) >= at(0, 0) for place in AROUND]
    count = torch.zeros_like(at(0, 0))
    changes = torch.zeros_like(count)
    for i, one in enumerate(lighter):
        count += one
        changes += one != lighter[i - 1]
    pattern = torch.where(changes <= 2, count, PATTERNS - 1).flatten(1)
    found = [(pattern == i).float().mean(1) for i in range(PATTERNS)]
    return torch.stack(found, dim=1)
