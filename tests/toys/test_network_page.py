"""The network in the page: used in Chromium, from a file, with no network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import made_network
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from sslkit.figures import network

TOYS = Path(__file__).resolve().parents[2] / "book/_assets/toys"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width">
<style>:root {{ color-scheme: light dark }}</style>
<link rel="stylesheet" href="_static/toys/network.css">
<script src="_static/toys/network.js"></script>
<script src="_static/toys/network-page.js"></script>
<body>{}</body></html>"""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium: get it with `apt-get install chromium`"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page of both figures and what they load."""
    book = tmp_path_factory.mktemp("book")
    made_network.write(book / network.FOLDER)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(book)
        shown = f"{network.neighbours().data}{network.turns().data}"
    text = PAGE.format(shown)
    (book / "page.html").write_text(text)
    (book / "lacking.html").write_text(text.replace("_static", "_lacking"))
    shutil.copytree(TOYS, book / "_static/toys")
    shutil.copytree(TOYS, book / "_lacking/toys")
    (book / network.FOLDER).rename(book / "_static/network")
    return book


@dataclass
class Visit:
    """An open page and what it did that it should not."""

    page: Page
    asked: list[str] = field(default_factory=list)  # addresses
    errors: list[str] = field(default_factory=list)

    def begin(self, toy: str) -> Locator:
        """Press a figure's first button and wait for what comes in its place."""
        figure = self.page.locator(f"[data-toy={toy}]")
        figure.get_by_role("button").first.click()
        expect(figure.get_by_role("radio").first).to_be_focused()
        return figure


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=60_000)  # ms; a busy machine is no error
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Visit]:
    """The page on a phone."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    context.set_default_timeout(60_000)
    seen = Visit(context.new_page())
    seen.page.on("pageerror", lambda e: seen.errors.append(str(e)))
    seen.page.on("request", lambda r: seen.asked.append(r.url))
    seen.page.goto((site / "page.html").as_uri())
    yield seen
    context.close()


def test_nothing_is_loaded_before_a_reader_asks(visit: Visit) -> None:
    assert [url for url in visit.asked if "/network/" in url] == []
    assert visit.page.get_by_role("img").count() == 4 * 5 + 1 + 2 * 4  # the stills


def test_a_cell_is_picked_by_keyboard_and_its_neighbours_are_said(visit: Visit) -> None:
    figure = visit.page.locator("[data-toy=neighbours]")
    shown = figure.locator("td .network-image")
    still = shown.evaluate_all("all => all.map((e) => e.alt)")
    figure.get_by_role("button").focus()
    visit.page.keyboard.press("Enter")
    status = figure.get_by_role("status")
    expect(status).to_have_text("Ready. Pick a cell.")
    expect(figure.get_by_role("radio").first).to_be_focused()
    visit.page.keyboard.press("Space")
    expect(status).to_contain_text("Picked: basophil. Of its 5 nearest cells")
    named = "all => all.map((e) => e.getAttribute('aria-label'))"
    assert shown.evaluate_all(named) == still  # the still shows the first cell
    for _ in range(7):  # of twenty, three kinds
        visit.page.keyboard.press("ArrowRight")
    expect(status).to_contain_text("Picked: monocyte. Of its 5 nearest cells")
    expect(figure.get_by_role("radio").nth(7)).to_be_checked()
    assert visit.errors == []


def test_a_photograph_is_taken_and_said_to_be_out_of_the_domain(
    visit: Visit, tmp_path: Path
) -> None:
    file = tmp_path / "holiday.png"
    Image.new("RGB", (90, 60), "teal").save(file)
    figure = visit.begin("neighbours")
    figure.locator("input[type=file]").set_input_files(file)
    status = figure.get_by_role("status")
    expect(status).to_contain_text("outside their domain")
    expect(status).to_contain_text("SimCLR: ")
    expect(figure.get_by_role("img", name="your photograph")).to_be_visible()
    assert figure.get_by_role("radio", checked=True).count() == 0
    (tmp_path / "no.png").write_text("no photograph")
    figure.locator("input[type=file]").set_input_files(tmp_path / "no.png")
    expect(status).to_have_text("This browser cannot read that file as a photograph.")


def test_scenes_and_cells_are_turned_and_what_rotnet_says_is_said(visit: Visit) -> None:
    figure = visit.begin("turns")
    status = figure.get_by_role("status")
    expect(status).to_contain_text("A scene (fir), turned by 0°. RotNet says ")
    turned = figure.locator(".network-turned")
    for degrees in (90, 180, 270, 0):
        figure.get_by_role("button", name="turn left").click()
        expect(status).to_contain_text(f"turned by {degrees}°")
        expect(turned.locator("[data-true]")).to_contain_text(f"{degrees}°")
    figure.get_by_role("button", name="turn right").click()
    expect(status).to_contain_text("turned by 270°")
    figure.get_by_role("radio").last.check(force=True)
    expect(status).to_contain_text("A cell (platelet), turned by 0°")
    shares = turned.locator("li span").all_inner_texts()
    assert abs(sum(int(share.split()[0]) for share in shares) - 100) <= 2
    assert visit.errors == []


def test_both_fit_a_phone_and_ask_no_other_host(visit: Visit) -> None:
    for toy in ("neighbours", "turns"):
        visit.begin(toy)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert all(url.startswith(("file:", "data:", "blob:")) for url in visit.asked)


def test_a_script_that_is_not_there_is_told(visit: Visit, site: Path) -> None:
    visit.page.goto((site / "lacking.html").as_uri())
    figure = visit.page.locator("[data-toy=neighbours]")
    figure.get_by_role("button").click()
    expect(figure.get_by_role("status")).to_have_text(
        "It cannot run here: random.js could not be loaded."
    )


def test_without_the_files_a_figure_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for figure in (network.neighbours, network.turns):
        shown: Any = figure()
        assert "_assets/network/manifest.json" in shown.data
        assert "tools.page_network" in shown.data
