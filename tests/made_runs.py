"""Runs that nobody did, for tests of tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs.recipes import Recipe
from sslkit.runs.records import Run


def score(accuracy: float) -> Score:
    """Of 100 test images, 50 a class, with this accuracy."""
    right = round(50 * accuracy)
    return Score(
        accuracy=accuracy,
        loss=0.7,
        low=accuracy - 0.1,
        high=accuracy + 0.1,
        confusion=[[right, 50 - right], [50 - right, right]],
        epoch=3,
        last_accuracy=accuracy - 0.02,
        last_loss=0.8,
        val_accuracy=0.75,
        val_loss=0.6,
        n_train=8,
    )


def done(
    method: str, accuracy: float | dict[str, float], *, draw: int = 0, **changes: Any
) -> Run:
    """A run as a record has it, with these accuracies."""
    recipe = sslkit.recipe(method, profile="smoke", draw=draw, **changes)
    if isinstance(accuracy, float):
        accuracy = dict.fromkeys(recipe.protocols, accuracy)
    return of(recipe, accuracy)


def of(recipe: Recipe, accuracy: dict[str, float]) -> Run:
    about = {
        "counts": {"train": 12, "val": 3, "pool": 60},
        "seconds": {"pretrain": 10.0, "linear": 1.0, "finetune": 4.0},
        "commit": "0123456789ab+",
        "machine": "a machine, 2 threads",
    }
    if recipe.method is None:
        del about["seconds"]["pretrain"]  # type: ignore[attr-defined]
    scores = {name: score(value) for name, value in accuracy.items()}
    return Run(recipe, f"{hash(recipe):x}", scores, pd.DataFrame(), about)
