"""The chapters as they are committed: rules that every one of them keeps."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from tools import check
from tools.book import Book

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_every_chapter_is_in_the_contents_and_the_other_way_round() -> None:
    files = {p.stem for p in (ROOT / "book").iterdir() if p.suffix in {".ipynb", ".md"}}
    documents = Book(ROOT).documents()
    assert sorted(documents) == sorted(f"book/{name}" for name in files)
    assert len(set(documents)) == len(documents)


def test_the_first_page_leads_to_every_chapter_in_their_order() -> None:
    root, *chapters = (Path(document).name for document in Book(ROOT).documents())
    cells = check.read(ROOT / "book" / f"{root}.ipynb")
    (table,) = [c["source"] for c in cells if "| {doc}`running` |" in c["source"]]
    assert re.findall(r"^\| {doc}`([\w-]+)`", table, re.MULTILINE) == chapters


@each
def test_chapter_keeps_the_rules_of_style(path: Path) -> None:
    assert check.style(check.read(path)) == []


def test_folded_code_is_short_for_the_package_computes() -> None:
    lines = [
        cell["source"].count("\n") + 1
        for path in NOTEBOOKS
        for cell in check.read(path)
        if "hide-input" in check.tags(cell)
    ]
    assert sum(lines) < 1000


@each
def test_no_figure_is_drawn_by_chance(path: Path) -> None:
    strips = [c["id"] for c in check.read(path) if "stripplot(" in c["source"]]
    assert strips == [], "seaborn's jitter takes no seed; swarmplot has none"


@each
def test_chapter_can_be_executed_with_parameters_and_cannot_hang(path: Path) -> None:
    assert check.source(check.read(path)) == []


@each
def test_chapter_is_a_valid_notebook_for_the_python3_kernel(path: Path) -> None:
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize(
    "profile", ["smoke", "quick", "study-small", "few-labels", "study"]
)
def test_every_profile_fits_the_chapters(profile: str) -> None:
    assert Book(ROOT, profile).parameters()
