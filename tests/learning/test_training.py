"""Training: rates over steps, optimisers, what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from learning.made import (
    Probe,
    Table,
    run,
    values,
)
from torch import Tensor, nn

from sslkit.learning.training import Training, learning_rate


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


def test_views_grow_in_turn_each_size_for_as_many_steps() -> None:
    growing = Training(sizes=(16, 24, 32))
    assert [growing.size(step, 6) for step in range(6)] == [16, 16, 24, 24, 32, 32]
    assert [growing.size(step, 4) for step in range(4)] == [16, 16, 24, 32]
    assert Training().size(3, 6) is None
    with pytest.raises(ValueError, match=r"sizes is \(16, 0\)"):
        Training(sizes=(16, 0))
