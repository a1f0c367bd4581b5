"""What a machine can do with some images: seconds a step, memory, weights it has."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from sslkit.images.imageset import ImageSet
from sslkit.learning.encoders import Backbone, Encoder, EncoderSettings, stem_for
from sslkit.methods import METHODS
from sslkit.runs import costs

_GIB = 2**30
BATCH, LABELLED = 256, 64  # images a step of pretraining, and of training with labels
_RESNETS: tuple[Backbone, ...] = ("resnet18", "resnet50")


@dataclass(frozen=True)
class Machine:
    """What a machine can do with an image set.

    Attributes:
        gpu: Whether it has a GPU.
        seconds: An image of a step of SimCLR takes, by backbone, the smallest first.
        labelled: The same of a step with labels, by backbone.
        used: Memory that was taken at most while that was measured, in GiB, of the GPU
            or of this process; ``None`` where the system does not say.
        memory: How much there is, likewise.
        weights: Backbones whose ImageNet weights are on this machine.
    """

    gpu: bool
    seconds: dict[str, float]
    labelled: dict[str, float]
    used: float | None
    memory: float | None
    weights: tuple[str, ...]


def measure(
    images: ImageSet,
    backbones: Sequence[Backbone] | None = None,
    *,
    sizes: tuple[int, ...] = (),
) -> Machine:
    """Rehearse a few steps of SimCLR with each backbone that may suit a machine.

    Args:
        images: What would be learnt from, of the size that it would be.
        backbones: Which; of its own accord the two small ones on a CPU, and ResNets,
            too, on a GPU.
        sizes: Of the views of pretraining, where they grow, as in ``Training``.
    """
    gpu = torch.cuda.is_available()
    tried = backbones or (("tiny", "small", *_RESNETS) if gpu else ("tiny", "small"))
    here = images.to("cuda" if gpu else "cpu")
    rows = images.seen()[:BATCH]
    seconds: dict[str, float] = {}
    labelled: dict[str, float] = {}
    for backbone in tried:
        settings = EncoderSettings(backbone=backbone, stem=stem_for(images.size))
        objective = METHODS["simclr"].objective(Encoder(settings))
        # Training with labels has one view of an image, and it does not grow.
        labelled[backbone] = costs.rehearse(objective, here, rows[:LABELLED]) / 2
        # A ResNet would take a CPU minutes, and an image costs it as much in any batch.
        slow = backbone in _RESNETS and not gpu
        batch = rows[:LABELLED] if slow else rows
        seconds[backbone] = costs.rehearse(objective, here, batch, sizes=sizes)
    used, memory = _memory(gpu)
    weights = tuple(name for name in _RESNETS if weights_here(name))
    return Machine(gpu, seconds, labelled, used, memory, weights)


def weights_here(backbone: str) -> bool:
    """Whether torchvision would find ImageNet weights without a network."""
    import torchvision

    url = torchvision.models.get_model_weights(backbone).DEFAULT.url
    return (Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name).is_file()


def _memory(gpu: bool) -> tuple[float | None, float | None]:
    """The most that was taken so far, and all there is, in GiB."""
    if gpu:
        _, there = torch.cuda.mem_get_info()
        return torch.cuda.max_memory_allocated() / _GIB, there / _GIB
    if sys.platform != "linux":
        return None, None
    import os
    import resource

    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return taken / _GIB, there / _GIB
