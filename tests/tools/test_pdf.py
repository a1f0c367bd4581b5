"""What becomes of links and of the book's order in one document."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import pdf


@pytest.mark.parametrize(
    ("link", "wanted"),
    [
        ("#summary", "#rotnet--summary"),
        ("simclr.html", "#simclr--"),
        ("simclr.html#by-hand", "#simclr--by-hand"),
        ("https://example.org/a.html#b", "https://example.org/a.html#b"),
        ("../_images/figure.png", None),
        ("api.html#sslkit.load", None),
    ],
)
def test_a_link_to_a_page_of_the_book_stays_inside(
    link: str, wanted: str | None
) -> None:
    assert pdf.inside("book/rotnet", link).get("href") == wanted


def test_order_says_where_a_part_begins(tmp_path: Path) -> None:
    toc = tmp_path / "_toc.yml"
    part = (
        "{caption: Start, chapters: [{file: book/api}, {file: book/a}, {file: book/b}]}"
    )
    toc.write_text(f"root: book/intro\nparts: [{part}]\n")
    named = [("book/intro", ""), ("book/a", "Start"), ("book/b", "")]
    assert list(pdf.order(toc)) == named
    toc.write_text("root: book/intro\nchapters:\n- file: book/a\n")
    assert list(pdf.order(toc)) == [("book/intro", ""), ("book/a", "")]
