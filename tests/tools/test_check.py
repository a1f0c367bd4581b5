"""Each rule on a chapter, a copy or a page that breaks it, and on one that keeps it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tiny_book import cell, chapter

from tools import BookError, check

WIDGETS = "application/vnd.jupyter.widget-state+json"


def test_a_good_chapter_has_no_problems() -> None:
    cells = chapter("from ipywidgets import IntSlider", "if True:\n    size = 1")
    assert check.source(cells) == []
    assert check.style(cells) == []
    assert check.parameters(cells) == {"profile": "quick", "data": "shapes", "size": 3}


def test_parameters_are_read_with_annotations_and_negative_numbers() -> None:
    text = "rate: float = -1e-3  # a\nnames = ['a', None]  # b"
    cells = [cell("p", text, "parameters")]
    assert check.parameters(cells) == {"rate": -1e-3, "names": ["a", None]}


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([cell("a", "a = 1")], "0 cells are tagged"),
        ([cell("a", "a = 1", "parameters")] * 2, "2 cells are tagged"),
        ([cell("a", "a = f(1)", "parameters")], "a is no plain literal"),
        ([cell("a", "a, b = 1, 2", "parameters")], "no assignment to a name: a, b"),
        ([cell("a", "import os", "parameters")], "no assignment to a name: import os"),
        ([cell("a", "a: int", "parameters")], "no assignment to a name: a: int"),
    ],
)
def test_parameters_that_papermill_could_not_set_are_an_error(
    cells: list[dict[str, Any]], text: str
) -> None:
    with pytest.raises(BookError, match=text):
        check.parameters(cells)
    assert check.source(cells)


@pytest.mark.parametrize(
    "text",
    [
        "with widgets.Output():\n    print(1)",
        "out = Output()",
        "from ipywidgets import interact",
        "@widgets.interact(a=1)\ndef f(a): ...",
        "w.interactive_output(f, {})",
        "%matplotlib inline\nw.interactive(f)",
    ],
)
def test_widgets_that_need_a_kernel_are_an_error(text: str) -> None:
    problems = check.source(chapter("a = 1", text))
    assert len(problems) == 1
    assert problems[0].startswith("cell 4: `")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("%matplotlib inline", "a magic"),
        ("!ls", "a magic"),
        ("get_ipython().run_line_magic('time', '')", "calls IPython"),
        ("from os import *", "star import of os"),
        ("if profile == 'smoke':\n    a = 1", "branches on the profile"),
        ("a = 1 if smoke else 2", "branches on the profile"),
        ("match profile:\n    case _:\n        a = 1", "branches on the profile"),
        ("\n".join(f"a = {i}" for i in range(31)), "31 lines, over 30"),
    ],
)
def test_code_that_no_chapter_holds_is_found(text: str, problem: str) -> None:
    problems = check.style(chapter(text))
    assert len(problems) == 1
    assert problem in problems[0]
    assert problems[0].startswith("cell 3: ")


@pytest.mark.parametrize(
    "text", ["def f():\n    return 1", "f = lambda: 1", "class F:\n    a = 1"]
)
def test_a_folded_cell_defines_no_function(text: str) -> None:
    cells = chapter("a = 1", text)
    assert check.style(cells) == []
    cells[3]["metadata"]["tags"] = ["hide-input"]
    (problem,) = check.style(cells)
    assert problem.startswith("cell 4: defines a function in a folded cell")


@pytest.mark.parametrize(
    ("first", "good"),
    [
        ("# One", True),
        ("(label)=\n# One\n\n## Two\n\n```bash\n# no heading\n```", True),
        ("## Two", False),
        ("# One\n\ntext\n\n# Another", False),
    ],
)
def test_a_chapter_has_one_title_at_its_top(first: str, good: bool) -> None:
    cells = chapter("a = 1")
    cells[0]["source"] = first
    assert (check.style(cells) == []) is good


def test_a_title_further_down_is_found() -> None:
    cells = chapter("a = 1")
    assert check.style(cells[1:] + cells[:1])


def test_outputs_counts_missing_and_double_ids_are_found() -> None:
    cells = chapter("a = 1", "b = 2", "c = 3")
    cells[2]["outputs"] = [{"output_type": "stream"}]
    cells[3]["execution_count"] = 1
    assert len(check.style(cells)) == 2
    cells = chapter("a = 1", "b = 2", "c = 3")
    cells[3]["id"] = "code-1"
    del cells[4]["id"]
    found = check.style(cells)
    assert found == ["cell id 'code-1' stands 2 times", "cells without an id"]


def test_a_parameter_without_a_comment_is_found() -> None:
    cells = chapter("a = 1")
    cells[1]["source"] = "a = 1  # yes\n# yes\nb = [\n    1,\n]\nc = 3"
    assert check.style(cells) == ["cell 2: no comment on `c = 3`"]


def shown(data: dict[str, Any], *, alt: str = "", state: Any = None) -> list[str]:
    """Problems of an executed copy with this output and widget state."""
    output = {"output_type": "display_data", "data": data}
    metadata = {"mystnb": {"image": {"alt": alt}}}
    made = cell("a", "plot()", **metadata) | {"outputs": [output], "execution_count": 1}
    widgets = {WIDGETS: {"state": state or {}}}
    return check.executed({"cells": [made], "metadata": {"widgets": widgets}})


def test_figures_need_alt_text_wherever_they_come_from() -> None:
    assert shown({"image/png": "…"}, alt="A line.") == []
    assert shown({"image/svg+xml": "…"}, alt=" ")
    assert shown({"text/html": ["<p>", "<img alt='A line.' src='data:'>"]}) == []
    assert shown({"text/html": ["<p>", "<img src='data:'>"]})
    for name, value, good in (
        ("HTMLModel", "<img alt='Turned.' src='data:'>", True),
        ("HTMLModel", "<img src='data:'>", False),
        ("ImageModel", None, False),
        ("OutputModel", None, False),
        ("IntSliderModel", 3, True),
    ):
        state = {"id": {"model_name": name, "state": {"value": value}}}
        assert (shown({}, state=state) == []) is good, name


def test_a_figure_that_was_not_drawn_is_found() -> None:
    (problem,) = shown({"text/plain": ["<Figure size 620x300 with 1 Axes>"]}, alt="A.")
    assert "call sslkit.figures.plots.style() before" in problem
    both = {"text/plain": "<Figure size 620x300>", "image/svg+xml": "…"}
    assert shown(both, alt="A.") == []


def test_pages_are_held_against_the_contents_and_other_hosts(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text(
        '<link rel="canonical" href="https://a.example/good.html">'
        '<a href="https://a.example">a link may lead away</a>'
        '<script src="_static/a.js"></script><img alt="A line." src="a.png">'
    )
    assert check.pages(tmp_path, ["good"]) == []
    bad = {
        "no-alt": '<img src="a.png">',
        "path-as-alt": '<img src="a.png" alt="_images/a.png">',
        "script": '<script src="https://cdn.example/a.js"></script>',
        "style": '<link rel="stylesheet" href="//cdn.example/a.css">',
    }
    for name, html in bad.items():
        (tmp_path / f"{name}.html").write_text(html)
        assert len(check.pages(tmp_path, [name])) == 1, name
    assert check.pages(tmp_path, ["missing"]) == ["missing: no page was built"]


def test_a_page_that_is_too_heavy_with_its_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "_images").mkdir()
    for name, size in (("a.png", 900_000), ("b.png", 900_000), ("c.svg", 9_000_000)):
        content = b" " * size if name == "c.svg" else os.urandom(size)
        (tmp_path / "_images" / name).write_bytes(content)
    shown = '<img alt="A figure." src="_images/{}">'
    light = [shown.format(name) for name in ("a.png", "a.png", "c.svg#dark")]
    (tmp_path / "light.html").write_text("".join(light))
    (tmp_path / "heavy.html").write_text(shown.format("a.png") + shown.format("b.png"))
    (problem,) = check.pages(tmp_path, ["light", "heavy"])
    assert problem.startswith("heavy: weighs 1.80 MB with its images, over 1.5")
