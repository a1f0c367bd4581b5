"""The pieces of a view: pure functions of a batch, as torchvision defines them.

They take float32 images ``(B, 3, H, W)`` in [0, 1] and one parameter a sample; ``out``
is where to write, if not to a new tensor, and may be the images themselves.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def to_float(images: Tensor) -> Tensor:
    """Images as float32 in [0, 1]: uint8 over 255; float32, a view, as it is."""
    if images.dtype not in (torch.uint8, torch.float32):
        raise ValueError(f"expected uint8 images or float32 views, not {images.dtype}")
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def places(boxes: Tensor, height: int, width: int) -> Tensor:
    """Where to read the rows and the columns of boxes ``(B, height + width)``.

    In the units of ``grid_sample``: -1 and 1 are the outer edges of the image. What is
    read there is a box resized to the size of the image. It never shrinks, so
    torchvision's antialiasing would change nothing.

    Args:
        boxes: ``(B, 4)`` float32: top, left, height, width in pixels. A box given by
            its right edge and a negative width is mirrored. Nothing outside is read.
        height: Of the images.
        width: Of the images.
    """
    places = []
    for axis, size in ((0, height), (1, width)):
        start, length = boxes[:, axis, None], boxes[:, axis + 2, None]
        share = (torch.arange(size, device=boxes.device) + 0.5) / size
        first = torch.minimum(start, start + length)
        pixel = (start + share * length - 0.5).clamp_(first, first + length.abs() - 1)
        places.append((2 * pixel + 1) / size - 1)
    return torch.cat(places, dim=1)


def sample(images: Tensor, places: Tensor) -> Tensor:
    """Read every image at the rows and columns of ``places``, bilinearly."""
    # Faster on a CPU, at 32 to 224 pixels, than gathers and products with matrices.
    y, x = places.split(list(images.shape[2:]), dim=1)
    # It wants pairs of x and y, and complex numbers are the fast way to write pairs.
    grid = torch.view_as_real(x[:, None] + 1j * y[:, :, None])
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def resize(images: Tensor, side: int | None) -> Tensor:
    """Square images of another side, bilinearly with antialias; ``None``: as they are.

    Source:
        Touvron, Vedaldi, Douze and Jégou, *Fixing the train-test resolution
        discrepancy* (arXiv:1906.06423), for training on smaller images than are judged.
    """
    if side is None or images.shape[2:] == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bilinear", antialias=True)


def flip(images: Tensor, chosen: Tensor) -> Tensor:
    """Mirror left and right where ``chosen``."""
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(3), images)


def quarter_turn(images: Tensor, turns: Tensor) -> Tensor:
    """Turn square images by ``turns`` (int64) quarters counter-clockwise, exactly.

    Raises:
        ValueError: If the images are not square.
    """
    if images.shape[2] != images.shape[3]:
        raise ValueError(f"only square images can turn, not {tuple(images.shape[2:])}")
    turns = (turns % 4).view(-1, 1, 1, 1)
    images = torch.where(turns % 2 == 1, torch.rot90(images, 1, (2, 3)), images)
    return torch.where(turns >= 2, images.flip(2, 3), images)


def adjust_brightness(
    images: Tensor, factor: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """Multiply by ``factor``, at least 0; 1 changes nothing."""
    return torch.mul(images, factor.view(-1, 1, 1, 1), out=out).clamp_(0, 1)


def adjust_contrast(
    images: Tensor, factor: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """Blend with the image's mean grey: 0 is that grey, 1 the image, above 1 more."""
    factor = factor.view(-1, 1, 1, 1)
    mean = _grey(images).mean((2, 3), keepdim=True)
    blended = torch.mul(images, factor, out=out)
    return blended.add_(mean.mul_(1 - factor)).clamp_(0, 1)


def adjust_saturation(
    images: Tensor, factor: Tensor, *, out: Tensor | None = None
) -> Tensor:
    """Blend with the image's own grey: 0 is that grey, 1 the image, above 1 more."""
    share = factor.view(-1, 1, 1, 1)
    return torch.lerp(_grey(images), images, share, out=out).clamp_(0, 1)


def adjust_hue(images: Tensor, factor: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Turn the hue, as in HSV, by ``factor`` of the circle, -0.5 to 0.5.

    torchvision goes to HSV and back by cases; arithmetic alone is much faster on a CPU.
    With the least channel scaled to 0 and the greatest to 1, the distance from red in
    sixths of the circle is 1 + green + blue - red; each channel is a trapezoid of it.
    """
    red, green, blue = images.unbind(1)
    least = torch.minimum(red, green).minimum(blue)
    chroma = torch.maximum(red, green).maximum(blue).sub_(least)
    # A grey has no hue and no chroma: it may get any hue, but no division by 0.
    hue = (green + blue).sub_(red).sub_(least).div_(chroma.clamp(min=1e-12)).add_(1)
    hue.copysign_(green - blue)  # the other way round for more blue
    hue.div_(6).add_((factor + 1)[:, None, None]).frac_().mul_(6)
    turned = torch.empty_like(images) if out is None else out
    red, green, blue = turned.unbind(1)
    torch.sub(hue, 3, out=red).abs_().sub_(1)
    torch.sub(hue, 2, out=green).abs_().neg_().add_(2)
    torch.sub(hue, 4, out=blue).abs_().neg_().add_(2)
    turned.clamp_(0, 1)  # each channel's share of the chroma
    return torch.addcmul(least[:, None], chroma[:, None], turned, out=turned)


def greyscale(images: Tensor, chosen: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Take the colours away where ``chosen``."""
    # lerp by 0 or 1 is exact, and on a CPU much faster than torch.where.
    share = chosen.float().view(-1, 1, 1, 1)
    return torch.lerp(images, _grey(images), share, out=out)


def solarise(images: Tensor, share: Tensor) -> Tensor:
    """Invert the levels above a half where ``share`` is 1; 0 changes no bit.

    Source:
        BYOL (arXiv:2006.07733), appendix B.
    """
    # A blurred white may be a rounding error above 1.
    inverted = torch.where(images < 0.5, images, (1 - images).clamp_(min=0))
    return torch.lerp(images, inverted, share.view(-1, 1, 1, 1))


def gaussian_blur(images: Tensor, sigma: Tensor, *, kernel_size: int) -> Tensor:
    """Blur by ``sigma`` pixels; 0 changes no bit. Edges reflect; the kernel is odd."""
    reach = kernel_size // 2
    if images.is_cpu:  # six sigmas away a weight is too small to change the sum
        reach = min(reach, math.ceil(6 * float(sigma.max())))
    distance = torch.arange(-reach, reach + 1, device=sigma.device)
    weights = (-0.5 * (distance / sigma.clamp(min=0.01)[:, None]) ** 2).softmax(1)
    first, *others = weights[..., None, None, None].unbind(1)
    images = F.pad(images, (reach, reach, reach, reach), mode="reflect")
    for dim in (2, 3):
        padded, size = images, images.shape[dim] - 2 * reach
        images = padded.narrow(dim, 0, size) * first
        for i, weight in enumerate(others, start=1):
            images.addcmul_(padded.narrow(dim, i, size), weight)
    return images


def _grey(images: Tensor) -> Tensor:
    red, green, blue = images.unbind(1)  # weights: ITU-R 601, as torchvision
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)[:, None]
