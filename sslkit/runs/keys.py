"""Keys: what decides a run or an encoder, and nothing else, as one short name.

A key is a digest of plain values. A knob at its neutral value is left out of them, so
that a knob which a later version adds changes no key that is there. The table of
neutral values is therefore frozen: a line may be added to it, and none be changed. It
is not the defaults of the dataclasses, which may change. A new knob must also draw no
random number while it is neutral.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sslkit.images.imageset import ImageSet
from sslkit.images.splits import Split
from sslkit.learning import encoders, weights
from sslkit.learning.devices import precision
from sslkit.learning.encoders import EncoderSettings
from sslkit.learning.training import Training
from sslkit.runs.recipes import Recipe
from sslkit.views.augment import Augmentation

# Raise by hand with every change that can alter a result; CHANGELOG: *Results changed*.
RESULTS_VERSION = 3

# By kind of settings, for a method's by its tag. Never change a line; see above.
NEUTRAL: Mapping[str, Mapping[str, object]] = {
    "augmentation": {
        "crop": None,
        "flip": 0,
        "jitter": 0,
        "brightness": 0,
        "contrast": 0,
        "saturation": 0,
        "hue": 0,
        "greyscale": 0,
        "blur": 0,
        "solarise": 0,
    },
    "training": {"warmup": 0, "weight_decay": 0, "steps": None, "sizes": ()},
    "encoder": {},
    "run": {"fraction": None, "labels": None, "selection": "validation"},
    "rotnet": {"after": None, "shuffled": False},
    "simclr": {"second": None, "hidden": None},
}
_KINDS: dict[type, str] = {
    Augmentation: "augmentation",
    Training: "training",
    EncoderSettings: "encoder",
}
# Of a recipe, what learns from labels and how it is judged.
_DOWNSTREAM = """
    downstream probe augmentation fraction labels draw seed selection protocols
""".split()


def pretraining_rows(
    recipe: Recipe, images: ImageSet, rows: Split
) -> tuple[Tensor, Tensor | None]:
    """Which images pretraining learns from, and on which its loss is watched, if any.

    Labels are never seen, nor test images; watched ones are not learnt from. Under
    ``"all"`` neither depends on the fraction, so all fractions share a pretraining;
    under ``"everything"`` none depends on the draw, and all draws share it, too.
    """
    learnt, watched = _rows(recipe, images, rows)
    if recipe.pretrain_images is not None:
        random = torch.Generator().manual_seed(recipe.pretraining_seed)
        order = torch.randperm(len(learnt), generator=random)
        learnt = learnt[order[: recipe.pretrain_images]].sort().values
    return learnt, watched


def _rows(
    recipe: Recipe, images: ImageSet, rows: Split
) -> tuple[Tensor, Tensor | None]:
    """The same before a part of them is drawn."""
    extra = images.rows("extra")
    if recipe.pretrain == "everything":
        return torch.cat([images.rows("train"), images.rows("unlabelled"), extra]), None
    if recipe.pretrain == "extra":
        return extra, rows.val
    if recipe.pretrain == "budget":
        return torch.cat([rows.train, extra]), rows.val
    if recipe.pretrain == "labelled":
        return torch.cat([rows.budget, extra]), None
    held = rows.pool[~torch.isin(rows.pool, rows.unlabelled)]
    return torch.cat([rows.unlabelled, extra]), held


def pretraining_key(recipe: Recipe, images: ImageSet, rows: Split) -> str | None:
    """Names an encoder: everything that decides it and nothing else.

    Label fractions under ``pretrain="all"`` and all protocols share one. ``None``
    without pretraining.
    """
    if recipe.method is None:
        return None
    learnt = pretraining_rows(recipe, images, rows)
    decides = {
        "method": plain(recipe.method),
        "pretraining": plain(recipe.pretraining),
        "seed": recipe.pretraining_seed,
        "rows": [part if part is None else _rows_digest(part) for part in learnt],
    }
    return _digest(decides | _both(recipe, images))


def run_key(recipe: Recipe, images: ImageSet, rows: Split) -> str:
    """Names a run: the encoder it judges, what learns from labels, and the data."""
    decides = {name: plain(getattr(recipe, name)) for name in _DOWNSTREAM}
    decides = _without_neutral(decides, "run") | {
        "pretraining": pretraining_key(recipe, images, rows),
        "rows": [_rows_digest(part) for part in (rows.train, rows.val, rows.test)],
    }
    return _digest(decides | _both(recipe, images))


def plain(value: Any) -> Any:
    """Settings as plain values for a digest, without what is neutral.

    Whole numbers become floats, so that ``1`` and ``1.0`` are one; but not those that
    are larger than floats can tell apart.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = _KINDS.get(type(value)) or getattr(value, "tag")  # noqa: B009
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        named = {name: plain(v) for name, v in _without_neutral(fields, kind).items()}
        return {"kind": kind, **named}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) <= 2**53 else value
    return value


def _without_neutral(fields: dict[str, Any], kind: str) -> dict[str, Any]:
    neutral = NEUTRAL.get(kind, {})
    return {k: v for k, v in fields.items() if k not in neutral or v != neutral[k]}


def _both(recipe: Recipe, images: ImageSet) -> dict[str, Any]:
    """What both keys hold; an encoder file counts by its content."""
    encoder = plain(recipe.encoder)
    file = encoders.weights_file(recipe.encoder.init)
    if file is not None and file.is_file():
        encoder["init"] = weights.digest(file)
    return {
        "version": RESULTS_VERSION,
        "data": images.fingerprint,
        "encoder": encoder,
        "precision": precision(recipe.precision),
    }


def _rows_digest(rows: Tensor) -> str:
    return hashlib.sha256(rows.numpy().tobytes()).hexdigest()


def _digest(decides: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
