"""The whole book as one file to print: `make pdf`.

The articles of all pages become one document, which Chromium prints twice: the first
time tells on which page each chapter begins, the second has the contents to say so.
Code that is folded on a page draws its figures and is left out; hints and solutions,
which no reader of paper could open, are printed. Of an interactive figure stands what
its page shows at first. The reference of the package, half of all sheets, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader

from tools import chromium

UNPRINTED = {"api"}
COVER = (
    "The whole book, but for the reference of its package. "
    "Figures that move stand as they begin."
)
SHEET: Any = {
    "format": "A4",
    "margin": {"top": "20mm", "bottom": "22mm", "left": "18mm", "right": "18mm"},
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": '<div style="width: 100%; font: 8pt sans-serif; '
    'text-align: center"><span class="pageNumber"></span></div>',
    "print_background": True,
    "outline": True,
    "tagged": True,
}
PATIENCE = 600_000  # ms: a whole book of formulas, on a busy machine
DRAWN = """() => (!document.querySelector(".math")
                  || document.querySelector("mjx-container"))
              && [...document.querySelectorAll("script[type*=widget-view]")]
                  .every((e) => e.parentElement.querySelector(".jupyter-widgets"))"""
NUMBER = """(starts) => {
  for (const line of document.querySelectorAll(".book-contents a")) {
    line.lastElementChild.textContent = starts[line.hash.slice(1)];
  }
}"""
LEFT_OUT = "a.headerlink, details:is(.quiet, .above-input), .toy, button"
DRAWING = r"/(vendor|widgets|typography)\b"  # scripts that paper needs, too
NAMED = ("id", "for", "name")  # attributes that hold a name of their page alone


@dataclass(frozen=True)
class Chapter:
    """A page of the book as a part of one document."""

    name: str  # as in `_toc.yml`
    part: str  # the part of the book that begins here, or nothing
    title: str
    article: Tag


def write(root: Path, html: Path, target: Path) -> str:
    """Print the built pages of `html`, in the book's order, and say what was made.

    Raises:
        BookError: If there is no Chromium.
    """
    title = yaml.safe_load((root / "_config.yml").read_bytes())["title"]
    chapters = [read(html, name, part) for name, part in order(root / "_toc.yml")]
    place = html / Path(chapters[0].name).with_name("whole-book.html")
    cover = f"<h1>{escape(title)}</h1><p>{COVER}</p>"
    articles = "".join(str(chapter.article) for chapter in chapters)
    body = cover + contents(chapters) + articles
    place.write_text(document(header(html, chapters), body), encoding="utf-8")
    try:
        with chromium.browser() as browser:
            page = browser.new_page(color_scheme="light")
            page.set_default_timeout(PATIENCE)
            page.emulate_media(media="print")
            page.goto(place.as_uri(), wait_until="load")
            page.wait_for_function(DRAWN)
            page.evaluate("() => window.MathJax?.startup.promise.then(() => 0)")
            page.pdf(path=target, **SHEET)
            page.evaluate(NUMBER, beginnings(PdfReader(target)))
            page.pdf(path=target, **SHEET)
    finally:
        place.unlink(missing_ok=True)
    number, size = len(PdfReader(target).pages), target.stat().st_size / 1e6
    return f"{number} pages, {size:.1f} MB: {target}"


def order(toc: Path) -> Iterator[tuple[str, str]]:
    """Every page to print, with the caption of the part that begins with it."""
    tree = yaml.safe_load(toc.read_bytes())
    yield tree["root"], ""
    for part in tree.get("parts", [tree]):
        caption = part.get("caption", "")
        for entry in part["chapters"]:
            if Path(entry["file"]).name in UNPRINTED:
                continue
            yield entry["file"], caption
            caption = ""


def read(html: Path, name: str, part: str) -> Chapter:
    """The article of a page, with names that are its own in the whole book."""
    soup = BeautifulSoup((html / f"{name}.html").read_bytes(), "html.parser")
    article = soup.find("article")
    assert isinstance(article, Tag)
    for gone in article.select(LEFT_OUT):
        gone.decompose()
    for folded in article.select("details"):
        folded["open"] = ""
    for tag in article.find_all(True):
        for attribute in NAMED:
            if given := tag.get(attribute):
                tag[attribute] = anchor(name, str(given))
        if link := tag.attrs.pop("href", None):
            tag.attrs |= inside(name, str(link))
    heading = article.find("h1")
    assert isinstance(heading, Tag)
    heading["id"] = anchor(name)
    return Chapter(name, part, heading.get_text(), article)


def anchor(name: str, inner: str = "") -> str:
    """What a place of a page is called in the whole book."""
    return f"{Path(name).name}--{inner}"


def inside(name: str, link: str) -> dict[str, str]:
    """A link of a page as one of the document; none to what the document lacks."""
    if found := re.fullmatch(r"(?:([\w-]+)\.html)?(?:#(.*))?", link):
        page, inner = found.groups()
        if page in UNPRINTED:
            return {}
        return {"href": "#" + anchor(page or name, inner or "")}
    return {"href": link} if re.match("https?://", link) else {}


def header(html: Path, chapters: list[Chapter]) -> str:
    """Styles, and the scripts that draw formulas and widgets, each once."""
    kept: dict[str, None] = {}  # a set that keeps its order
    for chapter in chapters:
        page = (html / f"{chapter.name}.html").read_bytes()
        for tag in BeautifulSoup(page, "html.parser").select("link, script"):
            shared = "stylesheet" in (tag.get("rel") or [])
            drawing = re.search(DRAWING, str(tag.get("src", "")))
            state = "widget-state" in str(tag.get("type", ""))
            if shared or drawing or state or "window.MathJax" in tag.text:
                kept[str(tag)] = None
    return "\n".join(kept)


def contents(chapters: list[Chapter]) -> str:
    """The list of chapters by parts, with room for the pages that they start on."""
    lines = ['<nav class="book-contents"><h2>Contents</h2>']
    for chapter in chapters:
        if chapter.part:
            lines.append(f"<p><strong>{escape(chapter.part)}</strong></p>")
        lines.append(
            f'<a href="#{anchor(chapter.name)}">'
            f"<span>{escape(chapter.title)}</span> <span></span></a>"
        )
    return "\n".join([*lines, "</nav>"])


def beginnings(reader: PdfReader) -> dict[str, int]:
    """The page, from 1, of every place that something in a document links to."""
    pages = {
        name.removeprefix("/"): reader.get_destination_page_number(place)
        for name, place in reader.named_destinations.items()
    }
    return {name: page + 1 for name, page in pages.items() if page is not None}


def document(head: str, body: str) -> str:
    """One page of everything, in the light."""
    return (
        '<!DOCTYPE html><html lang="en" data-theme="light" data-mode="light">'
        f'<head><meta charset="utf-8">{head}</head>'
        f'<body class="whole-book">{body}</body></html>'
    )
