"""A browser, and pages opened in it as files, with no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser
from visits import PAGES, SITE, WIDE, Visit

from tools import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as started:
        yield started


@pytest.fixture(scope="module")
def visit(browser: Browser) -> Iterator[Callable[[str], Visit]]:
    """Open a page in a window of its own: visit(name)."""
    contexts = []

    def open_page(name: str) -> Visit:
        contexts.append(browser.new_context(viewport=WIDE))
        contexts[-1].set_default_timeout(120_000)  # ms; a busy machine is no error
        seen = Visit(contexts[-1].new_page())
        seen.page.on("request", lambda r: seen.asked.append(r.url))
        seen.page.on("requestfailed", lambda r: seen.errors.append(f"failed: {r.url}"))
        seen.page.on("pageerror", lambda e: seen.errors.append(str(e)))
        seen.page.goto((SITE / "book" / name).as_uri(), wait_until="load")
        # Colours that fade from light to dark are measured at the end, not on the way.
        seen.page.add_style_tag(content="* { transition: none !important }")
        # Formulas and widgets are drawn by scripts after the page has loaded.
        seen.page.wait_for_function(
            """() => (!document.querySelector(".math")
                      || document.querySelector("mjx-container"))
                  && (!document.querySelector("script[type*=widget-view]")
                      || document.querySelector(".jupyter-widgets"))"""
        )
        return seen

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture(scope="module", params=PAGES)
def seen(request: pytest.FixtureRequest, visit: Callable[[str], Visit]) -> Visit:
    """Each page, opened once for all its tests."""
    return visit(request.param)
