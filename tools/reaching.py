"""A Sphinx extension: a page can be passed on, asked for its source, and heard.

Passed on, a link shows the chapter's title, its claim and the book's figure. Open Graph
asks for whole addresses, so figure and page are named where the site's address is known
(`html.baseurl` in `_config.yml`), and nowhere else.
"""

from __future__ import annotations

import hashlib
import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from docutils import nodes
from markupsafe import Markup
from sphinx.application import Sphinx

FIGURE = "_static/answer.png"
FIGURE_ALT = "Test accuracy over the number of labels, with and without pretraining."
SOURCE = "_static/source.zip"
MENDED = {  # what others write that a screen reader stumbles over
    # pandas and Markdown: a heading that says nothing
    r"<th\b([^>]*)>\s*(?:<p>\s*</p>)?\s*</th>": r"<td\1></td>",
    # MyST-NB: a name that hides the text of what it names
    r'<summary aria-label="Toggle hidden content">': "<summary>",
    # docutils: a role of books that browsers have given up, inside a list
    r'role="doc-biblioentry"': 'role="listitem"',
}


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls. Pages are made anew when this file changes."""
    app.connect("html-page-context", add)
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return {"env_version": version, "parallel_read_safe": True}


def add(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.Node
) -> None:
    """Add card and source to what the theme makes a page of, and mend its body."""
    claim = first_paragraph(doctree) if doctree else ""
    title = Markup(context.get("title", "")).striptags()
    tags = card(title, claim, book=app.config.html_title, site=app.config.html_baseurl)
    if app.config.html_baseurl:
        tags["og:url"] = context["pageurl"]
    context["metatags"] = context.get("metatags", "") + meta(tags)
    if "body" in context:
        context["body"] = mend(context["body"])
    context["theme_extra_footer"] = footer(context["pathto"](SOURCE, resource=True))


def first_paragraph(doctree: nodes.Node) -> str:
    """The claim of a chapter: its first paragraph, in which nothing is nested."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section | nodes.document):
            return " ".join(paragraph.astext().split())
    return ""


def card(title: str, claim: str, *, book: str, site: str) -> dict[str, str]:
    """Names and contents of the tags of a page's head."""
    tags = {"og:title": title, "og:type": "article", "og:site_name": book}
    if claim:
        tags |= {"description": claim, "og:description": claim}
    if site:
        tags |= {"og:image": urljoin(site, FIGURE), "og:image:alt": FIGURE_ALT}
        tags["twitter:card"] = "summary_large_image"
    return tags


def meta(tags: dict[str, str]) -> str:
    """Tags of a page's head; Open Graph's have a property where others have a name."""
    return "\n".join(
        f'<meta {"property" if name.startswith("og:") else "name"}="{name}" '
        f'content="{escape(content)}" />'
        for name, content in tags.items()
    )


def mend(body: str) -> str:
    """The body of a page with markup that can be heard."""
    for pattern, better in MENDED.items():
        body = re.sub(pattern, better, body)
    return body


def footer(address: str) -> str:
    """How to get what the page was made from."""
    return (
        f'<p>The book is a program: <a href="{address}">the source that these pages '
        "were made from</a> (zip) runs with <code>make book</code>.</p>"
    )
