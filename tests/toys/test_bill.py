"""Price a label, read the bill: multiplied in node, and the page in Chromium."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from IPython.display import HTML
from made_labels import BUDGETS, scored, together, with_surface
from toys.node import in_node
from toys.static_page import opened

from sslkit.figures import pricing
from sslkit.study import exchange

ROW = {
    "labels": 100,
    "hours": 0.25,
    "worth": 1500.0,
    "low": 1200.0,
    "high": 1800.0,
    "start": 10,
    "end": 10_000,
    "said": "as good as ever",
    "place": "50,000 images for 6,000 steps",
    "images": 1,
    "steps": 0,
}
OTHER = ROW | {"images": 0, "place": "2,500 images for 500 steps", "worth": 90.0}


def reckoned(price: float, hour: float, **changes: Any) -> dict[str, Any]:
    given = [ROW | changes, price, hour]
    return in_node("bill.js", "sslkit.bill.reckon(...given)", given)


def test_a_bill_is_added_up_by_hand() -> None:
    found = reckoned(2.0, 4.0)
    assert (found["labels"], found["computing"], found["paid"]) == (200, 1, 201)
    assert found["alone"] == [3000, 2400, 3600]
    assert found["verdict"] == "higher"


@pytest.mark.parametrize(
    ("price", "hour", "changes", "verdict"),
    [
        (1, 4399, {}, "higher"),  # 1,200 labels less 100 pay 1,100 for a quarter hour
        (1, 4401, {}, "open"),
        (1, 6799, {}, "open"),
        (1, 6801, {}, "lower"),
        (0, 1, {}, "lower"),  # labels that cost nothing
        (0, 0, {}, "open"),
        (0, 1, dict.fromkeys(["worth", "low", "high"], "Infinity"), "lower"),
        (1, 1, {"worth": "Infinity", "low": 5000, "high": "Infinity"}, "higher"),
        (1, 1, {"low": "-Infinity"}, "open"),
        (1, 1, {"worth": 50, "low": "-Infinity", "high": 60}, "lower"),
        # Better than all labels alone, with all labels: by how much is not known.
        (1, 1, dict.fromkeys(["worth", "low", "high"], "Infinity"), "higher"),
        (
            *(1, 1),
            dict.fromkeys(["worth", "low", "high"], "Infinity") | {"labels": 10_000},
            "open",
        ),
        (1, 1, dict.fromkeys(["worth", "low", "high"], "-Infinity"), "lower"),
        (1, 1, {"low": "NaN", "high": "NaN"}, "open"),
    ],
)
def test_the_verdict_is_the_side_of_zero_on_which_all_of_the_interval_lies(
    price: float, hour: float, changes: dict[str, Any], verdict: str
) -> None:
    assert reckoned(price, hour, **changes)["verdict"] == verdict


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "3,000 (95\N{NO-BREAK SPACE}%: 2,400 to 3,600)"),
        ({"high": "Infinity"}, "3,000 (95\N{NO-BREAK SPACE}%: 2,400 to beyond 20,000)"),
        ({"low": "-Infinity"}, "3,000 (95\N{NO-BREAK SPACE}%: below 20 to 3,600)"),
        ({"low": "NaN", "high": "NaN"}, "3,000"),
        (dict.fromkeys(["worth", "low", "high"], "Infinity"), "more than 20,000"),
        (dict.fromkeys(["worth", "low", "high"], "-Infinity"), "less than 20"),
    ],
)
def test_amounts_are_spelt_with_their_interval_and_ends(
    changes: dict[str, Any], text: str
) -> None:
    code = "sslkit.bill.spell(sslkit.bill.reckon(...given))"
    assert in_node("bill.js", code, [ROW | changes, 2, 4]) == text


def test_what_was_paid_is_taken_off_with_a_true_minus() -> None:
    code = "sslkit.bill.spell(sslkit.bill.reckon(...given), 3201)"
    said = in_node("bill.js", code, [ROW, 2, 4])
    assert said == "−200 (95\N{NO-BREAK SPACE}%: −800 to 400)"


def written(**given: float) -> dict[str, Any]:
    data = {
        "name": "SimCLR, linear probe",
        "rows": [ROW, OTHER],
        "nearest": [[[1, 1], [0, 0]]],
        "sliders": {},
    }
    return in_node("bill.js", "sslkit.bill.write(...given)", [data, given])


def test_the_sentence_names_what_is_recorded_nearest_to_what_was_asked() -> None:
    here = written(images=1, steps=0, price=2, hour=4)
    assert here["said"] == (
        "SimCLR, linear probe, pretrained on 50,000 images for 6,000 steps, with 100 "
        "labels is as good as ever. Pretraining pays; saved: 2,800 "
        "(95\N{NO-BREAK SPACE}%: 2,200 to 3,400)."
    )
    assert here["lines"] == {
        "labels": ["100 labels", "200"],
        "computing": ["15 minutes of computing", "1"],
        "paid": ["together", "201"],
        "alone": [
            "labels alone, as good",
            "3,000 (95\N{NO-BREAK SPACE}%: 2,400 to 3,600)",
        ],
        "saved": [
            "saved by pretraining",
            "2,800 (95\N{NO-BREAK SPACE}%: 2,200 to 3,400)",
        ],
    }
    away = written(images=0, steps=1, price=2, hour=4)
    assert "on 2,500 images for 500 steps (the nearest recorded), with" in away["said"]


# ------------------------------------------------------------------------ the page


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> HTML:
    monkeypatch.setattr(exchange, "RESAMPLES", 20)
    alone = {n: 0.2 + 0.15 * math.log10(n) for n in BUDGETS}
    curves = together(
        scored("supervised", alone, protocol="finetune", seeds=0),
        scored("simclr", {100: 0.2 + 0.15 * 3, 500: 0.68, 1000: 0.68}),
    )
    return pricing.price_labels(with_surface(curves))


def test_a_finger_a_mouse_and_a_key_change_the_bill(toy: HTML, tmp_path: Path) -> None:
    with opened(toy, tmp_path, "bill.css", "bill.js") as page:
        said = page.get_by_role("status")
        assert "on 50,000 images for 6,000 steps, with 100 labels is as good as " in (
            said.inner_text()
        )
        assert page.locator("[data-line=alone]").inner_text() == "1,000"
        assert page.locator("[data-line=paid]").inner_text() == "100.27"
        price = page.get_by_label("price of a label")
        price.tap()
        price.fill("0.5")
        assert page.locator("[data-line=alone]").inner_text() == "500"
        steps = page.get_by_label("steps")
        assert steps.get_attribute("aria-valuetext") == "6,000"
        steps.focus()
        page.keyboard.press("ArrowLeft")
        assert steps.get_attribute("aria-valuetext") == "2,000"
        assert "for 2,000 steps, with 100 labels" in said.inner_text()
        labels = page.get_by_label("labels", exact=False).first
        box = labels.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
        assert "(the nearest recorded), with 1,000 labels" in said.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
