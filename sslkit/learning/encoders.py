"""Encoders: images in, one feature vector an image out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import safetensors.torch
import torch
from torch import Tensor, nn

from sslkit.images.files import whole
from sslkit.images.folders import data_root
from sslkit.learning import weights
from sslkit.learning.choices import check_choices
from sslkit.learning.handmade import Handmade

Backbone = Literal["tiny", "small", "resnet18", "resnet34", "resnet50", "histogram"]
OURS = ("tiny", "small")  # networks that torchvision has no counterpart of

# ImageNet's channel means and deviations, as torchvision's weights expect them. Being
# constants, they cannot carry anything of a test set into training.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True, kw_only=True)
class EncoderSettings:
    """What an encoder is and where its weights start.

    Attributes:
        backbone: ``"tiny"`` (four small convolutions, learns in a minute on a CPU),
            ``"small"`` (three residual stages, in a quarter of an hour), torchvision's
            ``"resnet18"``, ``"resnet34"``, ``"resnet50"``; or ``"histogram"``, no
            network at all (``handmade``), which has neither stem nor weights.
        stem: ``"small"`` reads images of up to 64 pixels (3x3 convolution, stride 1,
            no pooling; SimCLR, appendix B.9), ``"image"`` is torchvision's own (7x7,
            stride 2, pooling). The encoders for a CPU have one stem and ignore this.
        init: ``"random"``, ``"imagenet"`` (torchvision's weights) or an encoder file,
            by its path or by its name under ``SSLKIT_DATA``.

    Raises:
        ValueError: If the backbone or the stem is unknown, or a histogram is to start
            from weights.
    """

    backbone: Backbone = "tiny"
    stem: Literal["small", "image"] = "small"
    init: str = "random"

    def __post_init__(self) -> None:
        check_choices(self)
        if self.backbone == "histogram" and self.init != "random":
            raise ValueError(f"a histogram has no weights to start from '{self.init}'")


class Encoder(nn.Module):
    """A backbone without its classifier, normalising its own input.

    ``encoder(images)`` takes floats in [0, 1] of shape ``(B, 3, H, W)`` and gives
    ``(B, dim)``. The weights live in ``encoder.net`` under torchvision's names.

    Args:
        settings: Backbone, stem and starting weights.

    Raises:
        ValueError: If the backbone is unknown or no network, or weights of that
            ``init`` cannot be had or do not fit.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__()
        self.settings = settings
        net, self.dim = _build(settings)
        self.net = net.to(memory_format=torch.channels_last)  # faster on CPU and CUDA
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        if (file := weights_file(settings.init)) is not None:
            load(self, file)

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(B, dim)`` of images ``(B, 3, H, W)`` in [0, 1]."""
        return self.net((images - self.mean) / self.std)

    def layers(self, images: Tensor) -> dict[str, Tensor]:
        """Features after each stage, averaged over space: ``{"layer1": (B, C), …}``.

        RotNet's last stage serves its own task more than ours (RotNet, Table 1), so
        where one looks matters.
        """
        found: dict[str, Tensor] = {}
        hooks = [
            module.register_forward_hook(
                lambda _module, _in, out, name=name: found.update(
                    {name: out.mean((2, 3))}
                )
            )
            for name, module in self.net.named_children()
            if name.startswith("layer")
        ]
        try:
            self(images)
        finally:
            for hook in hooks:
                hook.remove()
        return found


def new_encoder(settings: EncoderSettings) -> Encoder | Handmade:
    """What settings mean: a network, or the histogram, which has nothing to learn.

    Raises:
        ValueError: If weights of that ``init`` cannot be had or do not fit.
    """
    return Handmade() if settings.backbone == "histogram" else Encoder(settings)


def stem_for(image_size: int, init: str = "random") -> Literal["small", "image"]:
    """The stem that suits images of a side; ImageNet's weights have but one."""
    return "small" if image_size <= 64 and init != "imagenet" else "image"


def weights_file(init: str) -> Path | None:
    """The encoder file that an ``init`` means: a path, or a name under the data.

    None for ``"random"`` and ``"imagenet"``, whatever files may have such names.
    """
    if init in ("random", "imagenet"):
        return None
    path, named = Path(init), data_root() / init
    return named if named.is_file() and not path.is_file() else path


def save(encoder: nn.Module, path: str | Path) -> None:
    """Write the weights as safetensors, under torchvision's names, atomically.

    Raises:
        ValueError: If it is not an ``Encoder``, which alone has such names.
        OSError: If the file cannot be written; names it.
    """
    if not isinstance(encoder, Encoder):
        kind = type(encoder).__name__
        raise ValueError(f"what is saved is an Encoder of sslkit, not a {kind}")
    kept = {k: v.contiguous().cpu() for k, v in encoder.net.state_dict().items()}
    metadata: dict[str, str] = {
        "backbone": encoder.settings.backbone,
        "stem": encoder.settings.stem,
    }
    with whole(Path(path)) as partial:
        partial.write_bytes(safetensors.torch.save(kept, metadata))


def load(encoder: Encoder, path: str | Path) -> None:
    """Load torchvision-shaped weights, strictly, from safetensors or ``torch.save``.

    A classifier (``fc.*``) in the file is left out.

    Raises:
        ValueError: If the file is missing, holds no weights, or its tensors do not fit
            this backbone.
    """
    kept, note = weights.read(Path(path))
    if differs := weights.differs(encoder.net.state_dict(), kept):
        made = f"{encoder.settings.backbone} with the {encoder.settings.stem} stem"
        theirs = "name the backbone that it is of with backbone="
        if "backbone" in note:
            theirs = f"it is of backbone={note['backbone']!r}, {note.get('stem')} stem"
        raise ValueError(f"'{path}' does not fit {made} ({differs}); {theirs}")
    encoder.net.load_state_dict(kept, strict=True)


def _build(settings: EncoderSettings) -> tuple[nn.Module, int]:
    if settings.backbone == "histogram":
        raise ValueError("a histogram is no network: nothing in it can learn")
    if settings.backbone in OURS:
        if settings.init == "imagenet":
            raise ValueError(
                f"the {settings.backbone} encoder has no ImageNet weights; use a resnet"
            )
        return (_tiny() if settings.backbone == "tiny" else small()), 128
    import torchvision

    if settings.init == "imagenet" and settings.stem != "image":
        raise ValueError("ImageNet weights need stem='image'; they have a 7x7 stem")
    known = "DEFAULT" if settings.init == "imagenet" else None
    try:
        net = torchvision.models.get_model(settings.backbone, weights=known)
    except OSError as error:  # urllib's errors are OSErrors
        raise ValueError(
            f"ImageNet weights of {settings.backbone} could not be had ({error}); "
            "fetch them where there is a network and pass init=FILE, or init='random'"
        ) from error
    dim = net.fc.in_features
    net.fc = nn.Identity()
    if settings.stem == "small":
        net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
        net.maxpool = nn.Identity()
    return net, dim


def _tiny() -> nn.Sequential:
    """Four convolutions of 16 to 128 channels, each halving the image."""
    channels = (3, 16, 32, 64, 128)
    return _pooled([_halved(*pair) for pair in pairwise(channels)])


def small(channels: Sequence[int] = (32, 64, 128)) -> nn.Sequential:
    """A halving convolution and a residual block a stage, of so many channels."""
    return _pooled(
        [
            nn.Sequential(*_halved(*pair), Residual(pair[1]))
            for pair in pairwise((3, *channels))
        ]
    )


class Residual(nn.Module):
    """Two convolutions beside a shortcut, as in a ResNet's basic block.

    Source:
        He, Zhang, Ren and Sun, *Deep Residual Learning for Image Recognition*
        (arXiv:1512.03385), section 3.2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps ``(B, C, H, W)`` of the same shape."""
        inner = self.bn1(self.conv1(x)).relu_()
        return self.bn2(self.conv2(inner)).add_(x).relu_()


def _halved(before: int, after: int) -> nn.Sequential:
    """A convolution that halves the image, normalised."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


def _pooled(layers: Sequence[nn.Module]) -> nn.Sequential:
    """Stages, by the names that ``Encoder.layers`` looks for; the mean over space."""
    stages = OrderedDict((f"layer{i}", layer) for i, layer in enumerate(layers, 1))
    stages["pool"] = nn.AdaptiveAvgPool2d(1)
    stages["flat"] = nn.Flatten()
    return nn.Sequential(stages)
