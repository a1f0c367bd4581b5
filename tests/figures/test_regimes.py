"""The figures of learning-rate regimes, by what they draw."""

from __future__ import annotations

import pandas as pd
import pytest
from drawn import of, points, texts, ticks

from sslkit.figures import plots, regimes

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


@pytest.fixture
def rows() -> pd.DataFrame:
    made = [
        ("linear", "random", "random start", "cosine", 0.3),
        ("finetune", "rotnet", "random start", "cosine", 0.5),
        ("finetune", "rotnet", "random start", "cosine", 0.6),
        ("finetune", "rotnet", "warm start", "constant", 0.4),
    ]
    columns = ["protocol", "method", "start", "regime", "accuracy"]
    same = {"data": "tissue", "profile": "quick", "fraction": 0.05}
    return pd.DataFrame(made, columns=columns).assign(**same)


def test_regimes_stand_below_their_start_fine_tuned_and_frozen_side_by_side(
    rows: pd.DataFrame,
) -> None:
    figure = regimes.by_regime(rows)
    tuned, frozen = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["fine-tuned", "linear probe"]
    assert ticks(tuned) == ["random start", "cosine", "warm start", "constant"]
    assert points(tuned, *of("rotnet")) == {(55, 1), (40, 3)}
    assert points(frozen, *of("random")) == {(30, 1)}
    low, high = tuned.get_xlim()
    assert 10 <= low < high <= 100
    assert "5 % of the labels; tissue, quick" in texts(figure)
    assert figure.get_size_inches()[0] <= plots.WIDTH


def test_a_figure_of_regimes_takes_one_image_set_and_share(rows: pd.DataFrame) -> None:
    for column, value in (("data", "x"), ("profile", "study"), ("fraction", 0.5)):
        mixed = rows.assign(**{column: [value, *rows[column][1:]]})
        with pytest.raises(ValueError, match="one image set and share"):
            regimes.by_regime(mixed)
