"""A toy in a page that was opened as a file, in Chromium, with no network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from IPython.display import HTML
from playwright.sync_api import Page, sync_playwright
from toys.node import TOYS

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND"]
PHONE: Any = {"width": 360, "height": 780}


@contextmanager
def opened(toy: HTML, folder: Path, *files: str, **context: Any) -> Iterator[Page]:
    """A page with a toy alone, which throws no error and asks no other host.

    Args:
        toy: What a function of the package gave.
        folder: Where the page is written.
        files: The toy's styles and scripts, in their order.
        context: Of the browser, a phone with a finger if not given.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium: get it with `apt-get install chromium`")
    addresses = [(TOYS / name).as_uri() for name in files]
    shared = "".join(
        f'<link rel="stylesheet" href="{one}">'
        if one.endswith(".css")
        else f'<script src="{one}"></script>'
        for one in addresses
    )
    file = folder / "toy.html"
    file.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>A toy</title>'
        '<meta name="viewport" content="width=device-width">'
        f"{shared}<article>{toy.data}</article>"
    )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        options = {"viewport": PHONE, "has_touch": True} | context
        page = chromium.new_context(**options).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(request.url))
        page.goto(file.as_uri())
        yield page
        assert errors == []
        chromium.close()
