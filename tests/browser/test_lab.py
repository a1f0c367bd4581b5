"""JupyterLab, as `make lab` starts it: a chapter runs there, and its widgets answer."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tiny_book import chapter, write_notebook

from tools import chromium

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds; a busy machine is no error
# One slider works in the browser alone, as the book's do; the kernel hears of it, too.
FIGURE = """\
import ipywidgets
import torch
from sslkit.figures import widgets

shades = [torch.full((3, 4, 4), k / 2) for k in range(3)]
labels = ["black", "grey", "white"]
figure = widgets.frames(shades, labels=labels, alt=labels, description="shade")
slider, heard = figure.children[0].children[0], ipywidgets.Label()
slider.observe(lambda change: setattr(heard, "value", f"heard {change.new}"), "value")
ipywidgets.VBox([figure, heard])"""

pytestmark = [
    pytest.mark.skipif(chromium.find() is None, reason=chromium.MISSING),
    pytest.mark.skipif(
        importlib.util.find_spec("jupyterlab") is None,
        reason="no JupyterLab in this environment: `make lab` adds it",
    ),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where JupyterLab shows a chapter, started without this user's settings."""
    (tmp_path / "book").mkdir()
    write_notebook(tmp_path / "book" / "tiny.ipynb", chapter(FIGURE))
    kinds = ("CONFIG_DIR", "RUNTIME_DIR", "DATA_DIR")
    own = {f"JUPYTER_{kind}": str(tmp_path / kind) for kind in kinds}
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--notebook-dir", str(tmp_path / "book"), "--ServerApp.ip=127.0.0.1"]
    command += ["--ServerApp.port=0", "--LabApp.expose_app_in_browser=True"]
    log_file = tmp_path / "log"
    with log_file.open("w") as log:
        server = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            env=os.environ | own | {"PYTHONPATH": str(ROOT)},
        )
        try:
            started = wait_for_server(tmp_path / "RUNTIME_DIR", server, log_file)
            yield f"{started['url']}lab/tree/tiny.ipynb?token={started['token']}"
        finally:
            server.terminate()
            server.wait(PATIENCE)


def wait_for_server(folder: Path, server: subprocess.Popen[bytes], log: Path) -> dict:
    """What a server says of itself once it answers."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        for file in folder.glob("jpserver-*.json"):
            return json.loads(file.read_text())
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_a_chapter_runs_in_jupyterlab_and_its_widgets_are_alive(address: str) -> None:
    with chromium.browser() as browser:
        page = browser.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(address)
        run_all(page)
        handle = page.locator(".jp-OutputArea .widget-slider [role=slider]")
        handle.focus()
        shown = page.locator(".jp-OutputArea figcaption").locator("visible=true")
        expect(shown).to_have_text("black", timeout=1000 * PATIENCE)
        page.keyboard.press("End")
        expect(shown).to_have_text("white", timeout=1000 * PATIENCE)
        heard = page.locator(".jp-OutputArea").get_by_text("heard 2")
        expect(heard).to_be_visible(timeout=1000 * PATIENCE)


def run_all(page: Page) -> None:
    """Run every cell, on the kernel that the notebook names."""
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.wait_for_function(
        """() => window.jupyterapp.shell.currentWidget.sessionContext
            ?.session?.kernel?.status === "idle" """
    )
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
