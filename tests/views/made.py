"""Pictures for views, and tolerances. Values are in [0, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

from sslkit.views.augment import Augmentation

ROUNDING = 3e-6  # the same formula in another order
PLACES = 5e-5  # the same formula with sampling places rounded to float32
OFF = Augmentation(crop=None, flip=0, jitter=0, greyscale=0)
FULL = Augmentation(hue=0.5, blur=0.5)


def pictures(n: int = 12, height: int = 32, width: int = 32) -> Tensor:
    """Noise uint8, with what the colour formulas must survive: greys, black, white."""
    images = torch.randint(
        256, (n, 3, height, width), generator=torch.Generator().manual_seed(1)
    )
    images[:, :, 0] = images[:, :1, 0]
    images[:, :, 1], images[:, :, 2] = 0, 255
    images[:, 0, 3], images[:, 1:, 4], images[:, 2, 5] = 255, 0, images[:, 1, 5]
    return images.to(torch.uint8)


def each(function, images: Tensor, parameters: Tensor, *rest) -> Tensor:
    """Torchvision, image by image."""
    pairs = zip(images, parameters.tolist(), strict=True)
    return torch.stack(
        [function(image, parameter, *rest) for image, parameter in pairs]
    )


def close(ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=0)
