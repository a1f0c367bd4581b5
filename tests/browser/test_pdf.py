"""The whole book as a PDF, of two small pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from pypdf import PdfReader

from tools import chromium, pdf

pytestmark = pytest.mark.skipif(chromium.find() is None, reason=chromium.MISSING)

STYLE = Path(__file__).resolve().parents[2] / "book/_assets/print.css"
PAGE = """<html><head><link rel="stylesheet" href="{style}" media="print">
<script>ignored()</script></head><body><article>
<section id="top"><h1>{title}<a class="headerlink" href="#top">#</a></h1>
<p style="break-after: page">See <a href="{other}.html#there">the other</a>,
<a href="#there">here</a> and <a href="https://example.org/">a paper</a>.</p>
<details class="quiet"><summary>code</summary>import folded</details>
<details class="sd-dropdown"><summary>Hint</summary>Look twice.</details>
<p id="there">The end of {title}.</p></section></article></body></html>"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    root = tmp_path_factory.mktemp("book")
    (root / "book").mkdir()
    for name, other in (("one", "two"), ("two", "one")):
        text = PAGE.format(title=f"Chapter {name}", other=other, style=STYLE.as_uri())
        (root / "book" / f"{name}.html").write_text(text)
    (root / "_config.yml").write_text("title: Some <book>\n")
    part = "parts: [{caption: A part, chapters: [{file: book/two}]}]"
    (root / "_toc.yml").write_text(f"root: book/one\n{part}\n")
    target = root / "book.pdf"
    assert pdf.write(root, root, target).startswith("6 pages, ")
    assert not list((root / "book").glob("whole*"))
    return PdfReader(target)


def test_contents_say_the_pages_on_which_chapters_begin(printed: PdfReader) -> None:
    texts = [page.extract_text() for page in printed.pages]
    assert "Some <book>" in texts[0]
    lines = [line.split() for line in texts[1].splitlines() if line.strip()]
    assert lines[:4] == [
        ["Contents"],
        ["Chapter", "one", "3"],
        ["A", "part"],
        ["Chapter", "two", "5"],
    ]
    assert "Chapter one" in texts[2]
    assert "Chapter two" in texts[4]
    # Every sheet has its number at its foot.
    assert [text.split()[-1] for text in texts] == ["1", "2", "3", "4", "5", "6"]


def test_links_between_pages_lead_to_places_of_the_file(printed: PdfReader) -> None:
    actions = [
        note.get_object()["/A"]
        for page in printed.pages
        for note in page.get("/Annots", [])
        if "/A" in note.get_object()
    ]
    named = [str(action) for action in actions if "/URI" in action]
    assert len(named) == 2
    assert all("https://example.org/" in address for address in named)
    assert pdf.beginnings(printed)["two--there"] == 6


def test_hints_are_printed_and_folded_code_is_not(printed: PdfReader) -> None:
    text = "".join(page.extract_text() for page in printed.pages)
    assert text.count("Look twice.") == 2
    assert "folded" not in text
