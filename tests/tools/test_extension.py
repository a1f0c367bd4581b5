"""The card of a shared link, and the sentence on the source, as text."""

from __future__ import annotations

from docutils import nodes

from tools import extension


def test_claim_is_the_first_paragraph_that_stands_free() -> None:
    inside = nodes.note("", nodes.paragraph("", "in a box"))
    bold = nodes.strong("", "One\nclaim.")
    section = nodes.section("", inside, nodes.paragraph("", "", bold))
    section += nodes.paragraph("", "More.")
    assert extension.first_paragraph(section) == "One claim."
    assert extension.first_paragraph(nodes.section("", inside.deepcopy())) == ""


def test_card_names_whole_addresses_where_the_site_is_known_and_none_elsewhere() -> (
    None
):
    unknown = extension.card("Title", "A claim.", book="Book", site="")
    assert unknown["description"] == unknown["og:description"] == "A claim."
    assert not [text for text in unknown.values() if "/" in text]
    known = extension.card("Title", "A claim.", book="Book", site="https://a.org/book/")
    assert known["og:image"] == "https://a.org/book/_static/answer.png"


def test_tags_of_a_head_are_escaped() -> None:
    tags = extension.meta({"description": 'a "b" & <c>', "og:title": "d"})
    assert tags.splitlines() == [
        '<meta name="description" content="a &quot;b&quot; &amp; &lt;c&gt;" />',
        '<meta property="og:title" content="d" />',
    ]
