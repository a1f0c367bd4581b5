"""Figures that a script of the page makes alive: images that a reader changes."""

from __future__ import annotations

import base64
import io

import torch
from IPython.display import HTML
from PIL import Image
from torch import Tensor

from sslkit.figures import live
from sslkit.figures.plots import pixels
from sslkit.views import pieces
from sslkit.views.augment import Augmentation

_LARGEST = 128  # pixels a side; larger images would make a page heavy


def drive_views(images: Tensor, augmentation: Augmentation, *, seed: int = 0) -> HTML:
    """Random views of an image, or of a reader's photograph, to be driven by controls.

    The page jitters every view, as if ``jitter`` were 1, and blurs every one or none.

    Args:
        images: ``(N, 3, S, S)``, uint8 or float32 in [0, 1]; smaller copies of large
            ones are shown.
        augmentation: Where the controls stand at first.
        seed: Of the random numbers, which are the page's own.
    """
    side = min(images.shape[-1], _LARGEST)
    row = torch.cat(list(pieces.resize(pieces.to_float(images), side)), dim=2)
    file = io.BytesIO()
    Image.fromarray(pixels(row)).save(file, "PNG", optimize=True)
    settings = {
        "crop": augmentation.crop[0] if augmentation.crop else 1.0,
        "flip": augmentation.flip,
        "turn": 0,
        "brightness": augmentation.brightness,
        "contrast": augmentation.contrast,
        "saturation": augmentation.saturation,
        "hue": augmentation.hue,
        "greyscale": augmentation.greyscale,
        "blur": 2.0 if augmentation.blur else 0.0,
    }
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    picture = f'<img alt="The images that can be chosen." src="{source}">'
    return live.toy("views", picture, {"settings": settings, "seed": seed})
