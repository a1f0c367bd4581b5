"""Judging an encoder with few labels, by any protocols, without a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.judging.cases import Case, Judged
from sslkit.judging.features import Features
from sslkit.judging.protocols import PROTOCOLS
from sslkit.judging.scores import Score
from sslkit.learning.checkpoints import Select
from sslkit.learning.choices import check_choice
from sslkit.learning.devices import launch
from sslkit.learning.training import Training
from sslkit.views.augment import Augmentation

if TYPE_CHECKING:
    from lightning.fabric import Fabric  # a second; imported when it is used

PROBE = Training(lr=1e-2, epochs=100)
DOWNSTREAM = Training(lr=3e-4, epochs=100)  # the study's


def judge(
    encoder: nn.Module | Features,
    images: ImageSet,
    split: Split,
    *,
    protocols: Sequence[str] = ("linear", "finetune"),
    augmentation: Augmentation | None = None,
    probe: Training | None = None,
    downstream: Training | None = None,
    seed: int = 0,
    select: Select = "validation",
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    known: Mapping[str, Score] | None = None,
) -> dict[str, Judged]:
    """Judge an encoder by several protocols; each reads the test images once.

    Args:
        encoder: Any module that gives features ``(B, D)`` for images ``(B, 3, S, S)``,
            floats in [0, 1]; a normalisation that it expects must be a part of it. It
            is moved to the device, and stays as it is: what trains it takes a copy. Or
            the ``Features`` of one, of these very images on the device, which are then
            not read again.
        images: The images, which are read once for all frozen protocols.
        split: Rows to learn from, to choose by, to be scored on.
        protocols: Of ``PROTOCOLS``: ``"linear"`` and ``"mlp"`` (a head on frozen
            features), ``"finetune"`` (everything learns), ``"knn"`` (nothing learns),
            ``"folds"`` (a linear probe of the whole budget, five folds of which choose
            the epoch), ``"layers"`` (linear probes of every stage), ``"selftrain"``
            (everything learns, from the network's own labels of other images, too).
        augmentation: Random views while labels train the encoder; without it the
            images as they are.
        probe: Training of the frozen heads; ``PROBE`` if not given.
        downstream: Training of the fine-tuning, and of self-training, whose rounds
            divide its steps; ``DOWNSTREAM`` if not given.
        seed: Of a head's weights and the order of the images.
        select: The epoch that is scored: of the lowest ``"validation"`` loss, or the
            ``"last"``. Without validation images it is the last.
        fabric: Device and precision; the best device if not given.
        checkpoint: Where fine-tuning may resume from; the caller deletes it. A round
            of self-training has its own beside it, deleted at the end.
        known: Scores that are recorded, by the names under which they are returned.
            What learns then learns again, for its classifier alone, and no test image
            is read a second time.

    Returns:
        What was found, by protocol; ``"layers"`` gives one a stage, ``"layer1"``, ….

    Raises:
        ValueError: If a protocol is unknown, the encoder gives no ``(B, D)``, or is to
            be fine-tuned and has no weights; or features are of other images.
    """
    for name in protocols:
        check_choice("protocol", name, PROTOCOLS)
    fabric = fabric or launch()
    images = images.to(fabric.device)
    if not isinstance(encoder, Features):
        encoder = Features(encoder.to(fabric.device), images)
    elif encoder.images is not images:
        raise ValueError("these features are of other images than those to judge by")
    case = Case(
        features=encoder,
        split=split,
        augmentation=augmentation,
        probe=probe or PROBE,
        downstream=downstream or DOWNSTREAM,
        seed=seed,
        select=select,
        fabric=fabric,
        checkpoint=checkpoint,
        known=known or {},
    )
    found: dict[str, Judged] = {}
    for name in protocols:
        found |= PROTOCOLS[name](case)
    return found
