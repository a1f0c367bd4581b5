from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from sslkit.images.imageset import ImageSet
from sslkit.judging.heads import Classifier
from sslkit.learning import loop
from sslkit.learning.encoders import Encoder, EncoderSettings
from sslkit.learning.loop import Fitted, fit
from sslkit.learning.training import Training, learning_rate
from sslkit.methods import rotnet, simclr
from sslkit.views.augment import Augmentation
from sslkit.views.random_numbers import RandomNumbers


class Table:
    """Numbers and labels by row; remembers which rows were asked for, and when."""

    def __init__(self, count: int = 40, dim: int = 5, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.values = torch.randn(count, dim, generator=generator)
        self.labels = torch.randint(3, (count,), generator=generator)
        self.asked: list[tuple[str, list[int]]] = []
        self.phase: Callable[[], bool] = lambda: True

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        self.asked.append(("train" if self.phase() else "val", rows.tolist()))
        return self.values[rows], self.labels[rows]

    def batches(self, phase: str = "train") -> list[list[int]]:
        return [rows for asked, rows in self.asked if asked == phase]


class Probe(nn.Module):
    """Softmax regression that remembers the progress it was told."""

    def __init__(self, dim: int = 5, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = nn.Identity()
        self.head = nn.Linear(dim, 3)
        self.progress: list[float] = []

    def views(self, images: Tensor, draw: RandomNumbers) -> list[Tensor]:
        return [images]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        logits = self.head(self.encoder(views[0]))
        loss = F.cross_entropy(logits, labels)
        return {"loss": loss, "accuracy": (logits.argmax(1) == labels).float().mean()}

    def after_step(self, progress: float) -> None:
        self.progress.append(progress)


def run(
    objective: nn.Module,
    source: Table | ImageSet,
    rows: Tensor,
    training: Training,
    *,
    validation: Tensor | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> Fitted:
    if isinstance(source, Table):
        source.phase = lambda: objective.training
    return fit(
        objective,
        source,
        rows,
        validation=validation,
        training=training,
        seed=seed,
        fabric=Fabric(accelerator="cpu", devices=1),
        checkpoint=checkpoint,
        title="a trial",
    )


def values(history: pd.DataFrame, metric: str) -> list[float]:
    return history.value[history.metric == metric].tolist()


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same_tensors(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[k], other[k]) for k in one
    )


# --------------------------------------------------------------- learning rate


def rates(total: int, **settings: object) -> list[float]:
    return [learning_rate(step, total, Training(**settings)) for step in range(total)]


def test_the_cosine_falls_from_lr_to_zero_at_the_last_step() -> None:
    found = rates(50, lr=0.4)
    assert found[0] == 0.4
    assert found[-1] == pytest.approx(0, abs=1e-12)
    assert found == sorted(found, reverse=True)


def test_the_cosine_is_torchs_own_with_t_max_in_steps() -> None:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=30)
    wanted = []
    for _ in range(31):
        wanted.append(cosine.get_last_lr()[0])
        optimiser.step()
        cosine.step()
    assert rates(31, lr=0.4) == pytest.approx(wanted, abs=1e-9)


def test_warm_up_is_a_straight_line_to_lr_and_the_cosine_starts_there() -> None:
    found = rates(40, lr=0.8, warmup=0.25)
    assert found[:10] == pytest.approx([0.08 * n for n in range(1, 11)])
    assert found[10] == 0.8
    assert found[10:] == pytest.approx(rates(30, lr=0.8))


def test_constant_is_constant_after_the_warm_up() -> None:
    assert rates(20, lr=0.3, schedule="constant") == [0.3] * 20
    found = rates(20, lr=0.3, schedule="constant", warmup=0.1)
    assert found == pytest.approx([0.15] + [0.3] * 19)


@pytest.mark.parametrize("total", [1, 2, 3])
@pytest.mark.parametrize("warmup", [0.0, 0.5, 0.99])
def test_the_shortest_trainings_have_rates_too(total: int, warmup: float) -> None:
    found = rates(total, lr=0.5, warmup=warmup)
    assert all(0 <= rate <= 0.5 for rate in found)
    assert found[0] > 0


class Slope(Probe):
    """One weight with gradient 1 at every step: Adam then moves it by the rate."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(1, 1, bias=False)
        self.path = [self.head.weight.item()]

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        return {"loss": self.head.weight.sum()}

    def after_step(self, progress: float) -> None:
        self.path.append(self.head.weight.item())


@pytest.mark.parametrize(
    "training",
    [
        Training(lr=0.1, epochs=4, batch_size=8, warmup=0.2),
        Training(lr=0.1, epochs=4, steps=18, batch_size=8, schedule="constant"),
    ],
)
def test_the_optimiser_moves_at_the_rate_of_its_step(training: Training) -> None:
    objective = Slope()
    fitted = run(objective, Table(), torch.arange(40), training)
    moved = -np.diff(objective.path)
    assert len(moved) == 20
    wanted = [learning_rate(step, 20, training) for step in range(20)]
    np.testing.assert_allclose(moved, wanted, rtol=1e-4, atol=1e-6)
    assert values(fitted.history, "lr") == pytest.approx(wanted[4::5])


# -------------------------------------------------------------- rows and steps


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"optimiser": "lars"},
        {"schedule": "linear"},
        {"lr": 0.0},
        {"warmup": 1.0},
        {"epochs": 0},
        {"batch_size": 0},
        {"steps": -1},
        {"steps": 0},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Training(**wrong)


# -------------------------------------------------------------- what is trained


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_every_optimiser_learns_a_linear_rule(optimiser: str) -> None:
    source = Table(120)
    source.labels = source.values[:, :3].argmax(1)
    training = Training(optimiser=optimiser, lr=0.05, epochs=20, batch_size=30)
    fitted = run(Probe(), source, torch.arange(120), training)
    assert values(fitted.history, "train_accuracy")[-1] > 0.9


class Flat(Probe):
    """A convolution, batch-norm and a linear layer that have no gradient at all."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))

    def forward(
        self, views: list[Tensor], labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        return {"loss": 0 * sum(p.sum() for p in self.parameters())}


@pytest.mark.parametrize(("optimiser", "kept"), [("adamw", 0.95), ("sgd", 0.905)])
def test_weight_decay_is_on_weights_and_not_on_biases_or_batch_norm(
    optimiser: str, kept: float
) -> None:
    # lr 0.1 and decay 0.5 take 5 %; Nesterov's first step is 1.9 times as long.
    objective, before = Flat(), {}
    for name, parameter in objective.named_parameters():
        nn.init.constant_(parameter, 0.5)
        before[name] = parameter.detach().clone()
    training = Training(
        optimiser=optimiser, lr=0.1, weight_decay=0.5, schedule="constant", epochs=1
    )
    run(objective, Table(), torch.arange(40), training)
    decayed = {
        name: bool((parameter.abs() < before[name].abs()).all())
        for name, parameter in objective.named_parameters()
        if not torch.equal(parameter, before[name])
    }
    assert decayed == {"encoder.0.weight": True, "head.weight": True}
    assert objective.head.weight[0, 0].item() == pytest.approx(0.5 * kept)


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


# ----------------------------------------------------------------- reproducible


def learnt(seed: int, global_seed: int = 0) -> tuple[dict[str, Tensor], pd.DataFrame]:
    objective = simclr.SimCLR(_encoder(), simclr.Settings(embedding=8))
    torch.manual_seed(global_seed)
    np.random.seed(global_seed)  # noqa: NPY002 - the global one, which must not matter
    images = _images()
    training = Training(lr=1e-2, epochs=2, batch_size=8)
    fitted = run(
        objective, images, torch.arange(20), training, validation=torch.arange(20, 30),
        seed=seed,
    )  # fmt: skip
    return weights(objective), fitted.history


def _encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(EncoderSettings())


def _images(count: int = 30, size: int = 16) -> ImageSet:
    generator = torch.Generator().manual_seed(1)
    shape = (count, 3, size, size)
    pixels = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    labels = torch.arange(count) % 3
    return ImageSet("made", pixels, labels, np.repeat("train", count), ("a", "b", "c"))


def test_the_seed_decides_everything_and_torchs_global_seed_nothing() -> None:
    one, other, third = learnt(4), learnt(4, global_seed=77), learnt(5)
    assert same_tensors(one[0], other[0])
    pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)
    assert not same_tensors(one[0], third[0])


class Stop(Exception):
    """Something that ends a process, from outside."""


def stopped_at(objective: nn.Module, step: int) -> nn.Module:
    seen: list[float] = []

    def after_step(progress: float) -> None:
        seen.append(progress)
        if len(seen) == step:
            raise Stop

    objective.after_step = after_step
    return objective


def rotnet_objective() -> nn.Module:
    torch.manual_seed(3)
    return rotnet.RotNet(_encoder(), rotnet.Settings(jitter=True))


def classifier() -> nn.Module:
    torch.manual_seed(3)
    return Classifier(_encoder(), nn.Linear(128, 3), Augmentation())


@pytest.mark.parametrize("make", [rotnet_objective, classifier])
@pytest.mark.parametrize(
    "training",
    [
        Training(lr=1e-2, epochs=5, batch_size=8, warmup=0.2),
        Training(lr=1e-2, epochs=5, steps=20, batch_size=8, optimiser="sgd"),
        Training(lr=1e-2, epochs=5, steps=10, batch_size=5, optimiser="adamw"),
    ],
)
def test_an_interrupted_training_ends_as_if_it_had_not_been(
    make: Callable[[], nn.Module],
    training: Training,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    rows, held, images = torch.arange(20), torch.arange(20, 30), _images()
    whole = make()
    wanted = run(whole, images, rows, training, validation=held, seed=6)
    steps = int(wanted.history.step.max())
    checkpoint = tmp_path / "deep" / "checkpoint.pt"
    for place in (steps // 2, 1, steps // 2 - 1):  # stopped again and again
        with pytest.raises(Stop):
            run(
                stopped_at(make(), place), images, rows, training, validation=held,
                seed=6, checkpoint=checkpoint,
            )  # fmt: skip
    assert checkpoint.exists()
    resumed = make()
    with torch.no_grad():  # whatever a new process starts from must not matter
        for parameter in resumed.parameters():
            parameter.add_(1)
    counted: list[float] = []
    resumed.after_step = counted.append
    found = run(
        resumed, images, rows, training, validation=held, seed=6, checkpoint=checkpoint
    )
    assert 0 < len(counted) < steps, "it went on, it did not begin again"
    assert same_tensors(weights(resumed), weights(whole))
    assert found.selected_epoch == wanted.selected_epoch
    assert same_tensors(found.selected, wanted.selected)
    pd.testing.assert_frame_equal(found.history, wanted.history, check_exact=True)
    assert list(checkpoint.parent.iterdir()) == [checkpoint], "no partial file is left"


def test_a_save_cut_short_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    checkpoint, rows = tmp_path / "checkpoint.pt", torch.arange(40)
    training = Training(lr=0.1, epochs=4, batch_size=20)
    whole = Probe()
    wanted = run(whole, Table(), rows, training)
    with pytest.raises(Stop):
        run(stopped_at(Probe(), 3), Table(), rows, training, checkpoint=checkpoint)

    def torn(_state: object, path: Path) -> None:
        path.write_bytes(b"half a check")
        raise Stop

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", torn)
        with pytest.raises(Stop):
            run(Probe(), Table(), rows, training, checkpoint=checkpoint)
    resumed = Probe()
    found = run(resumed, Table(), rows, training, checkpoint=checkpoint)
    assert same_tensors(weights(resumed), weights(whole))
    pd.testing.assert_frame_equal(found.history, wanted.history, check_exact=True)


# ---------------------------------------------------------------------- losses


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


# ------------------------------------------------------- selection and history


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
    assert fitted.selected_epoch == epoch
    assert same_tensors(fitted.selected, kept[2 * epoch - 1])
    assert same_tensors(weights(objective), kept[-1]), "it holds the last weights"
    assert values(fitted.history, "val_loss") == script


def test_selected_weights_give_the_lowest_validation_loss_again() -> None:
    source, held = Table(40), torch.arange(10, 40)  # random labels: soon overfitted
    objective = Probe()
    training = Training(lr=0.5, epochs=12, batch_size=4, schedule="constant")
    fitted = run(objective, source, torch.arange(10), training, validation=held)
    losses = values(fitted.history, "val_loss")
    assert fitted.selected_epoch == int(np.argmin(losses)) + 1
    assert fitted.selected_epoch < 12
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
    assert fitted.selected_epoch == 3
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
