"""Where an arm's worth is recorded, on made-up scores."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from made_labels import BUDGETS, scored, together, with_surface

from sslkit.study import exchange, gains, label_efficiency, places

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "RESAMPLES", 50)


def curves() -> pd.DataFrame:
    alone = {n: 0.2 + 0.15 * math.log10(n) for n in BUDGETS}
    return together(
        scored("supervised", alone, protocol="finetune", seeds=0),
        scored("simclr", {100: 0.6, 500: 0.65, 1000: 0.65}),
    )


def test_a_variant_of_the_surface_names_its_place() -> None:
    assert gains.place_of("2500 images, 500 steps") == (2500, 500)
    assert gains.place_of("base") is None
    assert gains.place_of("budget, 500 steps") is None


def test_without_a_surface_there_is_a_bill_a_budget_and_no_place() -> None:
    rows = places.bills(curves())
    plain = label_efficiency.bill(curves(), "simclr")
    pd.testing.assert_frame_equal(rows[[*plain]], plain)
    assert rows[["images", "steps"]].isna().all(axis=None)


def test_places_have_their_bills_and_the_base_is_the_farthest() -> None:
    rows = places.bills(with_surface(curves()))
    at = rows.set_index(["labels", "images", "steps"])
    assert at.loc[1000, ["variant"]].values.tolist() == [["base"]]
    assert at.loc[(100, 50_000, 6000), "variant"] == "base", "once, not twice"
    assert len(at.loc[100]) == len(at.loc[500]) == 9
    (alone,) = label_efficiency.bill(
        with_surface(curves()),
        "simclr",
        variants=["2500 images, 500 steps"],
        labels=[500],
    )["worth"]
    assert at.loc[(500, 2500, 500), "worth"] == alone
    assert at.loc[(500, 2500, 500), "worth"] < at.loc[(500, 50_000, 500), "worth"]


def test_the_nearest_place_is_told_by_logarithms() -> None:
    rows = pd.DataFrame({"images": [100, 1000, 1000], "steps": [10, 10, 1000]})
    asked = {(100, 10): 0, (150, 9): 0, (900, 50): 1, (900, 200): 2, (1, 1): 0}
    found = {
        (images, steps): places.nearest(rows, images=images, steps=steps)
        for images, steps in asked
    }
    assert found == asked
    none = pd.DataFrame({"images": [math.nan], "steps": [math.nan]}, index=[7])
    assert places.nearest(none, images=math.nan, steps=math.nan) == 7


def test_a_curve_is_recorded_with_two_budgets_of_the_arm_and_of_supervised() -> None:
    frame = curves()
    assert places.recorded(frame)
    assert not places.recorded(frame, "rotnet")
    assert not places.recorded(frame, "simclr", "finetune")
    assert not places.recorded(frame[frame["labels"] == 100])
    assert not places.recorded(frame[frame["method"] == "simclr"])
    assert not places.recorded(frame.assign(variant="budget, 90 steps"))
    assert not places.recorded(pd.DataFrame())
