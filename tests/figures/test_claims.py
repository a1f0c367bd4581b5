"""Figures of what may be claimed show what their tables hold, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from drawn import colour_of, dots, lines, texts, ticks
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from sslkit.figures import claims, plots
from sslkit.study import luck

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]

SAME = {"data": "shapes", "profile": "quick", "fraction": 0.05}


def rows(
    method: str, accuracies: list[float], *, protocol: str = "finetune"
) -> list[dict[str, object]]:
    """A run a draw, with a seed of the same number."""
    arm = SAME | {"method": method, "protocol": protocol}
    return [
        arm | {"draw": draw, "seed": draw, "accuracy": accuracy}
        for draw, accuracy in enumerate(accuracies)
    ]


@pytest.fixture
def frame() -> pd.DataFrame:
    """Four draws; SimCLR has the best mean and is best in two of them."""
    return pd.DataFrame(
        rows("simclr", [0.80, 0.82, 0.70, 0.76])
        + rows("rotnet", [0.70, 0.72, 0.74, 0.60])
        + rows("supervised", [0.60, 0.62, 0.64, 0.78])
        + rows("supervised-plain", [0.3, 0.3, 0.3, 0.3])
        + rows("simclr", [0.5, 0.5, 0.5, 0.5], protocol="linear")
        + rows("random", [0.4, 0.4, 0.4, 0.4], protocol="linear")
    )


@pytest.fixture
def seeds() -> pd.DataFrame:
    """Two draws with two seeds each, and a third with one."""
    values = {(0, 0): 0.50, (0, 10): 0.54, (1, 1): 0.60, (1, 11): 0.64, (2, 2): 0.99}
    return pd.DataFrame(
        SAME
        | {"method": method, "protocol": protocol, "accuracy": value + better}
        | {"draw": draw, "seed": seed}
        for method, protocol, better in (
            ("simclr", "finetune", 0.1),
            ("supervised", "finetune", 0.0),
            ("simclr", "knn", 0.2),
        )
        for (draw, seed), value in values.items()
    )


# ------------------------------------------------------------- draws and seeds


def test_seeds_of_a_draw_stand_above_each_other_around_their_mean(seeds):
    figure = claims.seeds_by_draw(seeds)
    supervised, simclr = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["supervised", "SimCLR"]
    places = sorted(dots(simclr, "simclr"))
    assert [x for x, _ in places] == [0, 0, 1, 1]
    assert [y for _, y in places] == pytest.approx([60, 64, 70, 74])
    (bars,) = (c for c in simclr.collections if isinstance(c, LineCollection))
    found = {(round(s[:, 0].mean(), 6), *s[:, 1].round(6)) for s in bars.get_segments()}
    assert found == {(0, 62, 62), (1, 72, 72)}
    dotted = next(x for x in supervised.get_lines() if x.get_linestyle() == ":")
    assert list(dotted.get_ydata()) == pytest.approx([57, 57])
    assert [t.get_text() for t in simclr.get_xticklabels()] == ["0", "1"]


def test_seeds_by_draw_keeps_to_its_protocol_and_needs_two_seeds(seeds, frame):
    (axes,) = claims.seeds_by_draw(seeds, protocol="knn").axes
    assert sorted(y for _, y in dots(axes, "simclr"))[-1] == pytest.approx(84)
    assert "two seeds by 'finetune'" in texts(claims.seeds_by_draw(frame))


def test_spreads_are_those_of_the_hand_filled_for_draws_and_open_for_seeds(seeds):
    figure = claims.spreads(seeds)
    (axes,) = figure.axes
    assert ticks(axes) == [
        "supervised, fine-tuned",
        "SimCLR, fine-tuned",
        "SimCLR, kNN",
    ]
    for label, value, face in (
        ("seeds", 100 * math.sqrt(0.0008), "#ffffff"),
        ("draws", 100 * math.sqrt(0.005 - 0.0004), colour_of("simclr")),
    ):
        tuned, knn = lines(axes, "simclr", label)
        assert tuned.get_xdata() == pytest.approx([value])
        assert (list(tuned.get_ydata()), list(knn.get_ydata())) == ([1], [2])
        assert to_hex(tuned.get_markerfacecolor()) == face
    assert axes.yaxis_inverted()


def test_spreads_take_one_share_and_several_seeds(seeds, frame):
    assert "two draws with two seeds" in texts(claims.spreads(frame))
    with pytest.raises(ValueError, match="one share"):
        claims.spreads(pd.concat([seeds, seeds.assign(fraction=0.25)]))


# ---------------------------------------------------------------- one run each


def test_one_run_each_shows_clouds_means_and_crosses(frame):
    study = pd.DataFrame(
        [
            (0.05, "rotnet", "finetune", 0.9),
            (0.05, "supervised", "finetune", 0.55),
            (0.05, "simclr", "linear", 0.1),
            (0.25, "rotnet", "finetune", 0.2),
        ],
        columns=["fraction", "method", "protocol", "mean"],
    )
    figure = claims.one_run_each(frame, study=study)
    clouds, _ = figure.axes
    names = ["SimCLR", "RotNet", "supervised", "supervised, plain views"]
    assert ticks(clouds) == names
    assert clouds.yaxis_inverted(), "the best mean is on top"
    found = [(x, y) for x, y in dots(clouds, "rotnet") if x != 90]
    assert [x for x, _ in found] == pytest.approx([70, 72, 74, 60])
    assert all(0.5 < y < 1.5 for _, y in found)
    (mean,) = lines(clouds, "rotnet")
    assert list(mean.get_xdata()) == pytest.approx([69, 69])
    crosses = clouds.collections[-1].get_offsets().tolist()
    assert sorted(crosses) == [pytest.approx([55, 2]), pytest.approx([90, 1])]
    assert "crosses: the study" in texts(figure)
    assert "crosses" not in texts(claims.one_run_each(frame))


def test_crosses_of_frozen_encoders_stand_beside_those_of_supervised_training(frame):
    study = pd.DataFrame(
        [
            (0.05, "supervised", "finetune", 0.55),
            (0.05, "simclr", "linear", 0.1),
            (0.05, "rotnet", "linear", 0.2),  # has no cloud here
        ],
        columns=["fraction", "method", "protocol", "mean"],
    )
    clouds, _ = claims.one_run_each(frame, protocol="linear", study=study).axes
    crosses = clouds.collections[-1].get_offsets().tolist()
    assert sorted(crosses) == [pytest.approx([10, 1]), pytest.approx([55, 0])]


def test_the_orders_stand_beside_that_of_the_means_with_their_counts(frame):
    _, below = claims.one_run_each(frame).axes
    names = [tick.get_text() for tick in below.get_xticklabels()]
    assert names == ["means", "2×", "1×", "1×"]
    weights = [tick.get_fontweight() for tick in below.get_xticklabels()]
    assert weights == ["bold", "bold", "normal", "normal"]
    marks = {
        method: list(
            next(
                x for x in lines(below, method) if x.get_linestyle() == "None"
            ).get_ydata()
        )
        for method in ("simclr", "rotnet", "supervised", "supervised-plain")
    }
    assert marks == {
        "simclr": [1, 1, 2, 2],
        "rotnet": [2, 2, 1, 3],
        "supervised": [3, 3, 3, 1],
        "supervised-plain": [4, 4, 4, 4],
    }
    assert below.yaxis_inverted(), "the best is on top"


def test_one_run_each_needs_two_methods(frame):
    none = claims.one_run_each(frame, fraction=0.25)
    assert "two methods at 0.25 by 'finetune'" in texts(none)
    assert "two methods" in texts(
        claims.one_run_each(frame[frame["method"] == "simclr"])
    )


# ----------------------------------------------------------------- wrong order


def chances() -> pd.DataFrame:
    """As of ``luck.chances``."""
    arms = {
        ("rotnet", "finetune"): [0.01, 0.03, -0.01, 0.05],  # one of four contradicts
        ("simclr", "linear"): [-0.02, -0.04, -0.06],
        ("simclr", "finetune"): [0.02, -0.02],  # too few
    }
    rows = [
        SAME
        | {"test": "given", "variant": "base", "method": method, "protocol": protocol}
        | {"draw": draw, "seed": draw, "accuracy": 0.5 + value, "accuracy_base": 0.5}
        | {"difference": value}
        for (method, protocol), values in arms.items()
        for draw, value in enumerate(values)
    ]
    return luck.chances(pd.DataFrame(rows))


def test_wrong_orders_stand_beside_the_normal_curve():
    figure = claims.wrong_orders(chances())
    (axes,) = figure.axes
    (rotnet,) = lines(axes, "rotnet")
    size = 0.02 / np.std([0.01, 0.03, -0.01, 0.05], ddof=1)
    assert (*rotnet.get_xdata(), *rotnet.get_ydata()) == pytest.approx((size, 25))
    (simclr,) = lines(axes, "simclr")
    assert (*simclr.get_xdata(), *simclr.get_ydata()) == pytest.approx((2, 0))
    assert to_hex(simclr.get_markerfacecolor()) == "#ffffff", "frozen"
    curve = next(x for x in axes.get_lines() if x.get_label() == "normal formula")
    at = dict(zip(curve.get_xdata(), curve.get_ydata(), strict=True))
    assert at[0] == 50
    one = np.interp(1.0, list(at), list(at.values()))
    assert one == pytest.approx(15.87, abs=0.05)


def test_wrong_orders_need_three_pairs():
    assert "three pairs" in texts(claims.wrong_orders(chances().tail(1)))


# ---------------------------------------------------------------------- tables


def test_chances_are_written_in_points_and_per_cent() -> None:
    table = claims.chance_table(chances())
    found = table.loc["shapes, RotNet, fine-tuned"]
    deviation = 100 * np.std([0.01, 0.03, -0.01, 0.05], ddof=1)
    wrong = f"{NormalDist(2, deviation).cdf(0):.0%}"
    assert found.tolist() == ["+2.0", "2.6", "2.6", wrong, wrong, "1 of 4"]
    assert table.loc["shapes, SimCLR, linear probe", "points"] == "\N{MINUS SIGN}4.0"


def test_the_price_of_two_points_is_a_whole_number_of_runs() -> None:
    table = claims.price_table(chances())
    found = table.loc["shapes, SimCLR, linear probe"]
    assert found["s (points)"] == found["s, paired"] == "2.0"
    assert found["runs"] == found["pairs"] == 7  # 2.45 x 2 / √7 = 1.85


def test_both_kinds_of_intervals_are_half_widths_in_points() -> None:
    kinds = {"data": "shapes", "images": 300, "bootstrap": 0.051}
    kinds |= {"formula": 0.0499, "single": 0.1}
    table = claims.interval_table(pd.DataFrame([kinds]))
    assert table["shapes"].tolist() == ["300", "5.1", "5.0", "10.0"]


# ------------------------------------------------------------------------- all


def each_figure(
    frame: pd.DataFrame, seeds: pd.DataFrame
) -> Iterator[tuple[str, Figure]]:
    yield "seeds_by_draw", claims.seeds_by_draw(seeds)
    yield "spreads", claims.spreads(seeds)
    yield "one_run_each", claims.one_run_each(frame)
    yield "wrong_orders", claims.wrong_orders(chances())


def test_every_figure_names_its_source_and_fits_a_page(frame, seeds):
    for name, figure in each_figure(frame, seeds):
        assert "shapes, profile quick" in texts(figure), name
        width, height = figure.get_size_inches()
        assert width <= plots.WIDTH, name
        assert height <= 4.3, name


def test_no_figure_mixes_sources(frame, seeds):
    for make, table in (
        (claims.seeds_by_draw, seeds),
        (claims.spreads, seeds),
        (claims.one_run_each, frame),
        (claims.wrong_orders, chances()),
    ):
        mixed = table.reset_index(drop=True)
        mixed.loc[0, "profile"] = "study"
        with pytest.raises(ValueError, match="one data set and profile"):
            make(mixed)
