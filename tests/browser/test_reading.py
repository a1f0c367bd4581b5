"""Nothing is between reader and idea: on a phone, in the dark, by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from visits import NEEDED, PHONE, WIDE, Visit

pytestmark = NEEDED

LETTERS = re.compile(r"scale\(([\d.]+) -[\d.]+\)")

# Drawn figures: their address, and how many times their own size they are shown.
DRAWN = """() => [...document.images]
  .filter((e) => /\\.svg|^data:image\\/svg/.test(e.src) && e.checkVisibility())
  .map((e) => [e.src, e.getBoundingClientRect().width / e.naturalWidth])"""

# Boxes with more than they show: what they are, and whether they say so.
HIDDEN = """() => [...document.querySelectorAll(
    "article :is(figure, .cell_output, .text_html, .pst-scrollable-table-container)")]
  .filter((e) => e.scrollWidth > e.clientWidth && e.checkVisibility())
  .map((e) => [e.className, e.tabIndex, getComputedStyle(e, "::before").content])"""

# Texts with a hyphen for a minus, or with a space before a unit at which lines break.
LOOSE = """() => {
  const found = [], walker = document.createTreeWalker(
    document.querySelector("article"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest(
        "code, pre, script, style, textarea, .math, mjx-container, .sig")) continue;
    if (/(^|[ (])-\\d|\\d %/.test(node.data)) found.push(node.data.trim());
  }
  return found;
}"""


def drawing(address: str) -> str:
    """The SVG at an address."""
    if address.startswith("data:"):
        return unquote(address)
    return Path(unquote(urlsplit(address).path)).read_text()


def test_settings_are_one_quiet_line_and_code_another(seen: Visit) -> None:
    lines = seen.page.locator("article details.quiet > summary").all_inner_texts()
    settings = lines.count("settings of this page")
    assert settings == (seen.page.locator(".cell .cell_input").count() > 0)
    assert set(lines) <= {"settings of this page", "code"}
    assert seen.page.get_by_text("Show code cell").count() == 0
    assert seen.page.locator("details.quiet[open]").count() == 0


def test_text_in_figures_is_ten_pixels_high_on_a_phone(seen: Visit) -> None:
    seen.page.set_viewport_size(PHONE)
    for address, scale in seen.page.evaluate(DRAWN):
        # matplotlib draws the letters of a text of 9 points at a scale of 0.09.
        points = [100 * float(x) for x in LETTERS.findall(drawing(address))]
        assert min(points, default=99) * 96 / 72 * scale >= 10, address[:99]
    seen.page.set_viewport_size(WIDE)


def test_a_box_that_scrolls_says_so_and_can_be_reached_by_keyboard(seen: Visit) -> None:
    seen.page.set_viewport_size(PHONE)
    seen.page.wait_for_timeout(200)  # milliseconds; sizes are watched by a script
    for kind, place, said in seen.page.evaluate(HIDDEN):
        assert place == 0, kind
        assert said.startswith('"scroll'), kind
    seen.page.set_viewport_size(WIDE)


def test_figures_stand_on_the_ground_of_the_page(seen: Visit) -> None:
    for scheme in ("dark", "light"):
        seen.turn(scheme)  # type: ignore[arg-type]
        seen.page.wait_for_timeout(100)
        for address, _ in seen.page.evaluate(DRAWN):
            assert address.endswith("#dark") == (scheme == "dark"), address[:99]
            assert 'id="dark"' in drawing(address), address[:99]
    seen.turn("dark")
    cards = seen.page.eval_on_selector_all(
        ".cell_output img", "all => all.map((e) => getComputedStyle(e).backgroundColor)"
    )
    assert set(cards) <= {"rgba(0, 0, 0, 0)"}


def test_minus_signs_are_true_and_units_stay_with_their_number(seen: Visit) -> None:
    assert seen.page.evaluate(LOOSE) == []


def test_levels_of_headings_look_like_levels(seen: Visit) -> None:
    sizes = [
        seen.page.eval_on_selector_all(
            f"article h{level}",
            "all => all.map((e) => parseFloat(getComputedStyle(e).fontSize))",
        )
        for level in (1, 2, 3)
    ]
    found = [size for each in sizes for size in sorted(set(each))]
    assert found == sorted(set(found), reverse=True)


def test_code_opens_by_keyboard(visit: Callable[[str], Visit]) -> None:
    page = visit("rotnet.html").page
    page.locator("details.quiet > summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.quiet[open] .highlight").first.is_visible()
