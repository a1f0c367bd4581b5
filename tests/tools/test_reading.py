"""Cells fold as a reader wants them, on trees as MyST-NB makes them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes
from docutils.utils import new_document

from tools.reading import FoldedCells, ShortReferences

PARAMETERS = "size = 3"
SET_UP = "import sslkit\n\nimages = sslkit.load(data)"


def code(source: str, *tags: str, shows: str = "", hide: str = "") -> nodes.container:
    """A cell with its source, and with an output if it shows something."""
    classes = ["cell", *(f"tag_{tag}" for tag in tags)]
    cell = nodes.container("", nb_element="cell_code", classes=classes)
    cell += nodes.container(
        "", nodes.literal_block(source, source), nb_element="cell_code_source"
    )
    if shows:
        output = nodes.paragraph(shows, shows)
        cell += nodes.container("", output, nb_element="cell_code_output")
    if hide:
        cell["hide_mode"] = hide
    return cell


def text(words: str) -> nodes.paragraph:
    return nodes.paragraph(words, words)


def read(*given: nodes.Node) -> str:
    """What a page says, folded code in brackets after the name of its line."""
    document = new_document("page")
    document += nodes.section("", *given)
    FoldedCells(document).run()
    left = [n for n in document.findall() if isinstance(n, nodes.Text | nodes.raw)]
    shown = " ".join(n.astext() for n in left if not isinstance(n.parent, nodes.raw))
    shown = shown.replace('<details class="quiet"><summary>', "[")
    return shown.replace("</summary>", ":").replace("</details>", "]")


def test_parameters_injected_values_and_set_up_are_one_line_of_settings() -> None:
    assert read(
        text("claim"),
        code(PARAMETERS, "parameters"),
        code("size = 2", "injected-parameters"),
        code(SET_UP),
        text("idea"),
        code("import later"),
    ) == (
        f"claim [settings of this page: {PARAMETERS} size = 2 {SET_UP} ] "
        "idea import later"
    )


def test_what_a_set_up_shows_stays_to_be_seen() -> None:
    assert read(code(PARAMETERS, "parameters"), code(SET_UP, shows="595 runs")) == (
        f"[settings of this page: {PARAMETERS} {SET_UP} ] 595 runs"
    )


@pytest.mark.parametrize(
    ("cell", "is_setting"),
    [
        (code("a = sslkit.load(data)"), False),  # the first thing that a chapter does
        (code("from a import b"), True),
        (code("find()", hide="input"), True),
        (code("import a\n\ndraw()", hide="input", shows="figure"), False),
    ],
)
def test_only_what_prepares_is_a_setting(cell: Any, is_setting: bool) -> None:
    source = cell[0].astext()
    page = read(code(PARAMETERS, "parameters"), cell)
    assert (page == f"[settings of this page: {PARAMETERS} {source} ]") is is_setting


def test_code_that_draws_folds_below_its_figure() -> None:
    drawing = code("draw()", hide="input", shows="figure")
    assert read(text("idea"), drawing) == "idea figure [code: draw() ]"


def test_two_lines_never_stand_one_above_the_other() -> None:
    finding = code("find()", hide="input")
    drawing = code("draw()", hide="input", shows="figure")
    assert read(text("idea"), finding, drawing) == "idea figure [code: find() draw() ]"
    alone = read(code("find()", hide="input"), text("idea"))
    assert alone == "[code: find() ] idea"


@pytest.mark.parametrize("hide", ["all", "input+output"])
def test_what_is_hidden_whole_is_one_line(hide: str) -> None:
    assert read(code("a()", hide=hide, shows="long")) == "[code: a() long ]"


def test_a_reference_to_a_chapter_says_its_title_up_to_the_colon() -> None:
    title = "RotNet: which way is up?"
    said = [title, "By hand: a loss", "Your images", title]
    document = new_document("page")
    for words in said:
        inside = nodes.inline(words, words)
        document += nodes.reference("", "", inside, internal=True)
    document[-1]["internal"] = False
    titles = {"a": nodes.title(title, title), "b": nodes.title("", "Your images")}
    document.settings.env = SimpleNamespace(titles=titles)
    ShortReferences(document).run()
    short = [reference.astext() for reference in document]
    assert short == ["RotNet", *said[1:]]


def test_no_cell_is_left_for_the_bars_of_myst_nb() -> None:
    given = [
        code(PARAMETERS, "parameters", hide="input"),
        code("a()", hide="input", shows="figure"),
        code("b()", hide="input"),
    ]
    document = new_document("page")
    document += nodes.section("", *given)
    FoldedCells(document).run()
    assert not re.search("hide_mode", document.pformat())
