"""Random views of a batch, made on the device of the images, each image its own way.

The pieces (``resized_crop``, ``adjust_hue``, ...) are pure functions, as torchvision
defines them, of float32 images ``(B, 3, H, W)`` in [0, 1] and one parameter a sample;
``out`` is where to write, if not to a new tensor, and may be the images themselves.
``view`` draws the parameters and runs them. Nothing makes the host wait for a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from sslkit.draws import Draw

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

    def __post_init__(self) -> None:
        if self.crop is not None and not 0 < self.crop[0] <= self.crop[1] <= 1:
            raise ValueError(f"crop={self.crop}: expected 0 < low <= high <= 1 or None")
        if not 0 < self.ratio[0] <= self.ratio[1] < math.inf:
            raise ValueError(f"ratio={self.ratio}: expected 0 < low <= high")
        limits = dict.fromkeys(("flip", "jitter", "greyscale", "blur"), 1.0)
        limits |= dict.fromkeys(("brightness", "contrast", "saturation"), math.inf)
        for name, limit in {**limits, "hue": 0.5}.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name}={getattr(self, name)}: expected 0 to {limit}")


def view(images: Tensor, augmentation: Augmentation, draw: Draw) -> Tensor:
    """One random view of every image: geometry, then colour, then blur.

    Args:
        images: ``(B, 3, H, W)`` uint8; or float32 in [0, 1], a view to change further.
        augmentation: What may change.
        draw: The random numbers of this batch, on the device of the images.

    Returns:
        ``(B, 3, H, W)`` float32 in [0, 1].

    Raises:
        ValueError: If the images have another shape or type, or ``draw`` another size.
    """
    if images.ndim != 4 or images.shape[:2] != (draw.size, 3):
        raise ValueError(f"not images ({draw.size}, 3, H, W): {tuple(images.shape)}")
    height, width = images.shape[2:]
    geometry = _geometry(augmentation, draw, height, width)
    jittered, colours = _colours(augmentation, draw)
    greyed = draw.chance(augmentation.greyscale)
    blur = _blur(augmentation, draw, min(height, width))
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
        part = to_float(images.index_select(0, rows))
        for piece, parameters in geometry:
            part = piece(part, parameters[rows])
        for piece, parameters in colours:
            piece(part[coloured], parameters[rows[coloured]], out=part[coloured])
        if augmentation.greyscale:
            greyscale(part[grey], greyed[rows[grey]], out=part[grey])
        for piece, parameters in blur:
            _change_some(part, piece, parameters[rows])
        torch.index_select(part, 0, order.argsort(), out=views[here])
    return views


def _geometry(augmentation: Augmentation, draw: Draw, height: int, width: int) -> Plan:
    mirrored = draw.chance(augmentation.flip)
    if augmentation.crop is None:
        return [(flip, mirrored)] if augmentation.flip else []
    # As torchvision: of ten areas and ratios the first that fit into the image; if none
    # does, the largest crop of a ratio in bounds. So large crops are rarer than asked.
    side = draw.uniform(*augmentation.crop, times=_TRIES).mul_(height * width).sqrt_()
    lowest, highest = augmentation.ratio
    low, high = math.log(lowest) / 2, math.log(highest) / 2
    root = draw.uniform(low, high, times=_TRIES).exp_()
    tall = float(min(height, round(width / lowest)))
    wide = float(min(width, round(height * highest)))
    heights = F.pad((side / root).round_(), (0, 0, 0, 1), value=tall)
    widths = F.pad((side * root).round_(), (0, 0, 0, 1), value=wide)
    fits = (heights <= height) & (widths <= width)
    first = fits.max(0, keepdim=True).indices
    crop_height = heights.gather(0, first)[0].clamp_(min=1)
    crop_width = widths.gather(0, first)[0].clamp_(min=1)
    top = (draw.uniform() * (height - crop_height + 1)).floor_()
    left = (draw.uniform() * (width - crop_width + 1)).floor_()
    # A flip costs nothing when the crop is read from right to left.
    left = torch.where(mirrored, left + crop_width, left)
    crop_width = torch.where(mirrored, -crop_width, crop_width)
    boxes = torch.stack((top, left, crop_height, crop_width), dim=1)
    return [(_sample, _places(boxes, height, width))]


def _colours(augmentation: Augmentation, draw: Draw) -> tuple[Tensor, Plan]:
    """Which images are jittered ``(B,)``, and how."""
    plan: Plan = []
    applied = draw.chance(augmentation.jitter)
    if augmentation.jitter:
        pieces = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
        names = ("brightness", "contrast", "saturation", "hue")
        for i in draw.order(4):  # one order a batch; torchvision draws one an image
            if strength := getattr(augmentation, names[i]):
                change = applied * draw.uniform(max(-strength, -1.0), strength)
                plan.append((pieces[i], change if names[i] == "hue" else 1 + change))
    return applied, plan


def _blur(augmentation: Augmentation, draw: Draw, side: int) -> Plan:
    if not augmentation.blur:
        return []
    # A tenth of the side, as SimCLR; past 17 the weights left out sum to < 1e-4.
    blur = partial(gaussian_blur, kernel_size=min(max(2, side // 10), 16) | 1)
    return [(blur, draw.chance(augmentation.blur) * draw.uniform(0.1, 2.0))]


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


def to_float(images: Tensor) -> Tensor:
    """Images as float32 in [0, 1]: uint8 over 255; float32, a view, as it is."""
    if images.dtype not in (torch.uint8, torch.float32):
        raise ValueError(f"expected uint8 images or float32 views, not {images.dtype}")
    return images.float().div_(255) if images.dtype == torch.uint8 else images


def resized_crop(images: Tensor, boxes: Tensor) -> Tensor:
    """Cut a box out of every image and resize it to the image's size, bilinearly.

    ``boxes`` is ``(B, 4)`` float32: top, left, height, width in pixels. A box given by
    its right edge and a negative width is mirrored. Nothing outside a box is read. It
    never shrinks, so torchvision's antialiasing would change nothing.
    """
    return _sample(images, _places(boxes, *images.shape[2:]))


def _places(boxes: Tensor, height: int, width: int) -> Tensor:
    """Where to read the rows and the columns of boxes ``(B, height + width)``.

    In the units of ``grid_sample``: -1 and 1 are the outer edges of the image.
    """
    places = []
    for axis, size in ((0, height), (1, width)):
        start, length = boxes[:, axis, None], boxes[:, axis + 2, None]
        share = (torch.arange(size, device=boxes.device) + 0.5) / size
        first = torch.minimum(start, start + length)
        pixel = (start + share * length - 0.5).clamp_(first, first + length.abs() - 1)
        places.append((2 * pixel + 1) / size - 1)
    return torch.cat(places, dim=1)


def _sample(images: Tensor, places: Tensor) -> Tensor:
    """Read every image at the rows and columns of ``_places``, bilinearly."""
    # Faster on a CPU, at 32 to 224 pixels, than gathers and products with matrices.
    y, x = places.split(list(images.shape[2:]), dim=1)
    # It wants pairs of x and y, and complex numbers are the fast way to write pairs.
    grid = torch.view_as_real(x[:, None] + 1j * y[:, :, None])
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


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
