"""Pretext tasks: what is read from histories, and the bounds of a contrastive loss."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
import torch

import sslkit
from sslkit.methods import simclr
from sslkit.runs.records import Run
from sslkit.study import pretext


def done(method: str, values: list[float], *, draw: int = 0, **changes: str) -> Run:
    """A run whose validation accuracies were these, with other metrics beside them."""
    recipe = replace(sslkit.recipe(method, profile="smoke", draw=draw), **changes)
    rows = [
        (phase, epoch, 10 * epoch, metric, value + shift)
        for epoch, value in enumerate(values)
        for phase, metric, shift in (
            ("pretrain", "val_accuracy", 0.0),
            ("pretrain", "val_loss", 1.0),
            ("pretrain", "train_loss", 2.0),
            ("linear", "val_accuracy", 0.5),
        )
    ]
    columns = ["phase", "epoch", "step", "metric", "value"]
    history = pd.DataFrame(rows, columns=columns)
    return Run(recipe, f"{method} {draw}", {}, history, {})


def test_a_metric_by_epoch_is_that_of_pretraining_alone() -> None:
    runs = [done("rotnet", [0.3, 0.4]), done("simclr", [0.1], draw=2)]
    found = pretext.by_epoch(runs)
    expected = [("rotnet", 0, 0, 0.3), ("rotnet", 0, 1, 0.4), ("simclr", 2, 0, 0.1)]
    columns = ["method", "draw", "epoch", "value"]
    assert list(found[columns].itertuples(index=False, name=None)) == expected
    assert pretext.by_epoch(runs, "val_loss")["value"].tolist() == [1.3, 1.4, 1.1]


def test_the_last_value_is_that_of_the_last_epoch_or_not_known() -> None:
    assert pretext.last(done("rotnet", [0.9, 0.3, 0.4]), "val_accuracy") == 0.4
    assert math.isnan(pretext.last(done("rotnet", []), "val_accuracy"))
    assert math.isnan(pretext.last(done("rotnet", [0.4]), "no_such_metric"))


@pytest.mark.parametrize(("images", "temperature"), [(2, 0.5), (3, 0.1), (8, 1.0)])
def test_the_bounds_are_losses_of_a_simplex_and_of_a_collapse(
    images: int, temperature: float
) -> None:
    # As many points as images, as far from each other as they can be.
    corners = torch.eye(images, dtype=torch.float64) - 1 / images
    lowest, collapse = pretext.contrastive_bounds(images, temperature)
    best = simclr.nt_xent(corners, corners, temperature)
    assert lowest == pytest.approx(best.item(), rel=1e-4)
    same = torch.ones(images, images)
    worst = simclr.nt_xent(same, same, temperature)
    assert collapse == pytest.approx(worst.item(), rel=1e-4)


def test_a_contrastive_loss_takes_two_images() -> None:
    with pytest.raises(ValueError, match="two images or more, not 1"):
        pretext.contrastive_bounds(1, 0.5)


def test_the_bounds_of_a_run_are_those_of_its_mean_batch() -> None:
    run = done("simclr", [0.2, 0.3])
    pretraining = replace(run.recipe.pretraining, batch_size=32)
    run = replace(run, recipe=replace(run.recipe, pretraining=pretraining))
    found = pretext.contrastive(run, 80)  # three batches
    settings = run.recipe.method
    assert isinstance(settings, simclr.Settings)
    lowest, collapse = pretext.contrastive_bounds(80 / 3, settings.temperature)
    assert found == pytest.approx(
        {"lowest": lowest, "collapse": collapse}
        | {"train_loss": 2.3, "val_loss": 1.3, "val_accuracy": 0.3}
    )
