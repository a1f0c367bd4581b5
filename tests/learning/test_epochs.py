"""The end of an epoch: what is kept, what is noted, who is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from learning.made import (
    Probe,
    Stop,
    Table,
    encoder,
    run,
    same_tensors,
    some_images,
    values,
    weights,
)
from torch import Tensor

from sslkit.learning import loop
from sslkit.learning.checkpoints import Select
from sslkit.learning.loop import Fitted, Progress
from sslkit.learning.training import Training
from sslkit.methods import simclr


class Scripted(Probe):
    """Its validation loss follows a script."""

    def __init__(self, script: list[float]) -> None:
        super().__init__()
        self.script = iter(script)

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        outputs = super().forward(views, labels)
        if not self.training:
            outputs["loss"] = torch.tensor(next(self.script))
        return outputs


@pytest.mark.parametrize(
    ("script", "epoch"),
    [
        ([3.0, 1.0, 2.0, 5.0], 2),
        ([4.0, 3.0, 2.0, 1.0], 4),
        ([1.0, 2.0, 2.0, 2.0], 1),
        ([2.0, 1.0, 1.0, 1.0], 2),
        ([1.0, -2.0, -3.0, 0.0], 3),
    ],
)
def test_the_epoch_with_the_lowest_validation_loss_is_selected(
    script: list[float], epoch: int
) -> None:
    objective = Scripted(script)
    kept: list[dict[str, Tensor]] = []
    objective.after_step = lambda progress: kept.append(weights(objective))
    fitted = run(
        objective,
        Table(),
        torch.arange(30),
        Training(lr=0.1, epochs=4, batch_size=15),
        validation=torch.arange(30, 40),
    )
    assert fitted.epoch == epoch
    assert same_tensors(fitted.selected, kept[2 * epoch - 1])
    assert same_tensors(weights(objective), kept[-1]), "it holds the last weights"
    assert values(fitted.history, "val_loss") == script


def test_selected_weights_give_the_lowest_validation_loss_again() -> None:
    source, held = Table(40), torch.arange(10, 40)  # random labels: soon overfitted
    objective = Probe()
    training = Training(lr=0.5, epochs=12, batch_size=4, schedule="constant")
    fitted = run(objective, source, torch.arange(10), training, validation=held)
    losses = values(fitted.history, "val_loss")
    assert fitted.epoch == int(np.argmin(losses)) + 1
    assert fitted.epoch < 12
    for state, wanted in (
        (fitted.selected, min(losses)),
        (weights(objective), losses[-1]),
    ):
        logits = source.values[held] @ state["head.weight"].T + state["head.bias"]
        likelihood = logits.double().softmax(1)[range(30), source.labels[held]]
        assert -likelihood.log().mean().item() == pytest.approx(wanted, rel=1e-5)


def test_without_validation_the_last_epoch_is_selected() -> None:
    objective = Probe()
    fitted = run(objective, Table(), torch.arange(40), Training(lr=0.1, epochs=3))
    assert fitted.epoch == 3
    assert same_tensors(fitted.selected, weights(objective))
    assert "val_loss" not in set(fitted.history.metric)


def test_the_history_is_tidy_and_its_means_are_those_of_the_steps() -> None:
    objective, losses = Probe(), []
    forward = objective.forward

    def spy(views: list[Tensor], labels: Tensor | None = None) -> dict[str, Tensor]:
        outputs = forward(views, labels)
        if objective.training:
            losses.append(outputs["loss"].item())
        return outputs

    objective.forward = spy
    fitted = run(
        objective,
        Table(),
        torch.arange(30),
        Training(lr=0.1, epochs=3, batch_size=8),
        validation=torch.arange(30, 40),
    )
    history = fitted.history
    assert list(history.columns) == ["epoch", "step", "metric", "value"]
    assert not history.isna().any().any()
    assert not history.duplicated(["epoch", "metric"]).any()
    metrics = {"train_loss", "train_accuracy", "val_loss", "val_accuracy", "lr"}
    for epoch in (1, 2, 3):
        rows = history[history.epoch == epoch]
        assert set(rows.metric) == metrics
        assert set(rows.step) == {4 * epoch}
        mean = np.mean(losses[4 * epoch - 4 : 4 * epoch])
        assert values(rows, "train_loss")[0] == pytest.approx(mean, rel=1e-5)


def kept_epoch(select: Select, validation: Tensor | None) -> tuple[Fitted, list[int]]:
    """An overfitting regression, and the epochs whose weights are the selected ones."""
    objective = Probe()
    every: list[dict[str, Tensor]] = []
    fitted = run(
        objective,
        Table(),
        torch.arange(10),
        Training(lr=0.5, epochs=6, batch_size=10, schedule="constant"),
        validation=validation,
        select=select,
        watch=lambda progress: every.append(weights(objective)),
    )
    assert same_tensors(weights(objective), every[-1]), "it holds the last weights"
    assert fitted.history.epoch.unique().tolist() == [1, 2, 3, 4, 5, 6]
    found = [same_tensors(fitted.selected, state) for state in every]
    return fitted, [epoch for epoch, same in enumerate(found, start=1) if same]


@pytest.mark.parametrize("validation", [None, torch.arange(10, 40)])
def test_the_weights_of_the_asked_epoch_are_kept(validation: Tensor | None) -> None:
    for select, wanted in (("last", 6), (1, 1), (4, 4), (6, 6)):
        fitted, epochs = kept_epoch(select, validation)
        assert fitted.epoch == wanted
        assert epochs == [wanted]


def test_selection_by_validation_loss_keeps_another_epoch_than_the_last() -> None:
    fitted, epochs = kept_epoch("validation", torch.arange(10, 40))
    losses = values(fitted.history, "val_loss")
    assert [fitted.epoch] == epochs == [1 + int(np.argmin(losses))]
    assert fitted.epoch < 6, "else it would be the last in any case"


@pytest.mark.parametrize("select", [0, 4, -1, "best", None])
def test_an_epoch_that_will_not_be_is_refused_before_anything_is_learnt(
    select: Any,
) -> None:
    source = Table()
    with pytest.raises(ValueError, match=rf"a trial: select is {select!r}; .* 1 to 3"):
        run(Probe(), source, torch.arange(9), Training(epochs=3), select=select)
    assert source.asked == []


def test_a_watcher_is_told_the_values_of_every_epoch_once() -> None:
    objective, told = Probe(), []
    training = Training(lr=0.1, epochs=3, batch_size=8)
    fitted = run(
        objective,
        Table(),
        torch.arange(30),
        training,
        validation=torch.arange(30, 40),
        watch=told.append,
    )
    assert [progress.epoch for progress in told] == [1, 2, 3]
    assert {progress.epochs for progress in told} == {3}
    assert [progress.step for progress in told] == [4, 8, 12]
    assert all(progress.objective is objective for progress in told)
    for progress in told:
        rows = fitted.history[fitted.history.epoch == progress.epoch]
        assert progress.values == dict(zip(rows.metric, rows.value, strict=True))
        assert set(rows.step) == {progress.step}


@pytest.mark.parametrize("validation", [None, torch.arange(20, 30)])
def test_what_a_watcher_does_cannot_change_the_result(
    validation: Tensor | None,
) -> None:
    images = some_images()

    def nosy(progress: Progress) -> None:
        progress.values.clear()
        torch.manual_seed(99)
        np.random.seed(99)  # noqa: NPY002 - the global one, which must not matter
        with torch.no_grad():  # the batch-norm of an encoder at work would move
            progress.objective.encoder(images.images / 255)

    found = []
    for watch in (None, nosy):
        torch.manual_seed(3)
        objective = simclr.SimCLR(encoder(), simclr.Settings(embedding=8))
        fitted = run(
            objective,
            images,
            torch.arange(20),
            Training(lr=1e-2, epochs=3, batch_size=8),
            validation=validation,
            watch=watch,
        )
        found.append((weights(objective), fitted))
    (plain, wanted), (watched, told) = found
    assert same_tensors(watched, plain)
    assert same_tensors(told.selected, wanted.selected)
    pd.testing.assert_frame_equal(told.history, wanted.history, check_exact=True)


def test_a_watcher_may_end_a_training_which_then_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    training, checkpoint = Training(lr=0.1, epochs=5), tmp_path / "checkpoint.pt"
    seen: list[int] = []

    def enough(progress: Progress) -> None:
        seen.append(progress.epoch)
        if seen == [1, 2]:
            raise Stop

    def learn(watch: Callable[[Progress], None] | None, file: Path | None) -> Fitted:
        return run(
            Probe(),
            Table(),
            torch.arange(40),
            training,
            checkpoint=file,
            select=2,
            watch=watch,
        )

    with pytest.raises(Stop):
        learn(enough, checkpoint)
    resumed, wanted = learn(enough, checkpoint), learn(None, None)
    assert seen == [1, 2, 3, 4, 5]
    assert same_tensors(resumed.selected, wanted.selected)
    assert resumed.epoch == wanted.epoch == 2
