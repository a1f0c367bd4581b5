"""The ladder, on made-up scores."""

from __future__ import annotations

import pandas as pd
import pytest
from made_labels import scored, together
from scipy import stats

from sslkit.study import contrasts
from sslkit.study.gains import gain
from sslkit.study.ladder import RUNGS, ladder, rungs

pytestmark = pytest.mark.filterwarnings("error")


def steps(heights: tuple[float, ...], data: str) -> pd.DataFrame:
    """A set with these accuracies on the rungs."""
    spread = (0.02, 0.004, 0.006)
    alone, longer, own, every = ({500: height} for height in heights)
    shared: dict = {"protocol": "finetune", "spread": spread, "data": data}
    return together(
        scored("supervised", alone, seeds=0, **shared),
        scored("supervised", longer, seeds=0, variant="as many updates", **shared),
        scored("simclr", own, nested=True, variant="labelled images", **shared),
        scored("simclr", every, **shared),
    )


@pytest.fixture
def frames() -> dict[str, pd.DataFrame]:
    heights = {"cifar10": (0.4, 0.45, 0.46, 0.6), "blood8": (0.8, 0.8, 0.8, 0.85)}
    return {data: steps(tops, data) for data, tops in heights.items()}


def test_rungs_stand_at_the_mean_of_their_arm(frames):
    table = rungs(frames)
    assert table["rung"].tolist() == [rung.name for rung in RUNGS] * 2
    assert table["data"].tolist() == ["cifar10"] * 4 + ["blood8"] * 4
    expected = [40, 45, 46, 60, 80, 80, 80, 85]
    assert table["mean"].tolist() == pytest.approx(expected, abs=3)
    assert table["seeds"].tolist() == [0, 0, 0, 3] * 2
    assert (table["low"] < table["mean"]).all()


def test_a_step_is_a_rung_less_the_one_below_paired_by_draw(frames):
    table = ladder(frames)
    assert len(table) == 6
    frame = frames["cifar10"]
    values = {
        variant: own.sort_values("draw")["accuracy"].to_numpy() * 100
        for variant, own in frame[frame["method"] == "supervised"].groupby("variant")
    }
    test = stats.ttest_rel(values["as many updates"], values["base"])
    first = table.iloc[0]
    assert (first["rung"], first["over"]) == ("as many updates", "labels alone")
    ends = first["low"], first["high"]
    assert ends == pytest.approx(tuple(test.confidence_interval()))
    assert first["p"] == pytest.approx(test.pvalue)
    last = gain(
        frame,
        "simclr",
        labels=500,
        protocol="finetune",
        against="simclr",
        against_variant="labelled images",
    )
    row = table.iloc[2]
    assert (row["mean"], row["low"], row["p"]) == pytest.approx(
        (last.mean, last.low, last.p)
    )


def test_all_steps_of_all_sets_are_one_family(frames):
    table = ladder(frames)
    expected = contrasts.holm(table["p"].to_numpy())
    assert table["holm"].tolist() == pytest.approx(expected)
    alone = ladder({"cifar10": frames["cifar10"]})
    assert (alone["holm"] <= table["holm"][:3]).all()
    assert (alone["holm"] < table["holm"][:3]).any()


def test_the_verdict_is_open_where_the_corrected_p_value_is(frames):
    table = ladder(frames)
    counts = table["holm"] < 0.05
    assert (table.loc[~counts, "verdict"] == "open").all()
    assert set(table.loc[counts, "verdict"]) == {"higher"}
    assert table["verdict"][2] == "higher"
    assert set(ladder(frames, level=1e-12)["verdict"]) == {"open"}


def test_a_ladder_without_a_rung_says_which(frames):
    frame = frames["cifar10"]
    less = frame[frame["variant"] != "labelled images"]
    with pytest.raises(ValueError, match="'labelled images'"):
        ladder({"cifar10": less})
