"""The random numbers of a batch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from views.made import FULL, pictures

from sslkit.views import augment
from sslkit.views.random_numbers import RandomNumbers


def numbers(draw: RandomNumbers) -> list[Tensor]:
    order = torch.tensor(draw.order(4)).expand(draw.size, 4)
    return [
        draw.uniform(),
        order,
        draw.chance(0.5),
        draw.integers(9),
        draw.uniform(2, 3),
    ]


def test_two_processes_draw_what_one_draws():
    one = numbers(RandomNumbers(3, 7, size=8))
    halves = [numbers(RandomNumbers(3, 7, size=4, start=s, total=8)) for s in (0, 4)]
    for whole, first, second in zip(one, *halves, strict=True):
        assert torch.equal(whole, torch.cat([first, second]))


def test_a_draw_is_decided_by_its_seed_and_step():
    same, other_step, other_seed, swapped = (
        RandomNumbers(seed, step, size=64).uniform()
        for seed, step in [(3, 7), (3, 8), (4, 7), (7, 3)]
    )
    assert torch.equal(same, RandomNumbers(3, 7, size=64).uniform())
    for other in (other_step, other_seed, swapped):
        assert not torch.isin(same, other).any()


def test_successive_numbers_are_independent_and_in_their_range():
    draw = RandomNumbers(0, 0, size=10_000)
    first, second = draw.uniform(2, 4), draw.uniform(2, 4)
    assert first.dtype == torch.float32
    assert first.min() >= 2
    assert first.max() <= 4
    assert abs(first.mean() - 3) < 0.03  # 5 standard errors
    assert abs(torch.corrcoef(torch.stack([first, second]))[0, 1]) < 0.05
    assert abs(draw.chance(0.3).float().mean() - 0.3) < 0.025
    assert not draw.chance(0).any()
    assert draw.chance(1).all()
    assert draw.integers(4).unique().tolist() == [0, 1, 2, 3]
    assert len({tuple(draw.order(4)) for _ in range(300)}) == 24


@pytest.mark.parametrize(
    "arguments",
    [{"seed": -1}, {"step": -1}, {"start": -1}, {"start": 5}, {"total": 3}],
)
def test_an_impossible_draw_is_refused(arguments):
    with pytest.raises(ValueError, match="out of range"):
        RandomNumbers(**{"seed": 0, "step": 0, "size": 4, "total": 8} | arguments)


def test_torchs_own_random_numbers_are_not_touched():
    before = torch.get_rng_state()
    augment.view(pictures(), FULL, RandomNumbers(0, 0, size=12))
    assert torch.equal(torch.get_rng_state(), before)
