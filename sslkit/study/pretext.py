"""Pretext tasks: how well they were learnt, and what can be learnt of them at all."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from sslkit.methods import simclr
from sslkit.runs.records import Run
from sslkit.study.tables import data_of


def by_epoch(runs: Iterable[Run], metric: str = "val_accuracy") -> pd.DataFrame:
    """A metric of pretraining by epoch.

    Args:
        runs: Any; a run without pretraining, or without that metric, adds nothing.
        metric: As in ``Run.history``.

    Returns:
        Columns data, method, fraction, draw, seed, epoch, value; a row an epoch, in the
        order of the runs.
    """
    found = [pd.DataFrame(columns=["epoch", "value"])]
    for run in runs:
        recipe, history = run.recipe, run.history
        own = (history["phase"] == "pretrain") & (history["metric"] == metric)
        rows = history.loc[own, ["epoch", "value"]].assign(
            data=data_of(recipe.data),
            method=recipe.arm,
            fraction=recipe.fraction,
            draw=recipe.draw,
            seed=recipe.seed,
        )
        found.append(rows)
    columns = ["data", "method", "fraction", "draw", "seed", "epoch", "value"]
    kept = [table for table in found if len(table)] or found[:1]
    return pd.concat(kept).reindex(columns=columns).reset_index(drop=True)


def last(run: Run, metric: str) -> float:
    """A metric of the last epoch of pretraining; NaN if the record does not have it."""
    values = by_epoch([run], metric)["value"]
    return float(values.iloc[-1]) if len(values) else math.nan


def contrastive_bounds(images: float, temperature: float) -> tuple[float, float]:
    """The lowest NT-Xent that there can be, and that of a collapse.

    Args:
        images: In a batch, N; a mean over batches if they differ.
        temperature: Of the loss, above 0.

    Returns:
        Both in nats. The lowest is that of perfect pairs whose embeddings lie as evenly
        as possible; in a collapse all embeddings are the same.

    Raises:
        ValueError: If a batch has fewer than two images.
    """
    if images < 2:
        raise ValueError(f"a contrastive loss takes two images or more, not {images:g}")
    far = -1 / (images - 1)  # cosine similarity of the vertices of a simplex
    lowest = math.log1p((2 * images - 2) * math.exp((far - 1) / temperature))
    return lowest, math.log(2 * images - 1)


def contrastive(run: Run, images: int) -> dict[str, float]:
    """Where SimCLR's pretraining ended, beside the bounds of its loss.

    Args:
        run: SimCLR's.
        images: How many it learnt from.

    Returns:
        ``lowest`` and ``collapse`` (``contrastive_bounds``, of its mean batch), and of
        the last epoch ``train_loss``, ``val_loss`` and ``val_accuracy``, NaN where the
        record does not have them; losses in nats.
    """
    recipe = run.recipe
    assert isinstance(recipe.method, simclr.Settings)
    batches = math.ceil(images / recipe.pretraining.batch_size)
    lowest, collapse = contrastive_bounds(images / batches, recipe.method.temperature)
    metrics = "train_loss", "val_loss", "val_accuracy"
    reached = {metric: last(run, metric) for metric in metrics}
    return {"lowest": lowest, "collapse": collapse} | reached
