"""Answers from records: selections, corrections, spread, curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scored import scored, together

import sslkit
from sslkit.judging.scores import Score
from sslkit.runs.records import Run
from sslkit.study import answers, contrasts

pytestmark = pytest.mark.filterwarnings("error")


# -------------------------------------------------- single differences, by figure


def test_over_supervised_takes_supervised_training_of_as_many_steps_for_all_images():
    frame = together(
        scored("simclr", [0.7, 0.8]),
        scored("simclr", [0.1, 0.1], protocol="linear"),
        scored("simclr", [0.8, 0.9], variant="all"),
        scored("simclr", [0.3, 0.3], variant="budget, many steps"),
        scored("supervised", [0.5, 0.5]),
        scored("supervised", [0.6, 0.7], variant="budget, many steps"),
    )
    (budget,) = answers.over_supervised(frame).itertuples()
    (every,) = answers.over_supervised(frame, seen="all").itertuples()
    (frozen,) = answers.over_supervised(frame, protocol="linear").itertuples()
    assert (budget.method, budget.mean) == ("simclr", pytest.approx(0.25))
    assert (every.method, every.mean) == ("simclr", pytest.approx(0.2))
    assert frozen.mean == pytest.approx(-0.4)
    assert (every.side, frozen.side) == ("higher", "lower"), "equal differences"
    for lacking in (frame[frame["variant"] == "base"], pd.DataFrame()):
        none = answers.over_supervised(lacking, seen="all")
        assert none.empty
        assert {"mean", "side"} <= set(none)


# ------------------------------------------------------- corrected, spread, curves


def test_a_contrast_counts_by_its_corrected_p_value_and_not_by_its_interval():
    """Scores 0.1 + small noise: four p-values, some below 5 % only uncorrected."""
    rng = np.random.default_rng(1)
    noise = 0.02 * rng.normal(size=(4, 10))
    frame = together(
        scored("supervised", (0.5 + noise[0]).tolist()),
        scored("simclr", (0.4 + noise[1]).tolist()),
        scored("rotnet", (0.6 + noise[2]).tolist()),
        scored("rotnet-jitter", (0.52 + noise[3]).tolist()),
        scored("simclr", [0.0] * 10, variant="all"),
    )
    rows = answers.named_before(frame)
    base = frame[frame["variant"] == "base"]
    expected = contrasts.contrasts(base)
    assert rows["holm"].tolist() == expected["holm"].tolist()
    by_hand = [
        "open" if holm >= 0.05 else "higher" if mean > 0 else "lower"
        for mean, holm in zip(expected["mean"], expected["holm"], strict=True)
    ]
    assert rows["side"].tolist() == by_hand
    assert {"higher", "lower"} <= set(by_hand)
    strict = answers.named_before(frame, level=rows["p"].min() / 2)
    assert set(strict["side"]) == {"open"}


def test_one_pair_is_no_contrast_that_counts():
    frame = together(scored("simclr", [0.9]), scored("supervised", [0.1]))
    assert answers.named_before(frame)["side"].tolist() == ["open"]


def run(method: str, phases: list[str], *, fraction: float = 0.05) -> Run:
    """A fine-tuned run that kept the curves of some phases."""
    recipe = sslkit.recipe(method, profile="smoke", fraction=fraction)
    score = Score(0.5, 0.7, 0.4, 0.6, [[1, 1], [1, 1]], 3, 0.5, 0.7, 8)
    history = pd.DataFrame({"phase": phases, "epoch": 1})
    return Run(recipe, method, {"finetune": score}, history, {})
