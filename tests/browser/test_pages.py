"""The pages of the smoke profile in Chromium, opened as files, with no network.

`make browser` builds them first; BOOK_SITE names the pages of another build.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect
from visits import NEEDED, PHONE, ROOT, SITE, WIDE, Visit

from tools import vendor

pytestmark = NEEDED

# Lowest contrast (WCAG 2) of any text in the chapter, with the text that has it.
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d");
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255).map(
      (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 127) return colour;
    }
    return [255, 255, 255];
  };
  let worst = [21, ""];
  const walker = document.createTreeWalker(
    document.querySelector("article"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, e = node.parentElement;
    const box = e.getBoundingClientRect();
    // Headerlinks and copy buttons show on hover; MathJax keeps hidden copies.
    if (!node.data.trim() || !box.width || !box.height || !e.checkVisibility() ||
        e.closest(".headerlink, button, mjx-assistive-mml, script, style")) continue;
    const a = luminance(rgba(getComputedStyle(e).color)), b = luminance(background(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst[0]) worst = [ratio, node.data.trim().slice(0, 60)];
  }
  return worst;
}"""


# What axe finds, a line a place: the rule, what breaks it.
VIOLATIONS = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.flatMap(
    (rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 200)}`));
}"""


def test_page_asks_no_other_host(seen: Visit) -> None:
    assert seen.asked
    here = ("file:", "data:", "blob:")
    assert [address for address in seen.asked if not address.startswith(here)] == []


def test_page_throws_no_error_and_misses_no_file(seen: Visit) -> None:
    assert seen.errors == []


def test_every_image_has_alt_text_that_is_no_path(seen: Visit) -> None:
    images = seen.page.eval_on_selector_all("img", "all => all.map((e) => e.alt)")
    assert [alt for alt in images if not alt.strip() or "_images/" in alt] == []


def test_every_formula_is_typeset_without_an_error(seen: Visit) -> None:
    formulas = seen.page.locator("article .math").count()
    assert seen.page.locator("article .math mjx-container").count() >= formulas
    assert seen.page.locator("mjx-merror").count() == 0


def test_nothing_is_wider_than_a_phone(seen: Visit) -> None:
    seen.page.set_viewport_size(PHONE)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    seen.page.set_viewport_size(WIDE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible(seen: Visit, scheme: Literal["light", "dark"]) -> None:
    seen.turn(scheme)
    ratio, text = seen.page.evaluate(CONTRAST)
    assert ratio >= 4.5, text


@pytest.fixture(scope="module")
def axe() -> Path:
    """The script of axe-core, which looks for what hinders a reader."""
    folder = ROOT / "_build" / "checkers"
    vendor.fetch(folder, vendor.CHECKERS)
    return folder / "axe-core" / "axe.min.js"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    seen: Visit, axe: Path, scheme: Literal["light", "dark"]
) -> None:
    seen.turn(scheme)
    seen.page.add_script_tag(path=axe)
    assert seen.page.evaluate(VIOLATIONS) == []


@pytest.mark.parametrize("name", ["search.html", "genindex.html"])
def test_axe_finds_nothing_on_pages_that_sphinx_adds(
    visit: Callable[[str], Visit], axe: Path, name: str
) -> None:
    page = visit(f"../{name}").page
    page.add_script_tag(path=axe)
    assert page.evaluate(VIOLATIONS) == []


def test_root_leads_to_the_first_page(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((SITE / "index.html").as_uri())
    page.wait_for_url("**/book/intro.html")
    page.close()


# What the first interactive figure of the page shows: its visible HTML panels.
SHOWN = """() => {
  const figure = document.querySelector(".widget-slider").closest(".cell_output");
  return [...figure.querySelectorAll(".widget-html")]
    .filter((e) => e.checkVisibility()).map((e) => e.innerHTML).join();
}"""


def test_slider_changes_the_figure_by_keyboard(visit: Callable[[str], Visit]) -> None:
    seen = visit("views.html")
    handle = seen.page.locator(".widget-slider [role=slider]").first
    handle.focus()
    frames = [seen.page.evaluate(SHOWN)]
    assert frames[0]
    for key in ("ArrowRight", "End"):
        seen.page.keyboard.press(key)
        seen.page.wait_for_function(f"(old) => ({SHOWN})() !== old", arg=frames[-1])
        frames.append(seen.page.evaluate(SHOWN))
    assert len(set(frames)) == 3
    seen.page.keyboard.press("Home")
    seen.page.wait_for_function(f"(old) => ({SHOWN})() === old", arg=frames[0])
    assert handle.get_attribute("aria-label")
    assert seen.errors == []


def test_slider_says_what_it_shows(visit: Callable[[str], Visit]) -> None:
    seen = visit("views.html")
    handle = seen.page.locator(".widget-slider [role=slider]").first
    captions = seen.page.locator(".widget-vbox:has(.widget-slider) figcaption")
    said = []
    for key in ("Home", "ArrowRight", "End"):
        handle.focus()
        seen.page.keyboard.press(key)
        shown = captions.locator("visible=true").first.inner_text()
        expect(handle).to_have_attribute("aria-valuetext", shown)
        said.append(shown)
    assert len(set(said)) == 3


def test_buttons_say_whether_they_are_pressed(visit: Callable[[str], Visit]) -> None:
    seen = visit("views.html")
    buttons = seen.page.locator(".widget-toggle-buttons").first.locator("button")
    buttons.nth(1).click()
    expect(buttons.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(buttons.nth(0)).to_have_attribute("aria-pressed", "false")
    player = seen.page.locator(".widget-play").first
    expect(player.get_by_role("button", name="Repeat")).to_have_attribute(
        "aria-pressed", "false"
    )
    player.get_by_role("button", name="Play").click()
    player.get_by_role("button", name="Pause").click()
    player.get_by_role("button", name="Stop").click()
    expect(player.get_by_role("button", name="Play")).to_be_visible()


def test_slider_changes_the_figure_by_mouse(visit: Callable[[str], Visit]) -> None:
    seen = visit("views.html")
    first = seen.page.evaluate(SHOWN)
    slider = seen.page.locator(".widget-slider").first
    handle = slider.locator("[role=slider]")
    track = slider.locator(".noUi-base")
    handle.hover()
    seen.page.mouse.down()
    box = track.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    seen.page.mouse.move(box["x"] + box["width"], middle, steps=5)
    seen.page.mouse.up()
    seen.page.wait_for_function(f"(old) => ({SHOWN})() !== old", arg=first)
    last = seen.page.evaluate(SHOWN)
    seen.page.mouse.click(box["x"] + 1, middle)
    seen.page.wait_for_function(f"(old) => ({SHOWN})() !== old", arg=last)
    assert seen.page.evaluate(SHOWN) == first
    assert seen.errors == []


def test_views_are_driven_in_the_page(visit: Callable[[str], Visit]) -> None:
    seen = visit("views.html")
    toy = seen.page.locator(".toy-views")
    last = toy.locator(".toy-stage canvas").last
    before = last.evaluate("(canvas) => canvas.toDataURL()")
    toy.get_by_role("button", name="Again").click()
    assert "Step 1" in toy.locator("[aria-live]").inner_text()
    assert last.evaluate("(canvas) => canvas.toDataURL()") != before
    assert seen.errors == []
