"""What unlabelled images are worth, to play with: what sliders and script are given."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pandas as pd
import pytest
from IPython.display import HTML
from made_labels import BUDGETS, scored, together, with_surface

from sslkit.figures import pricing
from sslkit.study import exchange, places

pytestmark = [
    pytest.mark.filterwarnings("error"),
    pytest.mark.usefixtures("nothing_left_behind"),
]


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "RESAMPLES", 50)


@pytest.fixture
def frame() -> pd.DataFrame:
    """SimCLR with 1,000 labels is better than supervised training with all."""
    alone = {n: 0.2 + 0.15 * math.log10(n) for n in BUDGETS}
    return together(
        scored("supervised", alone, protocol="finetune", seeds=0),
        scored("simclr", {100: 0.6, 500: 0.65, 1000: 0.95}),
    )


def given(toy: HTML) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', toy.data)
    assert found
    return json.loads(found[1])


def panels(stack: Any) -> list[str]:
    return [panel.value for panel in stack.children]


def test_the_arrow_of_the_curve_starts_at_every_budget_of_the_arm(frame):
    controls, stack = pricing.along_labels(frame).children
    assert controls.children[0].max == 2
    captions = [
        re.findall("<figcaption>(.*)</figcaption>", text)[0] for text in panels(stack)
    ]
    heads = [f"SimCLR, linear probe, with {n} labels:" for n in ("100", "500", "1,000")]
    assert [
        text[: len(head)] for text, head in zip(captions, heads, strict=True)
    ] == heads
    assert captions[0].endswith("as good as supervised with 460 (95 %: 460 to 460)")
    assert captions[2].endswith("better than supervised with 10,000")
    assert len({*panels(stack)}) == 3


def test_two_sliders_lead_to_every_place_of_the_surface(frame):
    controls, grid = pricing.images_or_steps(with_surface(frame)).children
    images, steps = controls.children
    assert images.options == ("2,500", "10,000", "50,000")
    assert steps.options == ("500", "2,000", "6,000")
    assert (
        "10,000 images for 6,000 steps: 50.0 % with 1 % of the labels, 58.0 %"
        in (panels(grid.children[1])[2])
    )


def test_a_place_that_is_not_recorded_shows_the_nearest(frame):
    whole = with_surface(frame)
    some = whole[whole["variant"] != "50000 images, 500 steps"]
    _, grid = pricing.images_or_steps(some).children
    shown = panels(grid.children[2])[0]
    assert "The nearest recorded: 50,000 images for 2,000 steps: 49.0 %" in shown


def test_the_bill_has_every_stop_its_row_and_no_number_that_json_lacks(frame):
    data = given(pricing.price_labels(with_surface(frame)))
    assert data["name"] == "SimCLR, linear probe"
    texts = {name: slider["texts"] for name, slider in data["sliders"].items()}
    assert texts == {
        "labels": ["100", "500", "1,000"],
        "images": ["2,500", "10,000", "50,000"],
        "steps": ["500", "2,000", "6,000"],
    }
    at = {name: slider["at"] for name, slider in data["sliders"].items()}
    assert at == {"labels": 0, "images": 2, "steps": 2}, "1 %, and the base"
    expected = places.bills(with_surface(frame)).set_index(
        ["labels", "images", "steps"]
    )
    for i, labels in enumerate((100, 500)):
        for j, images in enumerate((2500, 10_000, 50_000)):
            for k, steps in enumerate((500, 2000, 6000)):
                row = data["rows"][data["nearest"][i][j][k]]
                own = expected.loc[(labels, images, steps)]
                assert (row["labels"], row["images"], row["steps"]) == (labels, j, k)
                assert row["worth"] == pytest.approx(own["worth"], rel=1e-3)
                assert row["hours"] == pytest.approx(own["hours"], abs=1e-4)
    most = {data["nearest"][2][j][k] for j in range(3) for k in range(3)}
    assert len(most) == 1, "with 1,000 labels the base alone"
    (row,) = (data["rows"][i] for i in most)
    assert (row["labels"], row["images"], row["steps"]) == (1000, 2, 2)
    assert (row["worth"], row["low"], row["high"]) == ("Infinity",) * 3
    assert row["said"] == "better than supervised with 10,000"
    assert (row["start"], row["end"]) == (10, 10_000)


def test_without_a_surface_there_is_a_slider_of_labels_alone(frame):
    toy = pricing.price_labels(frame)
    data = given(toy)
    assert list(data["sliders"]) == ["labels"]
    assert data["nearest"] == [[[0]], [[1]], [[2]]]
    assert "place" not in data["rows"][0]
    assert 'name="steps"' not in toy.data
    assert "cifar10, profile few-labels" in toy.data


def test_what_is_not_recorded_is_said_in_place_of_the_toy(frame):
    for nothing in (pd.DataFrame(), frame[frame["method"] == "supervised"]):
        for toy in (pricing.along_labels, pricing.price_labels):
            assert "no curve of labels is recorded" in toy(nothing).data
        assert "no images and steps are" in pricing.images_or_steps(nothing).data
    assert "no images and steps are" in pricing.images_or_steps(frame).data
    single = scored("simclr", {100: 0.6}, draws=1, seeds=1)
    alone = frame[frame["method"] == "supervised"]
    assert "no curve" in pricing.price_labels(together(alone, single)).data
