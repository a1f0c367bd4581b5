"""The card of a shared link, and the sentence on the source, as text."""

from __future__ import annotations

from docutils import nodes

from tools import reaching


def test_claim_is_the_first_paragraph_that_stands_free() -> None:
    inside = nodes.note("", nodes.paragraph("", "in a box"))
    bold = nodes.strong("", "One\nclaim.")
    section = nodes.section("", inside, nodes.paragraph("", "", bold))
    section += nodes.paragraph("", "More.")
    assert reaching.first_paragraph(section) == "One claim."
    assert reaching.first_paragraph(nodes.section("", inside.deepcopy())) == ""


def test_card_names_whole_addresses_where_the_site_is_known_and_none_elsewhere() -> (
    None
):
    unknown = reaching.card("Title", "A claim.", book="Book", site="")
    assert unknown["description"] == unknown["og:description"] == "A claim."
    assert not [text for text in unknown.values() if "/" in text]
    known = reaching.card("Title", "A claim.", book="Book", site="https://a.org/book/")
    assert known["og:image"] == "https://a.org/book/_static/answer.png"


def test_tags_of_a_head_are_escaped() -> None:
    tags = reaching.meta({"description": 'a "b" & <c>', "og:title": "d"})
    assert tags.splitlines() == [
        '<meta name="description" content="a &quot;b&quot; &amp; &lt;c&gt;" />',
        '<meta property="og:title" content="d" />',
    ]


def test_headings_of_tables_that_say_nothing_are_plain_cells() -> None:
    table = '<tr><th></th>\n<th class="head"><p></p></th><th>loss</th></tr>'
    assert reaching.mend(table) == (
        '<tr><td></td>\n<td class="head"></td><th>loss</th></tr>'
    )


def test_what_folds_is_named_by_its_own_text() -> None:
    folded = '<summary aria-label="Toggle hidden content">\n<p>code</p></summary>'
    assert reaching.mend(folded) == "<summary>\n<p>code</p></summary>"
