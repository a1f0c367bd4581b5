"""Driving the views in Chromium: by mouse, finger and keyboard, with a photograph."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Page
from toys.static_page import opened

from sslkit.figures import toys
from sslkit.views.augment import Augmentation

SIX = torch.randint(
    256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
)
FILES = "toys.css", "views.css", "pieces.js", "views.js", "views-page.js"
# Every canvas of the stage as a PNG, the image before its eight views.
STAGE = """() => [...document.querySelectorAll(".toy-stage canvas")]
  .map((canvas) => canvas.toDataURL().split(",")[1])"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The toy, opened once; a test that needs it as it was presses Reset."""
    html = toys.drive_views(SIX, Augmentation())
    with opened(html, tmp_path_factory.mktemp("page"), *FILES) as page:
        page.wait_for_selector(".toy-views:not([hidden])")
        yield page


def stage(page: Page) -> np.ndarray:
    """What is shown: (9, S, S, 3)."""
    files = map(base64.b64decode, page.evaluate(STAGE))
    opened_files = (Image.open(io.BytesIO(file)).convert("RGB") for file in files)
    return np.stack([np.asarray(picture) for picture in opened_files])


def said(page: Page) -> str:
    return page.inner_text("[aria-live]")


def start(page: Page) -> None:
    page.get_by_role("radio", name="image 1", exact=True).check(force=True)
    page.get_by_role("button", name="Reset").click()


def dial(page: Page, name: str, value: float) -> None:
    page.get_by_role("slider", name=name).fill(str(value))


def switch_off(page: Page) -> None:
    for name in ("mirror", "without colours"):
        page.get_by_role("checkbox", name=name).uncheck()


def image(index: int) -> np.ndarray:
    return SIX[index].permute(1, 2, 0).numpy()


def test_the_image_stands_beside_eight_different_views(toy: Page) -> None:
    start(toy)
    shown = stage(toy)
    np.testing.assert_array_equal(shown[0], image(0))
    assert len({picture.tobytes() for picture in shown}) == 9


def test_again_draws_others_and_the_same_seed_the_same(toy: Page) -> None:
    start(toy)
    first = stage(toy)
    assert "Step 0" in said(toy)
    toy.get_by_role("button", name="Again").tap()
    second = stage(toy)
    assert "Step 1" in said(toy)
    assert all((a != b).any() for a, b in zip(first[1:], second[1:], strict=True))
    toy.get_by_role("button", name="Reset").click()
    np.testing.assert_array_equal(stage(toy), first)


def test_without_changes_every_view_is_the_image(toy: Page) -> None:
    start(toy)
    dial(toy, "strength", 0)
    switch_off(toy)
    for picture in stage(toy):
        np.testing.assert_array_equal(picture, image(0))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("brightness", 1, "±100\N{NO-BREAK SPACE}%"),
        ("contrast", 1, "±100\N{NO-BREAK SPACE}%"),
        ("saturation", 1, "±100\N{NO-BREAK SPACE}%"),
        ("hue", 0.5, "±180°"),
        ("blur", 2, "to 2.0\N{NO-BREAK SPACE}px"),
        ("crop", 0.8, "20\N{NO-BREAK SPACE}% or more"),
    ],
)
def test_a_dial_changes_the_views_and_says_where_it_stands(
    toy: Page, name: str, value: float, text: str
) -> None:
    start(toy)
    for other in ("crop", "brightness", "contrast", "saturation", "hue", "blur"):
        dial(toy, other, 0)
    switch_off(toy)
    np.testing.assert_array_equal(stage(toy)[1], image(0))
    dial(toy, name, value)
    for picture in stage(toy)[1:]:
        assert (picture != image(0)).any()
    slider = toy.get_by_role("slider", name=name)
    assert slider.get_attribute("aria-valuetext") == text
    assert toy.get_by_text(text, exact=True).count() == 1


def test_quarter_turns_are_turns_of_the_image(toy: Page) -> None:
    start(toy)
    dial(toy, "strength", 0)
    switch_off(toy)
    toy.get_by_role("checkbox", name="turn").check()
    turned = {np.rot90(image(0), k).tobytes() for k in range(4)}
    found = {np.ascontiguousarray(picture).tobytes() for picture in stage(toy)[1:]}
    assert found <= turned
    assert len(found) > 1


def test_all_is_reached_by_keyboard(toy: Page) -> None:
    start(toy)
    toy.get_by_role("radio", name="image 1", exact=True).focus()
    toy.keyboard.press("ArrowRight")
    np.testing.assert_array_equal(stage(toy)[0], image(1))
    assert "image 2" in said(toy)
    toy.keyboard.press("Tab")
    before = stage(toy)
    toy.keyboard.press("Enter")  # Again
    assert "Step 1" in said(toy)
    assert (stage(toy) != before).any()
    toy.keyboard.press("Tab")
    toy.keyboard.press("Space")  # Reset
    np.testing.assert_array_equal(stage(toy), before)
    toy.keyboard.press("Tab")
    toy.keyboard.press("End")  # crop
    assert (stage(toy) != before).any()
    reached = []
    for _ in range(11):
        toy.keyboard.press("Tab")
        reached.append(toy.evaluate("document.activeElement.type || 'summary'"))
    assert reached == ["range"] * 6 + ["checkbox"] * 3 + ["file", "summary"]


def photograph(folder: Path) -> Path:
    """Red above blue at the left and the right of a green square."""
    picture = Image.new("RGB", (300, 200), "red")
    picture.paste("blue", (0, 100, 300, 200))
    picture.paste((0, 255, 0), (50, 0, 250, 200))
    picture.save(folder / "<b>mine.png")
    return folder / "<b>mine.png"


def test_a_photograph_is_shown_its_middle_square(toy: Page, tmp_path: Path) -> None:
    start(toy)
    toy.set_input_files("input[type=file]", photograph(tmp_path))
    toy.wait_for_function(
        "document.querySelector('[aria-live]').textContent.includes('<b>mine.png')"
    )
    shown = stage(toy)
    assert shown.shape == (9, 128, 128, 3)
    # The browser's smoothing reads a little of what lies beside the square.
    assert np.abs(shown[0].astype(int) - [0, 255, 0]).max() < 16
    toy.get_by_role("radio", name="image 3", exact=True).check(force=True)
    np.testing.assert_array_equal(stage(toy)[0], image(2))


DROP = """([data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  const drop = new DragEvent("drop", { dataTransfer: carried, bubbles: true });
  document.querySelector(".toy-stage").dispatchEvent(drop);
}"""


def test_a_dropped_photograph_is_shown_and_a_text_is_refused(toy: Page) -> None:
    start(toy)
    file = io.BytesIO()
    Image.new("RGB", (20, 30), (9, 8, 7)).save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    toy.evaluate(DROP, [data, "dropped.png", "image/png"])
    toy.wait_for_function(
        "document.querySelector('[aria-live]').textContent.includes('dropped.png')"
    )
    assert (stage(toy)[0] == [9, 8, 7]).all()
    before = stage(toy)
    toy.evaluate(DROP, ["aGVsbG8=", "notes.txt", "text/plain"])
    toy.wait_for_function(
        "document.querySelector('[aria-live]').textContent.includes('notes.txt')"
    )
    assert "no image" in said(toy)
    np.testing.assert_array_equal(stage(toy), before)


def test_every_view_says_what_was_done_to_it(toy: Page) -> None:
    start(toy)
    labels = toy.eval_on_selector_all(
        ".toy-stage canvas", "all => all.map((e) => e.getAttribute('aria-label'))"
    )
    assert labels[0] == "image 1"
    for number, label in enumerate(labels[1:], 1):
        assert label.startswith(f"View {number}: area ")
    toy.locator("summary").click()
    rows = toy.locator("tbody tr").all()
    for row, label in zip(rows, labels[1:], strict=True):
        values = row.locator("td").all_inner_texts()
        assert all(value in label for value in values)


def test_it_is_no_wider_than_a_small_phone(toy: Page) -> None:
    assert toy.evaluate("document.documentElement.scrollWidth") <= 360
