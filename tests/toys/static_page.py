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
def opened(toy: HTML, folder: Path, *, name: str, **context: Any) -> Iterator[Page]:
    """A page with a toy alone, which throws no error and asks no other host.

    Args:
        toy: What a function of the package gave.
        folder: Where the page is written.
        name: Of the toy's script and style.
        context: Of the browser, a phone with a finger if not given.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium: get it with `apt-get install chromium`")
    style, script = ((TOYS / f"{name}.{kind}").as_uri() for kind in ("css", "js"))
    file = folder / f"{name}.html"
    file.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>A toy</title>'
        '<meta name="viewport" content="width=device-width">'
        f'<link rel="stylesheet" href="{style}"><script src="{script}"></script>'
        f"<article>{toy.data}</article>"
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
