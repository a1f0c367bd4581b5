"""The ladder, and images or steps, by what they draw."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from drawn import bars, labelled, of, points, texts, ticks
from matplotlib.colors import to_rgb

from sslkit.figures import ladder, plots
from sslkit.figures.plots import MINUS
from sslkit.study.ladder import RUNGS

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]

HEIGHTS = {"cifar10": (40.0, 50.0, 48.0, 60.0), "blood8": (80.0, 80.0, 81.0, 84.0)}


@pytest.fixture
def rungs() -> pd.DataFrame:
    rows = [
        (data, *rung, mean, mean - 2, mean + 2)
        for data, means in HEIGHTS.items()
        for rung, mean in zip(RUNGS, means, strict=True)
    ]
    names = ["data", "rung", "method", "variant", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=names).assign(profile="few-labels", fraction=0.05)


@pytest.fixture
def steps() -> pd.DataFrame:
    rows = [
        (data, RUNGS[i + 1].name, RUNGS[i].name, means[i + 1] - means[i])
        for data, means in HEIGHTS.items()
        for i in range(3)
    ]
    table = pd.DataFrame(rows, columns=["data", "rung", "over", "mean"])
    big = table["mean"].abs() > 2
    return table.assign(verdict=["higher" if x else "open" for x in big])


def test_a_panel_a_set_has_its_rungs_from_below_with_their_intervals(rungs):
    figure = ladder.ladder(rungs)
    first, second = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["cifar10", "blood8"]
    assert [name.replace("\n", " ") for name in ticks(first)] == [r.name for r in RUNGS]
    assert points(first, *of("supervised")) == {(40, 0), (50, 1)}
    assert points(first, *of("simclr")) == {(48, 2), (60, 3)}
    assert points(second, *of("simclr")) == {(81, 2), (84, 3)}
    assert (38, 0, 42, 0) in bars(first)
    low, high = first.get_ylim()
    assert low < 0 < 3 < high


def test_panels_span_equally_many_points_and_hold_all_intervals(rungs):
    figure = ladder.ladder(rungs)
    spans = []
    for axes, (low, high) in zip(figure.axes, ((38, 62), (78, 86)), strict=True):
        left, right = axes.get_xlim()
        assert left < low < high < right
        spans.append(right - left)
    assert spans[0] == pytest.approx(spans[1])


def test_stairs_go_from_each_rung_to_the_next(rungs):
    axes = ladder.ladder(rungs).axes[0]
    stairs = [
        line.get_xydata().tolist()
        for line in axes.get_lines()
        if line.get_label() == "stair"
    ]
    assert stairs == [
        [[40, 0], [40, 1], [50, 1]],
        [[50, 1], [50, 2], [48, 2]],
        [[48, 2], [48, 3], [60, 3]],
    ]
    assert "stair" in labelled(axes)


def test_the_size_of_a_step_stands_beside_it_grey_where_it_is_open(rungs, steps):
    figure = ladder.ladder(rungs, steps)
    first, second = ({t.get_text(): t for t in a.texts} for a in figure.axes)
    assert list(first) == ["+10.0", f"{MINUS}2.0", "+12.0"]
    assert list(second) == ["0.0", "+1.0", "+3.0"]
    assert first["+10.0"].get_weight() == "bold"
    assert first[f"{MINUS}2.0"].get_color() == plots.GREY
    assert first["+12.0"].xy == (48, 2.5)
    assert "Holm, 6 contrasts" in texts(figure)
    assert "Holm" not in texts(ladder.ladder(rungs))


def test_single_runs_without_an_interval_have_a_rung(rungs):
    axes = ladder.ladder(rungs.assign(low=math.nan, high=math.nan)).axes[0]
    assert points(axes, *of("simclr")) == {(48, 2), (60, 3)}


def test_a_sign_is_a_true_minus_and_zero_has_none():
    said = [plots.signed(x) for x in (1.26, -3.0, 0.04, -0.04, 0)]
    assert said == ["+1.3", f"{MINUS}3.0", "0.0", "0.0", "0.0"]


def test_a_ladder_names_its_source_mixes_none_and_fits_a_page(rungs, steps):
    figure = ladder.ladder(rungs, steps)
    assert "5 % of the labels" in texts(figure)
    assert "profile few-labels" in texts(figure)
    assert figure.get_size_inches()[0] <= plots.WIDTH
    for column, value in (("profile", "study"), ("fraction", 0.5)):
        mixed = rungs.assign(**{column: [value, *rungs[column][1:]]})
        with pytest.raises(ValueError, match="one profile and share"):
            ladder.ladder(mixed)


# ------------------------------------------------------------------------- surface


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        (images, steps, 40.0 + i + 5 * j, 3 if i != 1 != j else 1)
        for i, images in enumerate((2500, 10_000, 50_000))
        for j, steps in enumerate((500, 2000, 6000))
    ]
    found = pd.DataFrame(rows, columns=["images", "steps", "mean", "seeds"])
    same = {"data": "cifar10", "profile": "few-labels", "fraction": 0.01}
    same |= {"method": "simclr", "protocol": "linear"}
    return found.assign(low=found["mean"] - 1.5, high=found["mean"] + 1.5, **same)


def test_a_cell_has_its_mean_and_where_there_are_several_encoders_its_interval(table):
    axes = ladder.surface(table.sample(frac=1, random_state=0)).axes[0]
    said = {tuple(map(int, t.get_position())): t.get_text() for t in axes.texts}
    assert len(said) == 9
    assert said[0, 0] == "40.0\n± 1.5"
    assert said[2, 0] == "50.0\n± 1.5", "steps to the right"
    assert said[0, 2] == "42.0\n± 1.5", "images upwards"
    assert said[1, 1] == "46.0"
    assert [t.get_text() for t in axes.get_xticklabels()] == ["500", "2,000", "6,000"]
    assert ticks(axes) == ["2,500", "10,000", "50,000"]
    assert axes.get_ylim()[0] < axes.get_ylim()[1]


def test_numbers_stand_out_from_their_cells(table):
    def luminance(colour: object) -> float:
        parts = [
            x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4
            for x in to_rgb(colour)
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    axes = ladder.surface(table).axes[0]
    (cells,) = axes.collections
    for text in axes.texts:
        column, row = map(int, text.get_position())
        cell = luminance(cells.cmap(cells.norm(cells.get_array()[row, column])))
        shades = sorted([cell, luminance(text.get_color())])
        assert (shades[1] + 0.05) / (shades[0] + 0.05) > 4.2


def test_shares_stand_side_by_side_on_one_scale(table):
    more = table.assign(fraction=0.05, mean=table["mean"] + 10)
    figure = ladder.surface(pd.concat([more, table], ignore_index=True))
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["1 % of the labels", "5 % of the labels"]
    first, second = (axes.collections[0].get_clim() for axes in figure.axes)
    assert first == second
    assert first[0] == 40


def test_a_surface_may_lack_a_place_and_names_its_source(table):
    figure = ladder.surface(table.iloc[1:])
    assert len(figure.axes[0].texts) == 8
    assert "cifar10, profile few-labels" in texts(figure)
    assert "SimCLR, linear probe" in texts(figure)
    assert figure.get_size_inches()[0] <= plots.WIDTH
    mixed = table.assign(data=["blood8", *table["data"][1:]])
    with pytest.raises(ValueError, match="one data set and profile"):
        ladder.surface(mixed)
    with pytest.raises(ValueError, match="no accuracies"):
        ladder.surface(table.iloc[:0])


def test_a_cell_may_be_framed_in_every_panel_that_has_it(table):
    more = table[table["steps"] > 500].assign(fraction=0.05)
    both = pd.concat([table, more], ignore_index=True)
    figure = ladder.surface(both, at=(10_000, 2000))
    corners = [
        [patch.get_xy() for patch in axes.patches if patch.get_label() == "frame"]
        for axes in figure.axes
    ]
    assert corners == [[(0.5, 0.5)], [(-0.5, 0.5)]]
    first, second = ladder.surface(both, at=(2500, 500)).axes
    assert (len(first.patches), len(second.patches)) == (1, 0)
    assert all(len(axes.patches) == 0 for axes in ladder.surface(both).axes)
