"""Publish a study: what is dealt and counted, in node; and the page, in Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.display import HTML
from scored import scored, together
from toys.node import in_node
from toys.static_page import opened

from sslkit.figures import publishing
from sslkit.study import orders, reports


def study(supervised: str, simclr: str, order: str, *, printed: bool) -> dict[str, Any]:
    best = int(float(simclr) > float(supervised))
    values = [supervised, simclr]
    return {"values": values, "best": best, "order": order, "printed": printed}


FEW = [
    study("60.00", "50.00", "a", printed=False),
    study("40.00", "70.00", "b", printed=True),
    study("80.00", "70.00", "a", printed=False),
]
MANY = [study("90.00", "95.00", "b", printed=True)]

PRESSED = """(() => {
  const { publish } = sslkit;
  const state = publish.start(given.data);
  const seen = [];
  for (let i = 0; i < given.presses; i++) {
    publish.press(state, given.data);
    seen.push(state.shares.map(({ study }) => study.values.join()));
  }
  const shares = state.shares.map((one) => ({ ...one, orders: one.orders.size }));
  return { seen, shares, said: publish.said(state, given.data) };
})()"""


def pressed(presses: int, *, many: list[dict[str, Any]] = MANY) -> dict[str, Any]:
    shares = [{"name": "5 %", "studies": FEW}, {"name": "25 %", "studies": many}]
    data = {"arms": ["supervised", "SimCLR"], "shares": shares}
    return in_node("publish.js", PRESSED, {"data": data, "presses": presses})


def test_every_draw_comes_once_before_one_comes_again() -> None:
    found = pressed(9)
    first = [seen[0] for seen in found["seen"]]
    rounds = [sorted(first[i : i + 3]) for i in (0, 3, 6)]
    whole = sorted(",".join(one["values"]) for one in FEW)
    assert rounds == [whole] * 3
    assert {seen[1] for seen in found["seen"]} == {"90.00,95.00"}


def test_wins_orders_and_the_studys_order_are_counted() -> None:
    few, many = pressed(6)["shares"]
    assert (few["won"], few["printed"], few["orders"]) == ([4, 2], 2, 2)
    assert (many["won"], many["printed"], many["orders"]) == ([0, 6], 6, 1)


def test_what_was_pressed_is_said() -> None:
    assert pressed(0)["said"] == "Nothing is published yet."
    assert pressed(3)["said"].endswith(
        "Different orders so far: 2 at 5 %, 1 at 25 %; the study's own came out "
        "once at 5 %, 3 times at 25 %."
    )
    first = pressed(1)
    best = "SimCLR" if first["seen"][0][0] == "40.00,70.00" else "supervised"
    assert first["said"].startswith(
        f"Study 1: the best are {best} at 5 %, SimCLR at 25 %."
    )


def test_all_orders_of_dealing_are_equally_likely() -> None:
    code = """(() => {
      const counts = {};
      for (let i = 0; i < 6000; i++) {
        const pile = [];
        const dealt = [0, 1, 2].map(() => sslkit.publish.deal(pile, 3, Math.random));
        counts[dealt] = (counts[dealt] ?? 0) + 1;
      }
      return counts;
    })()"""
    counts = in_node("publish.js", code)
    assert len(counts) == 6
    assert all(800 < count < 1200 for count in counts.values())


# ------------------------------------------------------------------------ the page


FILES = "publish.css", "publish.js"


@pytest.fixture
def toy() -> HTML:
    frame = together(
        scored("supervised", [0.8, 0.7, 0.6]),
        scored("rotnet", [0.5, 0.75, 0.5]),
        scored("rotnet-jitter", [0.4, 0.4, 0.9]),
        scored("simclr", [0.3, 0.3, 0.2], protocol="linear"),
    )
    return publishing.publish(orders.studies(frame, reports.printed()))


def test_a_finger_a_mouse_and_a_key_publish(toy: HTML, tmp_path: Path) -> None:
    with opened(toy, tmp_path, *FILES) as page:
        one, ten, again = page.locator("button").all()
        said = page.get_by_role("status")
        values, won = (page.locator("table").nth(i).locator("tbody td") for i in (0, 1))
        assert set(values.all_inner_texts()) == {"–"}
        one.tap()
        assert "Study 1: the best are " in said.inner_text()
        assert {"30.00", "20.00"} & {*values.all_inner_texts()}, "SimCLR's"
        best = max(values.all_inner_texts(), key=float)
        assert page.locator("table strong").all_inner_texts() == [best]
        one.click()
        one.focus()
        page.keyboard.press("Enter")
        assert "Study 3: " in said.inner_text()
        assert won.all_inner_texts() == ["1", "1", "1", "0"]
        assert page.locator("tfoot td").all_inner_texts() == ["0", "3"]
        ten.tap()
        assert "Study 13: " in said.inner_text()
        again.focus()
        page.keyboard.press("Space")
        assert said.inner_text() == "Nothing is published yet."
        assert won.all_inner_texts() == ["0"] * 4
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_its_script_the_toy_is_not_seen(toy: HTML, tmp_path: Path) -> None:
    with opened(toy, tmp_path, *FILES, java_script_enabled=False) as page:
        assert not page.locator(".toy").is_visible()
