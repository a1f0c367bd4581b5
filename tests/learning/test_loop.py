"""The loop: rows and steps, what learns, losses that are not finite."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from learning.made import (
    Probe,
    Table,
    encoder,
    run,
    same_tensors,
    some_images,
    values,
    weights,
)
from torch import Tensor, nn

from sslkit.learning.training import Training
from sslkit.methods import simclr
from sslkit.views.random_numbers import RandomNumbers


@pytest.mark.parametrize(("count", "size"), [(40, 8), (23, 5), (7, 64), (33, 32)])
def test_every_row_is_seen_once_a_pass_in_batches_of_nearly_one_size(
    count: int, size: int
) -> None:
    source, rows = Table(100), torch.arange(90, 90 - count, -1)
    training = Training(epochs=3, batch_size=size)
    run(Probe(), source, rows, training)
    each, passes = math.ceil(count / size), []
    batches = source.batches()
    assert len(batches) == 3 * each
    for epoch in range(3):
        dealt = batches[epoch * each : (epoch + 1) * each]
        lengths = [len(batch) for batch in dealt]
        assert max(lengths) <= size
        assert max(lengths) - min(lengths) <= 1
        passes.append([row for batch in dealt for row in batch])
        assert sorted(passes[-1]) == sorted(rows.tolist())
    assert passes[0] != passes[1] != passes[2] != passes[0]


def test_with_steps_an_epoch_may_end_within_a_pass_and_no_row_is_skipped() -> None:
    source = Table(23)
    fitted = run(
        Probe(), source, torch.arange(23), Training(epochs=4, steps=14, batch_size=5)
    )
    batches = source.batches()
    assert len(batches) == 16, "4 epochs of 14 / 4 steps, rounded up"
    for start in (0, 5, 10):  # 23 rows are 5 batches
        seen = [row for batch in batches[start : start + 5] for row in batch]
        assert sorted(seen) == list(range(23))
    steps = fitted.history[fitted.history.metric == "train_loss"].step.tolist()
    assert steps == [4, 8, 12, 16]


@pytest.mark.parametrize(
    ("training", "steps"),
    [
        (Training(epochs=3, batch_size=10), 12),
        (Training(epochs=3, batch_size=64), 3),
        (Training(epochs=5, steps=20, batch_size=64), 20),
        (Training(epochs=5, steps=21, batch_size=10), 25),
        (Training(epochs=5, steps=2, batch_size=10), 5),
    ],
)
def test_steps_are_counted_and_progress_ends_at_one(
    training: Training, steps: int
) -> None:
    objective = Probe()
    run(objective, Table(), torch.arange(40), training)
    wanted = [(step + 1) / steps for step in range(steps)]
    assert objective.progress == pytest.approx(wanted)
    assert objective.progress[-1] == 1


def test_validation_rows_are_never_in_a_training_batch_and_nothing_else_is_read() -> (
    None
):
    source = Table(60)
    learnt, watched = torch.arange(0, 40), torch.arange(40, 51)
    run(Probe(), source, learnt, Training(epochs=3, batch_size=8), validation=watched)
    assert {row for batch in source.batches() for row in batch} == set(range(40))
    held = source.batches("val")
    assert [row for batch in held for row in batch] == list(range(40, 51)) * 3
    assert max(len(batch) for batch in held) <= 8


def test_without_rows_there_is_nothing_to_train_on() -> None:
    with pytest.raises(ValueError, match="a trial: no images"):
        run(Probe(), Table(), torch.arange(0), Training(epochs=1))


def test_what_is_frozen_stays_and_the_rest_learns() -> None:
    objective = Probe()
    objective.encoder = nn.Linear(5, 5).requires_grad_(False)
    before = weights(objective)
    run(objective, Table(), torch.arange(40), Training(lr=0.1, epochs=2))
    changed = {
        k for k, v in weights(objective).items() if not torch.equal(v, before[k])
    }
    assert changed == {"head.weight", "head.bias"}


def test_everything_frozen_is_an_error() -> None:
    objective = Probe().requires_grad_(False)
    with pytest.raises(ValueError, match="every parameter is frozen"):
        run(objective, Table(), torch.arange(40), Training(epochs=1))


def test_afterwards_the_objective_is_in_eval_mode() -> None:
    objective = Probe()
    run(objective, Table(), torch.arange(40), Training(epochs=1))
    assert not objective.training


def learnt(seed: int, global_seed: int = 0) -> tuple[dict[str, Tensor], pd.DataFrame]:
    objective = simclr.SimCLR(encoder(), simclr.Settings(embedding=8))
    torch.manual_seed(global_seed)
    np.random.seed(global_seed)  # noqa: NPY002 - the global one, which must not matter
    images = some_images()
    training = Training(lr=1e-2, epochs=2, batch_size=8)
    fitted = run(
        objective, images, torch.arange(20), training, validation=torch.arange(20, 30),
        seed=seed,
    )  # fmt: skip
    return weights(objective), fitted.history


def test_the_seed_decides_everything_and_torchs_global_seed_nothing() -> None:
    one, other, third = learnt(4), learnt(4, global_seed=77), learnt(5)
    assert same_tensors(one[0], other[0])
    pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)
    assert not same_tensors(one[0], third[0])


class Broken(Probe):
    """The loss of one step is not a number."""

    def __init__(self, step: int, value: float) -> None:
        super().__init__()
        self.step, self.value, self.count = step, value, 0

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        outputs = super().forward(views, labels)
        if self.training:
            if self.count == self.step:
                outputs["loss"] = outputs["loss"] * 0 + self.value
            self.count += 1
        return outputs


@pytest.mark.parametrize("step", [0, 7, 9, 10, 14])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_named_with_its_step(
    step: int, value: float
) -> None:
    training = Training(epochs=3, batch_size=8)  # 5 steps an epoch
    with pytest.raises(
        FloatingPointError, match=rf"a trial: the loss is {value} at step {step}; try"
    ):
        run(Broken(step, value), Table(), torch.arange(40), training)


def test_a_loss_that_breaks_after_the_last_step_is_not_passed_over() -> None:
    # The one step's loss is finite and leads to weights that overflow.
    training = Training(optimiser="sgd", lr=1e38, schedule="constant", epochs=1)
    with pytest.raises(
        FloatingPointError, match=r"a trial: the val.*after step 0; try a lower lr"
    ):
        run(
            Probe(),
            Table(),
            torch.arange(30),
            training,
            validation=torch.arange(30, 40),
        )


class Rolls(Probe):
    """Its loss is the mean of random numbers, one an image."""

    def views(self, images: Tensor, draw: RandomNumbers) -> list[Tensor]:
        return [draw.uniform()]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        return {"loss": views[0].mean() + 0 * self.head.weight.sum()}


def test_views_of_validation_never_change_and_those_of_training_always_do() -> None:
    found = []
    for seed in (0, 1):
        fitted = run(
            Rolls(),
            Table(),
            torch.arange(20),
            Training(epochs=5, batch_size=10),
            validation=torch.arange(20, 40),
            seed=seed,
        )
        found.append(values(fitted.history, "val_loss"))
        assert len(set(values(fitted.history, "train_loss"))) == 5
    assert len(set(found[0] + found[1])) == 1
