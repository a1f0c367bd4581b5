"""Whether labels outside a budget matter to anything but the score: they must not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from sslkit.images.imageset import ImageSet
    from sslkit.images.splits import Split
    from sslkit.runs.recipes import Recipe

PROTOCOLS = ("linear", "mlp", "knn", "finetune")


def matter(recipe: Recipe) -> bool:
    """Whether labels outside its budget change what a recipe learns or predicts.

    It is done twice with the same rows, the second time with these labels permuted,
    those of the test images, too: encoder and predictions must be the same bits.
    """
    import torch

    from sslkit.runs import inputs

    images = inputs.on_device(recipe.data, recipe.extra_unlabelled, "cpu")
    rows = inputs.split_of(recipe, images)
    outside = torch.ones(len(images), dtype=torch.bool)
    outside[rows.budget] = False
    outside &= images.labels >= 0
    labels = images.labels.clone()
    random = torch.Generator().manual_seed(0)
    order = torch.randperm(int(outside.sum()), generator=random)
    labels[outside] = labels[outside][order]
    first = _learnt(recipe, images, rows)
    again = _learnt(recipe, replace(images, labels=labels), rows)
    return not all(torch.equal(first[name], again[name]) for name in first)


def _learnt(recipe: Recipe, images: ImageSet, rows: Split) -> dict[str, Tensor]:
    """A recipe's encoder, and of each protocol the training and what it predicts."""
    import torch

    from sslkit.learning.devices import launch
    from sslkit.runs import running
    from sslkit.runs.store import Store

    fabric = launch(recipe.precision)
    with tempfile.TemporaryDirectory() as out:
        features, _, _ = running.features_of(
            recipe, images, rows, Store(Path(out)), fabric
        )
        judged = running.judged_by(recipe, features, images, rows, fabric)
    found = dict(features.encoder.state_dict())
    for name, one in judged.items():
        found[name] = torch.tensor(one.score.predicted)
        if len(one.history):  # neighbours have none
            values = one.history["value"].to_numpy(dtype=float)
            found[f"{name}, losses"] = torch.from_numpy(values)
    return found


def arms() -> Iterable[Recipe]:
    """A short run of every arm that needs no weights from elsewhere, all protocols."""
    import sslkit
    from sslkit.runs.arms import ARMS as known

    for arm in (arm for arm in known if arm != "start"):
        made = sslkit.recipe(arm, profile="smoke", limit=20, fraction=0.5)
        if made.method is not None:
            made = replace(made, protocols=PROTOCOLS)
        yield made
