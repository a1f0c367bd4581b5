"""Which pages are looked at, in which browser, and what a visit leaves."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tools import chromium

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(os.environ.get("BOOK_SITE", ROOT / "_build/smoke/site/_build/html"))
PAGES = sorted(page.name for page in (SITE / "book").glob("*.html"))
WIDE: Any = {"width": 1280, "height": 900}
PHONE: Any = {"width": 360, "height": 740}

NEEDED = [
    pytest.mark.skipif(chromium.find() is None, reason=chromium.MISSING),
    pytest.mark.skipif(not PAGES, reason=f"no pages in {SITE}: run `make smoke`"),
]


@dataclass
class Visit:
    """An open page and what it did that it should not."""

    page: Page
    asked: list[str] = field(default_factory=list)  # addresses
    errors: list[str] = field(default_factory=list)

    def turn(self, scheme: Literal["light", "dark"]) -> None:
        """Let the reader's system be light or dark, and the page follow."""
        self.page.emulate_media(color_scheme=scheme)
        self.page.wait_for_function(
            "(scheme) => document.documentElement.dataset.theme === scheme", arg=scheme
        )
