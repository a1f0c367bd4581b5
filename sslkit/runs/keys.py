"""Keys: what decides a run or an encoder, and nothing else, as one short name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
from torch import Tensor

from sslkit.learning import encoders
from sslkit.runs import recipes
from sslkit.images.imageset import ImageSet
from sslkit.learning.devices import precision
from sslkit.runs.recipes import Recipe
from sslkit.images.splits import Split

# Raise by hand with every change that can alter a result; CHANGELOG: *Results changed*.
RESULTS_VERSION = 2


def pretraining_rows(
    recipe: Recipe, images: ImageSet, rows: Split
) -> tuple[Tensor, Tensor]:
    """Which images pretraining learns from, and on which its loss is watched.

    Labels are never seen, nor test images; watched ones are not learnt from. Under
    ``"all"`` neither depends on the fraction, so all fractions share a pretraining.
    """
    extra = images.rows("extra")
    if recipe.pretrain == "extra":
        return extra, rows.val
    if recipe.pretrain == "budget":
        return torch.cat([rows.train, extra]), rows.val
    held = rows.pool[~torch.isin(rows.pool, rows.unlabelled)]
    return torch.cat([rows.unlabelled, extra]), held


def pretraining_key(recipe: Recipe, images: ImageSet, rows: Split) -> str:
    """Names an encoder: everything that decides it and nothing else.

    Label fractions under ``pretrain="all"`` and all protocols share one.
    """
    plain = _plain(recipe)
    names = ("method", "encoder", "pretraining", "seed", "precision")
    decides = {name: plain[name] for name in names}
    return _digest(
        decides
        | {
            "version": RESULTS_VERSION,
            "data": images.fingerprint,
            "rows": [
                _rows_digest(part) for part in pretraining_rows(recipe, images, rows)
            ],
        }
    )


def run_key(recipe: Recipe, images: ImageSet, rows: Split) -> str:
    """Names a run: the recipe less its names, and the data."""
    plain = _plain(recipe)
    for name in ("data", "extra_unlabelled", "profile", "variant"):
        del plain[name]
    roles = [
        _rows_digest(r) for r in (rows.train, rows.val, rows.test, rows.unlabelled)
    ]
    return _digest(
        plain | {"version": RESULTS_VERSION, "data": images.fingerprint, "rows": roles}
    )


def _plain(recipe: Recipe) -> dict[str, Any]:
    """The recipe as plain values; an encoder file counts by its content."""
    plain = recipes.to_dict(recipe)
    plain["precision"] = precision(recipe.precision)
    file = encoders.weights_file(recipe.encoder.init)
    if file.is_file():
        plain["encoder"]["init"] = hashlib.sha256(file.read_bytes()).hexdigest()
    return plain


def _rows_digest(rows: Tensor) -> str:
    return hashlib.sha256(rows.numpy().tobytes()).hexdigest()


def _digest(decides: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
